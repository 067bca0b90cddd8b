// The small private state file: what was signed, what is settled outside the write-ahead log, which keys sign.
// It is on the disk before a signature leaves the process, so a restart knows the size that must be rebuilt exactly.
import { readFileSync } from 'node:fs';
import { AppError } from '@dockledger/contract/error-code';
import type { DurableFiles } from './durable-files.ts';
import { nodeSha256 } from './node-crypto.ts';
import { toHex } from './tlog/tree-hash.ts';

/** Sizes only grow. All counts are of entries. */
export interface LedgerState {
  readonly origin: string;
  /** Size of the newest checkpoint that may have been signed. */
  readonly size: number;
  /** Root at `size`, hexadecimal. */
  readonly root: string;
  /** Entries below are on the disk outside the write-ahead log. When no multiple of 256, the rest is in the snapshot file. */
  readonly settledSize: number;
  /** Partial tiles of tiles that end at or below this size are deleted. */
  readonly cleanedSize: number;
}

const stateFile = 'state.json';

/** Undefined when there is none. Throws `ledger_corrupt` when it is damaged. */
export function loadLedgerState(files: DurableFiles): LedgerState | undefined {
  const path = files.path(stateFile);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const [body = '', digest = ''] = text.split('\n');
  if (toHex(nodeSha256(Buffer.from(body))) !== digest) {
    throw new AppError(
      'ledger_corrupt',
      `${path} does not match its checksum. Restore it, or the whole ledger, from a backup.`,
    );
  }
  const state: LedgerState = JSON.parse(body);
  return state;
}

/** Durable when it resolves. */
export async function saveLedgerState(files: DurableFiles, state: LedgerState): Promise<void> {
  const body = JSON.stringify(state);
  await files.writeDurably(stateFile, Buffer.from(`${body}\n${toHex(nodeSha256(Buffer.from(body)))}\n`), 0o600);
}
