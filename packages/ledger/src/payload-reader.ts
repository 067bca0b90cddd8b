// Reads the payloads of a ledger that somebody else may have open, without lock and without changing anything.
// What is only in the journal or cannot be read is reported as such, never guessed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBatch, type Removal, type StoredEntry } from './batch-record.ts';
import { formatSnapshotPath } from './integrator.ts';
import { decodePayloadBlock } from './payload-block.ts';
import { formatBlockPath } from './payload-store.ts';
import { tileWidth } from './tlog/tile-path.ts';

/** A payload as a verifier finds it. `unavailable`: it is in no file that can be read from outside, for instance only in the journal. */
export interface FoundPayload {
  readonly salt: Uint8Array;
  /** Null exactly when `removed` says why. */
  readonly payload: Uint8Array | null;
  readonly removed: Removal | 'unavailable' | null;
}

/** Gives the payloads of entries 256·block to 256·block + count - 1, exactly `count` of them. */
export type PayloadReader = (block: number, count: number) => Promise<readonly FoundPayload[]>;

const unavailable: FoundPayload = { salt: new Uint8Array(0), payload: null, removed: 'unavailable' };
const lost: FoundPayload = { salt: new Uint8Array(0), payload: null, removed: 'lost' };

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A reader of the payloads in a ledger's private directory. A damaged block's payloads are `lost`. */
export function createPayloadReader(privateDir: string): PayloadReader {
  const readSnapshot = async (): Promise<readonly StoredEntry[] | undefined> => {
    const state = await readIfThere(join(privateDir, 'state.json'));
    const settledSize = /"settledSize":(\d+)/.exec(Buffer.from(state ?? []).toString())?.[1];
    const snapshot = await readIfThere(join(privateDir, formatSnapshotPath(Number(settledSize ?? 0))));
    return snapshot && decodeBatch(snapshot)?.entries;
  };
  return async (block, count) => {
    let found: readonly FoundPayload[] | undefined;
    const bytes = await readIfThere(join(privateDir, formatBlockPath(block)));
    if (bytes) {
      found = await decodePayloadBlock(block * tileWidth, bytes).catch(() => Array.from({ length: count }, () => lost));
    } else if (count < tileWidth) {
      found = await readSnapshot();
    }
    return Array.from({ length: count }, (_, i) => found?.[i] ?? unavailable);
  };
}
