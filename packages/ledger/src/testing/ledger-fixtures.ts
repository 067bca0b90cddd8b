// Temporary ledgers and entries for tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntryInput } from '../batch-record.ts';
import type { LedgerOptions } from '../open-ledger.ts';

/** A directory that is deleted when the scope ends, with the two directories of a ledger in it. */
export async function temporaryLedger(): Promise<AsyncDisposable & LedgerOptions & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  return {
    directory,
    publicDir: join(directory, 'ledger'),
    privateDir: join(directory, 'ledger-private'),
    origin: 'dockledger.example/test',
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The entry that tests append at `index`. */
export function entryAt(index: number): EntryInput {
  return {
    envelope: Buffer.from(`envelope ${index}`),
    salt: Buffer.from(`salt ${index % 7}`),
    payload: Buffer.from(`payload ${index} ${'x'.repeat(index % 50)}`),
  };
}

/** Entries `from` to `to` - 1. */
export function entriesBetween(from: number, to: number): EntryInput[] {
  return Array.from({ length: to - from }, (_, i) => entryAt(from + i));
}
