// Small named values that outlive the process, for instance how far a reader has come.
// Invariant: a value is either the old or the new one, whole, whatever happens while it is written.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError } from '@dockledger/contract/error-code';

/** Named values in a directory of their own. */
export interface PositionStore {
  /** The value kept under `name`, or undefined: never set, or set aside because it was damaged. Of unknown shape: parse it. */
  get(name: string): unknown;
  /**
   * Keeps a JSON value. Resolves when it, or a later value of the same name, is on the disk. Calls that arrive while the disk is busy share one write.
   * `name` is made of lower-case letters, digits, `-`, `_` and `.`. Rejects with
   * `disk_full` or `journal_failed`: the value before is then still the one on the disk.
   */
  set(name: string, value: unknown): Promise<void>;
}

/** How positions are kept. */
export interface PositionStoreOptions {
  /** Told in one sentence which file was damaged and set aside. Defaults to a process warning. */
  readonly onSetAside?: (message: string) => void;
}

/** Opens the positions in `directory`, which is made when missing. There is nothing to close. */
export function openPositionStore(directory: string, options: PositionStoreOptions = {}): PositionStore {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return new FilePositionStore(
    directory,
    options.onSetAside ?? ((message) => process.emitWarning(message, 'JournalWarning')),
  );
}

interface Pending {
  value: unknown;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class FilePositionStore implements PositionStore {
  readonly #directory: string;
  readonly #onSetAside: (message: string) => void;
  readonly #values = new Map<string, unknown>();
  readonly #pending = new Map<string, Pending>();
  readonly #busy = new Set<string>();

  constructor(directory: string, onSetAside: (message: string) => void) {
    this.#directory = directory;
    this.#onSetAside = onSetAside;
  }

  get(name: string): unknown {
    if (!this.#values.has(name)) this.#values.set(name, this.#load(this.#file(name)));
    return this.#values.get(name);
  }

  set(name: string, value: unknown): Promise<void> {
    this.#file(name);
    this.#values.set(name, value);
    let pending = this.#pending.get(name);
    if (pending === undefined) {
      pending = { value, ...Promise.withResolvers<void>() };
      this.#pending.set(name, pending);
    }
    pending.value = value;
    const { promise } = pending;
    if (!this.#busy.has(name)) void this.#writeAll(name);
    return promise;
  }

  #file(name: string): string {
    if (!/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name))
      throw new AppError('bad_parameter', `"${name}" is no name for a position.`);
    return join(this.#directory, `${name}.position`);
  }

  #load(file: string): unknown {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const json = text.slice(9, -1);
    if (text.endsWith('\n') && text.slice(0, 9) === `${checksum(json)} `) return JSON.parse(json);
    renameSync(file, `${file}.damaged`);
    this.#onSetAside(`${file} was damaged and set aside as ${file}.damaged; its reader starts from its default.`);
    return undefined;
  }

  async #writeAll(name: string): Promise<void> {
    this.#busy.add(name);
    for (let next = this.#pending.get(name); next !== undefined; next = this.#pending.get(name)) {
      this.#pending.delete(name);
      try {
        await replaceFile(this.#directory, this.#file(name), next.value);
        next.resolve();
      } catch (error) {
        const full = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
        next.reject(
          new AppError(full ? 'disk_full' : 'journal_failed', `The position "${name}" could not be saved.`, {
            cause: error,
          }),
        );
      }
    }
    this.#busy.delete(name);
  }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}

async function replaceFile(directory: string, file: string, value: unknown): Promise<void> {
  const json = JSON.stringify(value);
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(`${checksum(json)} ${json}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directoryHandle = await open(directory, 'r');
  try {
    await directoryHandle.sync();
  } finally {
    await directoryHandle.close();
  }
}
