// Owns the lock on a journal's directory: one opener at a time, in this process or any other.
// The kernel holds it (SQLite's file lock), so it ends with its process, also after kill -9, and a pid that was given out again cannot fool it.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@dockledger/contract/error-code';

/** A held lock. */
export interface DirectoryLock {
  /** Lets the next opener in. Idempotent. */
  release(): void;
}

const SQLITE_BUSY = 5;

/** Takes the lock of `directory`. Throws `conflict` when somebody holds it. */
export function lockDirectory(directory: string): DirectoryLock {
  const database = new DatabaseSync(join(directory, 'lock'), { timeout: 0 });
  try {
    // Nothing is ever stored: the file stays empty and only carries the lock. Memory journal, so that a full disk cannot matter.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
      throw new AppError(
        'conflict',
        `${directory} is in use by another process. Stop it, or choose another directory.`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}
