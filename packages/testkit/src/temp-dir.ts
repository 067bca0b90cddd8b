// Private temp directories for tests. Short paths, because unix socket paths may not pass 107 bytes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is removed with all that is in it when disposed. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** Makes a fresh directory, mode 0700, under the system's temp directory. */
export async function createTempDir(prefix = 'dl-'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}
