// Where tests keep an engine's files: in memory where there is room, because the tests judge what is kept over kills, not over power cuts.
import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const shared = '/dev/shm';
const neededBytes = 1024 ** 3;

/** A new directory for one engine. The caller removes it. */
export async function makeScratchDirectory(): Promise<string> {
  const free = await statfs(shared).then(
    (stats) => stats.bavail * stats.bsize,
    () => 0,
  );
  return mkdtemp(join(free > neededBytes ? shared : tmpdir(), 'dl-events-'));
}
