// Where the engine child listens: a private directory, and a path that a unix socket can have.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// sun_path holds 108 bytes with the closing NUL.
const longestSocketPath = 107;

/** A place for one socket. `dispose` removes what was made for it. */
export interface EngineSocketPlace {
  readonly path: string;
  dispose(): Promise<void>;
}

/** Makes a directory (mode 0700) for the socket under `dataDir`, or a short temporary one when that path would be too long. */
export async function makeEngineSocketPlace(dataDir: string): Promise<EngineSocketPlace> {
  const path = join(dataDir, 'run', 'engine.sock');
  if (Buffer.byteLength(path) <= longestSocketPath) {
    await mkdir(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
    // Deliberately left in place: it may be the socket of another engine that still holds the directory.
    return { path, dispose: async () => undefined };
  }
  // Deliberately not os.tmpdir() alone: TMPDIR may be long as well.
  const parent = Buffer.byteLength(tmpdir()) < 60 ? tmpdir() : '/tmp';
  const directory = await mkdtemp(join(parent, 'dockledger-'));
  return { path: join(directory, 'engine.sock'), dispose: () => rm(directory, { recursive: true, force: true }) };
}
