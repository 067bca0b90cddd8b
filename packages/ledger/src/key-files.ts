// The signing keys on disk and their public side: `signing-keys` (secret, newest first), `vkey` (the newest), `vkeys` (all ever used, oldest first).
// A new key is on the disk before it signs; an old public key is never forgotten.
import { existsSync, readFileSync } from 'node:fs';
import { AppError } from '@dockledger/contract/error-code';
import type { DurableFiles } from './durable-files.ts';
import { createSigningKey, parseSigningKey, type SigningKey } from './signing-key.ts';

const secretFile = 'signing-keys';

function readLines(path: string): string[] {
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

/** The keys that sign checkpoints, newest first, never empty. */
export class KeyFiles {
  readonly #privateFiles: DurableFiles;
  readonly #publicFiles: DurableFiles;
  #keys: readonly SigningKey[];

  private constructor(privateFiles: DurableFiles, publicFiles: DurableFiles, keys: readonly SigningKey[]) {
    this.#privateFiles = privateFiles;
    this.#publicFiles = publicFiles;
    this.#keys = keys;
  }

  /** Loads the keys; makes the first one when `isNew`. Throws `ledger_corrupt` when an existing ledger has none. */
  static async load(options: {
    privateFiles: DurableFiles;
    publicFiles: DurableFiles;
    origin: string;
    isNew: boolean;
  }): Promise<KeyFiles> {
    const path = options.privateFiles.path(secretFile);
    const found = readLines(path).map(parseSigningKey);
    if (found.length === 0 && !options.isNew) {
      throw new AppError(
        'ledger_corrupt',
        `The signing key ${path} is missing. Restore it from a backup: a new key cannot go on with this ledger unseen.`,
      );
    }
    const keys = found.length > 0 ? found : [createSigningKey(options.origin)];
    const files = new KeyFiles(options.privateFiles, options.publicFiles, keys);
    if (found.length === 0) await files.#saveSecrets();
    await files.#publish();
    return files;
  }

  /** Newest first. */
  get keys(): readonly SigningKey[] {
    return this.#keys;
  }

  /** All public keys that ever signed, oldest first. */
  get history(): readonly string[] {
    return readLines(this.#publicFiles.path('vkeys'));
  }

  /** Makes a new key, which signs first from now on; the ones so far sign beside it. */
  async rotate(): Promise<SigningKey> {
    const key = createSigningKey(this.#keys[0]?.name ?? '');
    this.#keys = [key, ...this.#keys];
    await this.#saveSecrets();
    await this.#publish();
    return key;
  }

  /** Deletes all keys but the newest. */
  async retire(): Promise<void> {
    this.#keys = this.#keys.slice(0, 1);
    await this.#saveSecrets();
  }

  async #saveSecrets(): Promise<void> {
    const text = this.#keys.map(({ skey }) => `${skey}\n`).join('');
    await this.#privateFiles.writeDurably(secretFile, Buffer.from(text), 0o600);
  }

  async #publish(): Promise<void> {
    const newest = this.#keys[0]?.vkey ?? '';
    const known = this.history;
    const added = this.#keys
      .map(({ vkey }) => vkey)
      .toReversed()
      .filter((vkey) => !known.includes(vkey));
    if (added.length > 0) {
      await this.#publicFiles.writeDurably(
        'vkeys',
        Buffer.from([...known, ...added].map((vkey) => `${vkey}\n`).join('')),
      );
    }
    if (readLines(this.#publicFiles.path('vkey'))[0] !== newest) {
      await this.#publicFiles.writeDurably('vkey', Buffer.from(`${newest}\n`));
    }
  }
}
