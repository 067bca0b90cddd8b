// Where a verifier reads a tlog-tiles log from: a directory or a URL. Reads only, and takes part in nothing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';

/** Gives a log's files by their path, for instance `tile/0/000`. */
export interface LedgerSource {
  /** Undefined when there is no such file. Throws when it cannot be told. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** The log in a directory, whether somebody writes to it or not. */
export function createDirectorySource(directory: string): LedgerSource {
  return {
    async read(path) {
      try {
        return await readFile(join(directory, path));
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        throw error;
      }
    },
  };
}

/** The log below a URL. `headers` go with every request, for instance an Authorization. Throws `unavailable` for answers but 200 and 404. */
export function createUrlSource(url: string, headers: Readonly<Record<string, string>> = {}): LedgerSource {
  const prefix = url.replace(/\/+$/, '');
  return {
    async read(path) {
      const response = await fetch(`${prefix}/${path}`, { headers });
      if (response.status === 404) return undefined;
      if (response.status !== 200) {
        throw new AppError('unavailable', `${prefix}/${path} answered ${response.status}.`);
      }
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
