// Reads the payloads of a ledger that somebody else may have open, without lock and without changing anything.
// Blocks, snapshot and journal are looked at in the order in which the ledger moves payloads; what is in none of them is reported, never guessed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJournalFiles } from '@dockledger/journal';
import { decodeBatch, type Removal, type StoredEntry } from './batch-record.ts';
import { formatSnapshotPath } from './integrator.ts';
import { decodePayloadBlock } from './payload-block.ts';
import { formatBlockPath } from './payload-store.ts';
import { tileWidth } from './tlog/tile-path.ts';

/** A payload as a verifier finds it. `unavailable`: it is in no file, though nothing says that it was removed. */
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
  let journalled: ReadonlyMap<number, StoredEntry> | undefined;

  const readBlock = async (block: number): Promise<readonly FoundPayload[] | undefined> => {
    const bytes = await readIfThere(join(privateDir, formatBlockPath(block)));
    return (
      bytes && decodePayloadBlock(block * tileWidth, bytes).catch(() => Array.from({ length: tileWidth }, () => lost))
    );
  };
  const readSnapshot = async (first: number): Promise<readonly StoredEntry[] | undefined> => {
    const state = await readIfThere(join(privateDir, 'state.json'));
    const settledSize = /"settledSize":(\d+)/.exec(Buffer.from(state ?? []).toString())?.[1];
    const snapshot = await readIfThere(join(privateDir, formatSnapshotPath(Number(settledSize ?? 0))));
    const batch = snapshot && decodeBatch(snapshot);
    return batch?.firstIndex === first ? batch.entries : undefined;
  };
  const readJournal = async (): Promise<ReadonlyMap<number, StoredEntry>> => {
    const entries = new Map<number, StoredEntry>();
    for await (const { record } of readJournalFiles(join(privateDir, 'journal'))) {
      const batch = decodeBatch(record);
      for (const [offset, entry] of batch?.entries.entries() ?? [])
        entries.set((batch?.firstIndex ?? 0) + offset, entry);
    }
    return entries;
  };

  return async (block, count) => {
    const first = block * tileWidth;
    const settled = (await readBlock(block)) ?? (await readSnapshot(first)) ?? [];
    if (settled.length >= count) return settled.slice(0, count);
    // The owner may have gone on since the journal was read last.
    if (journalled?.has(first + count - 1) !== true) journalled = await readJournal();
    const known = journalled;
    const found = Array.from({ length: count }, (_, i) => settled[i] ?? known.get(first + i));
    if (!found.includes(undefined)) return found.map((payload) => payload ?? unavailable);
    // And it may have moved from there into a block in between.
    const moved = await readBlock(block);
    return found.map((payload, i) => payload ?? moved?.[i] ?? unavailable);
  };
}
