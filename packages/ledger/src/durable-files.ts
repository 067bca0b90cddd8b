// Whole files that appear at once: written beside the directory they go to, renamed into place, synced now or later.
// Invariant: a reader sees a file's old content or its new one, never a part, also after kill -9.
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';

const fullCodes = new Set(['ENOSPC', 'EDQUOT']);

/** Writes files below one root. `stagingDirectory` must be on the same file system and is emptied when this is created. */
export class DurableFiles {
  readonly root: string;
  readonly #staging: string;
  readonly #known = new Set<string>();
  #count = 0;

  constructor(root: string, stagingDirectory: string, directoryMode = 0o755) {
    this.root = root;
    this.#staging = stagingDirectory;
    mkdirSync(root, { recursive: true, mode: directoryMode });
    rmSync(stagingDirectory, { recursive: true, force: true });
    mkdirSync(stagingDirectory, { recursive: true, mode: 0o700 });
    if (statSync(root).dev !== statSync(stagingDirectory).dev) {
      throw new AppError(
        'bad_setting',
        `${root} and ${stagingDirectory} are on different file systems; the ledger's public and private directories must share one.`,
      );
    }
  }

  /** Absolute path of a path relative to the root. */
  path(relativePath: string): string {
    return join(this.root, relativePath);
  }

  /** Puts the file in place; it survives the end of the process but not yet a power cut. Throws `disk_full`. */
  async write(relativePath: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
    const path = this.path(relativePath);
    this.#makeDirectory(dirname(path));
    const staged = this.#stagedName();
    try {
      // Not synchronously: while others sync, making a file waits for the file system's journal.
      await writeFile(staged, bytes, { mode });
      await rename(staged, path);
    } catch (cause) {
      throw this.#failed(path, staged, cause);
    }
  }

  /** Puts the file in place and on the disk, with its directory. Throws `disk_full`. */
  async writeDurably(relativePath: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
    const path = this.path(relativePath);
    this.#makeDirectory(dirname(path));
    const staged = this.#stagedName();
    try {
      // Opened before the rename: an error of writing the directory back is told only to who had it open.
      await using directory = await open(dirname(path), 'r');
      {
        await using file = await open(staged, 'w', mode);
        await file.writeFile(bytes);
        await file.sync();
      }
      await rename(staged, path);
      await directory.sync();
    } catch (cause) {
      throw this.#failed(path, staged, cause);
    }
  }

  /** Deletes files or directories, quietly when they are gone. Not durable. */
  remove(relativePath: string): void {
    rmSync(this.path(relativePath), { recursive: true, force: true });
    this.#known.delete(this.path(relativePath));
  }

  /** Puts files that {@link write} placed on the disk, and the directories on the way to them. One at a time, off the main thread. */
  async sync(relativePaths: readonly string[]): Promise<void> {
    const directories = new Set<string>([this.root]);
    for (const path of relativePaths) {
      const parts = relative(this.root, dirname(this.path(path))).split(sep);
      for (let depth = 1; depth <= parts.length; depth++) {
        directories.add(join(this.root, ...parts.slice(0, depth)));
      }
    }
    await syncAll(relativePaths.map((path) => this.path(path)));
    // Deepest first, so that a name is on the disk only when what it leads to is.
    await syncAll([...directories].toSorted((a, b) => b.length - a.length));
  }

  #stagedName(): string {
    this.#count += 1;
    return join(this.#staging, String(this.#count));
  }

  #failed(path: string, staged: string, cause: unknown): unknown {
    rmSync(staged, { force: true });
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (typeof code !== 'string' || !fullCodes.has(code)) return cause;
    return new AppError('disk_full', `No space left to write ${path}.`, { cause });
  }

  #makeDirectory(directory: string): void {
    if (this.#known.has(directory)) return;
    mkdirSync(directory, { recursive: true });
    this.#known.add(directory);
  }
}

async function syncAll(paths: readonly string[]): Promise<void> {
  // One at a time: the journal's own syncs share the same four threads and must not queue behind these.
  for (const path of paths) {
    await using handle = await open(path, 'r');
    await handle.sync();
  }
}
