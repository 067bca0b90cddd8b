// The Defender's own name on every event: made at its first start and kept, because numbers only mean something under it.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@dockledger/contract';

const pattern = /^[a-z0-9]{16}$/;

/** Reads the id, or makes one at the first start. A damaged file stops the start: a new id would hide the old numbers. */
export async function loadDefenderId(path: string): Promise<string> {
  const found = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined) {
    const id = found.trim();
    if (!pattern.test(id)) {
      throw new AppError(
        'bad_setting',
        `The Defender's id in ${path} is damaged. Restore it, or remove ${dirname(path)} to begin as a new Defender.`,
      );
    }
    return id;
  }
  const id = [...randomBytes(16)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('');
  await using file = await open(`${path}.tmp`, 'w', 0o600);
  await file.writeFile(`${id}\n`);
  await file.sync();
  await rename(`${path}.tmp`, path);
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
  return id;
}
