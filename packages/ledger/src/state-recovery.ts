// Finds the private state again when its file is torn or lost: from the published checkpoint, the snapshot's name and the journal's beginning.
// Invariant: it never claims more settled than is; what it claims signed is checked against the rebuilt root before anything is signed.
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { AppError } from '@dockledger/contract/error-code';
import type { Journal } from '@dockledger/journal';
import { decodeBatch } from './batch-record.ts';
import type { DurableFiles } from './durable-files.ts';
import { type LedgerState, loadLedgerState, saveLedgerState } from './ledger-state.ts';
import { createNoteVerifier, nodeTreeHasher } from './node-crypto.ts';
import { parseSigningKey } from './signing-key.ts';
import { parseCheckpoint } from './tlog/checkpoint.ts';
import { parseNote, verifyNote } from './tlog/note.ts';
import { tileWidth } from './tlog/tile-path.ts';
import { toHex } from './tlog/tree-hash.ts';

/** The state, also when its file is damaged: that one is set aside as `state.json.damaged`. Undefined for a directory without a ledger. */
export async function loadOrRecoverState(
  publicFiles: DurableFiles,
  privateFiles: DurableFiles,
  journal: Journal,
  onProblem: (message: string, error: unknown) => void,
): Promise<LedgerState | undefined> {
  const path = privateFiles.path('state.json');
  try {
    const state = loadLedgerState(privateFiles);
    if (state) return state;
  } catch (error) {
    renameSync(path, `${path}.damaged`);
    onProblem(`${path} is damaged and was set aside as ${path}.damaged.`, error);
  }
  if (journal.next === 0 && !existsSync(publicFiles.path('checkpoint')) && !existsSync(publicFiles.path('tile'))) {
    return undefined;
  }
  const state = await recoverState(publicFiles, privateFiles, journal);
  await saveLedgerState(privateFiles, state);
  onProblem(`${path} was written anew from the checkpoint of size ${state.size}.`, undefined);
  return state;
}

async function recoverState(
  publicFiles: DurableFiles,
  privateFiles: DurableFiles,
  journal: Journal,
): Promise<LedgerState> {
  const checkpoint = await readOwnCheckpoint(publicFiles, privateFiles);
  const snapshots = readdirSync(privateFiles.root).flatMap((name) => {
    const size = /^snapshot-(\d+)$/.exec(name)?.[1];
    return size === undefined ? [] : [Number(size)];
  });
  const firstInJournal = await findFirstEntry(journal);
  // The journal reaches back to the settled size or further, and settling without a snapshot ends at a full block.
  const fullBlock =
    firstInJournal === undefined
      ? checkpoint.size - (checkpoint.size % tileWidth)
      : Math.ceil(firstInJournal / tileWidth) * tileWidth;
  const usable = snapshots.filter(
    (size) => size > fullBlock || (firstInJournal !== undefined && size >= firstInJournal),
  );
  const settledSize = usable.length > 0 ? Math.max(...usable) : fullBlock;
  return {
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: toHex(checkpoint.root),
    settledSize,
    cleanedSize: Math.min(checkpoint.size - (checkpoint.size % tileWidth), settledSize - (settledSize % tileWidth)),
  };
}

async function readOwnCheckpoint(
  publicFiles: DurableFiles,
  privateFiles: DurableFiles,
): Promise<ReturnType<typeof parseCheckpoint>> {
  const path = publicFiles.path('checkpoint');
  try {
    const keys = readFileSync(privateFiles.path('signing-keys'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    const note = parseNote(readFileSync(path));
    await verifyNote(
      note,
      keys.map((key) => createNoteVerifier(parseSigningKey(key).vkey)),
    );
    return parseCheckpoint(note.text);
  } catch (cause) {
    throw new AppError(
      'ledger_corrupt',
      `Neither ${privateFiles.path('state.json')} nor ${path} tells what was signed last. Restore the ledger from a backup.`,
      { cause },
    );
  }
}

/** Index of the first entry that the journal holds; undefined when it holds none. */
async function findFirstEntry(journal: Journal): Promise<number | undefined> {
  for await (const { record } of journal.read(journal.first)) {
    const batch = decodeBatch(record);
    if (batch) return batch.firstIndex;
  }
  return undefined;
}

/** The state of a ledger that has nothing yet. */
export function emptyState(origin: string): LedgerState {
  return { origin, size: 0, root: toHex(nodeTreeHasher.emptyRoot), settledSize: 0, cleanedSize: 0 };
}
