// A few files changed together, with a journal that can undo it byte for byte at any moment.
// Invariant: what a file held stands durably in the journal before the file is touched; each file is replaced whole.
import { chmod, chown, mkdir, open, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@dockledger/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const FileChange = Type.Object({
  path: Type.String(),
  /** Base64; null when there was no file. */
  before: Type.Union([Type.String(), Type.Null()]),
  mode: Type.Integer(),
  uid: Type.Integer(),
  gid: Type.Integer(),
  after: Type.String(),
  /** Directories that were made for it, outermost first. */
  madeDirectories: Type.Array(Type.String()),
});
/** One file: what it held, and what it shall hold. Contents are base64. */
export type FileChange = Static<typeof FileChange>;

/** How far it has come. Anything but `done` is to be undone after an interruption. */
export const ChangeJournal = Type.Object({
  v: Type.Literal(1),
  phase: Type.Union([Type.Literal('changing'), Type.Literal('done'), Type.Literal('undoing')]),
  files: Type.Array(FileChange),
  facts: Type.Record(Type.String(), Type.String()),
});
export type ChangeJournal = Static<typeof ChangeJournal>;

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

async function writeWhole(
  path: string,
  content: Buffer,
  mode: number,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const next = `${path}.dockledger-new`;
  await rm(next, { force: true });
  {
    await using file = await open(next, 'wx', 0o600);
    await file.writeFile(content);
    if (owner !== undefined) await chown(next, owner.uid, owner.gid);
    await chmod(next, mode);
    await file.sync();
  }
  await rename(next, path);
  await syncDirectory(dirname(path));
}

/** Writes the journal durably. */
export async function saveJournal(path: string, journal: ChangeJournal): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeWhole(path, Buffer.from(JSON.stringify(journal)), 0o600);
}

/** Reads it; undefined when there is none. Throws `internal` when it is damaged: nothing may be guessed then. */
export async function loadJournal(path: string): Promise<ChangeJournal | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const journal: unknown = JSON.parse(text);
    if (Value.Check(ChangeJournal, journal)) return journal;
  } catch {
    // Said below.
  }
  throw new AppError(
    'internal',
    `The journal ${path} is damaged. Mend the files that it names by hand, then remove it.`,
  );
}

/** Removes the journal durably: there is nothing to undo any more. */
export async function removeJournal(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/** Notes what a file holds now and what it shall hold. Changes nothing. */
export async function planChange(path: string, makeAfter: (before: string) => string): Promise<FileChange> {
  const madeDirectories: string[] = [];
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if (
      await stat(directory).then(
        () => true,
        () => false,
      )
    )
      break;
    madeDirectories.unshift(directory);
  }
  const found = await stat(path).catch(() => undefined);
  const before = found === undefined ? undefined : await readFile(path);
  return {
    path,
    before: before === undefined ? null : before.toString('base64'),
    mode: found === undefined ? 0o644 : found.mode & 0o7777,
    uid: found?.uid ?? 0,
    gid: found?.gid ?? 0,
    after: Buffer.from(makeAfter(before?.toString('utf8') ?? '')).toString('base64'),
    madeDirectories,
  };
}

/** Puts the new content in place. */
export async function applyChange(change: FileChange): Promise<void> {
  await mkdir(dirname(change.path), { recursive: true, mode: 0o755 });
  await writeWhole(change.path, Buffer.from(change.after, 'base64'), change.mode, change);
}

/** Puts the old content back, byte for byte, with its mode and owner; removes what was not there. Idempotent. */
export async function undoChange(change: FileChange): Promise<void> {
  if (change.before !== null) {
    await writeWhole(change.path, Buffer.from(change.before, 'base64'), change.mode, change);
    return;
  }
  await rm(change.path, { force: true });
  for (const directory of change.madeDirectories.toReversed()) {
    // Somebody else's file in it keeps the directory.
    await rmdir(directory).catch(() => {});
  }
}

/** Whether the file is neither as it was nor as it was made: somebody has edited it since. */
export async function isEdited(change: FileChange): Promise<boolean> {
  const now = await readFile(change.path).then(
    (content) => content.toString('base64'),
    () => null,
  );
  return now !== change.before && now !== change.after;
}
