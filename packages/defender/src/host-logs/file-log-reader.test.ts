import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { type FileLogReaderOptions, openFileLogReader } from './file-log-reader.ts';
import type { FilePosition } from './log-file-identity.ts';

type Taken = {
  readonly texts: string[];
  readonly positions: FilePosition[];
  readonly gaps: string[];
  readonly cut: boolean[];
};

function startReader(path: string, more: Partial<FileLogReaderOptions> = {}) {
  const taken: Taken = { texts: [], positions: [], gaps: [], cut: [] };
  const reader = openFileLogReader({
    path,
    resumeFrom: null,
    startAt: 'beginning',
    pollMs: 5,
    retireMs: 50,
    deliver: async (lines) => {
      for (const { bytes, position, isTruncated } of lines) {
        taken.texts.push(Buffer.from(bytes).toString());
        taken.positions.push(position);
        taken.cut.push(isTruncated);
      }
      await Promise.resolve();
    },
    onGap: ({ reason }) => void taken.gaps.push(reason),
    ...more,
  });
  return { taken, reader, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}

const lastPosition = (taken: Taken): FilePosition => {
  const position = taken.positions.at(-1);
  if (position === undefined) throw new Error('nothing was read');
  return JSON.parse(JSON.stringify(position)) as FilePosition;
};

describe('a file reader at work', () => {
  it('gives ended lines as they come, and an unended one once it is ended', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    await using running = startReader(path);
    writeFileSync(path, 'one\ntwo\nthr');
    await until('two lines came', () => running.taken.texts.length === 2);
    appendFileSync(path, 'ee\n');
    await until('the third came', () => running.taken.texts.length === 3);
    expect(running.taken.texts).toEqual(['one', 'two', 'three']);
    expect(running.taken.positions.map(({ offset }) => offset)).toEqual([4, 8, 14]);
  });

  it('begins at the end when it is told to', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    writeFileSync(path, 'old\n');
    await using running = startReader(path, { startAt: 'end' });
    await until('the new line came', () => {
      appendFileSync(path, 'new\n');
      return running.taken.texts.length > 0;
    });
    expect(running.taken.texts).not.toContain('old');
  });

  it('follows a rename, with lines that its writer still puts into the old file', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    writeFileSync(path, 'one\n');
    await using running = startReader(path, { retireMs: 10_000 });
    await until('the first came', () => running.taken.texts.length === 1);
    renameSync(path, `${path}.1`);
    writeFileSync(path, '');
    appendFileSync(`${path}.1`, 'two\nunended');
    await until('the late line came', () => running.taken.texts.length === 2);
    appendFileSync(path, 'three\n');
    await until('the new file was read', () => running.taken.texts.length === 4);
    expect(running.taken.texts).toEqual(['one', 'two', 'unended', 'three']);
  });

  it('follows copytruncate, even when the file grew past the old size at once', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    writeFileSync(path, 'first\n');
    await using running = startReader(path);
    await until('the first came', () => running.taken.texts.length === 1);
    appendFileSync(path, 'second\n');
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, 'a line much longer than all before\n');
    await until('all came', () => running.taken.texts.length === 3);
    expect(running.taken.texts).toEqual(['first', 'second', 'a line much longer than all before']);
  });

  it('gives the beginning of a line over the limit, marked, and then the next line', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    writeFileSync(path, `${'x'.repeat(200_000)}\r\n${'\0'.repeat(300_000)}next\r\n`);
    await using running = startReader(path);
    await until('both came', () => running.taken.texts.length === 2);
    expect(running.taken.texts.map((text) => text.length)).toEqual([65_536, 5]);
    expect(running.taken.cut).toEqual([true, false]);
    expect(running.taken.positions[1]?.offset).toBe(500_008);
  });

  it('ends with the error of a delivery that failed', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    writeFileSync(path, 'one\n');
    await using running = startReader(path, { deliver: () => Promise.reject(new Error('spool full')) });
    await expect(running.reader.done).rejects.toThrow('spool full');
  });
});

describe('a file reader that was down', () => {
  const firstPart = async (path: string): Promise<FilePosition> => {
    writeFileSync(path, 'one\ntwo\n');
    await using running = startReader(path);
    await until('two lines came', () => running.taken.texts.length === 2);
    return lastPosition(running.taken);
  };

  it.each<readonly [string, (path: string) => void]>([
    ['nothing', (path) => appendFileSync(path, 'three\nfour\n')],
    [
      'a rename',
      (path) => {
        appendFileSync(path, 'three\n');
        renameSync(path, `${path}.1`);
        writeFileSync(path, 'four\n');
      },
    ],
    [
      'copytruncate',
      (path) => {
        appendFileSync(path, 'three\n');
        copyFileSync(path, `${path}.1`);
        truncateSync(path);
        appendFileSync(path, 'four\n');
      },
    ],
    [
      'compression',
      (path) => {
        writeFileSync(`${path}-20261122.gz`, gzipSync('one\ntwo\nthree\n'));
        writeFileSync(path, 'four\n');
      },
    ],
    [
      'two rotations, one compressed',
      (path) => {
        writeFileSync(`${path}.2.gz`, gzipSync('one\ntwo\nthree\n'));
        writeFileSync(`${path}.1`, '');
        writeFileSync(path, 'four\n');
      },
    ],
  ])('goes on exactly where it was after %s', async (_what, rotate) => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    const resumeFrom = await firstPart(path);
    rotate(path);
    await using running = startReader(path, { resumeFrom });
    await until('both came', () => running.taken.texts.length >= 2);
    expect(running.taken.texts).toEqual(['three', 'four']);
    expect(running.taken.gaps).toEqual([]);
  });

  it('tells of a gap when the file it read is nowhere', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    const resumeFrom = await firstPart(path);
    writeFileSync(path, 'four\n');
    await using running = startReader(path, { resumeFrom });
    await until('the line came', () => running.taken.texts.length === 1);
    expect(running.taken.gaps).toHaveLength(1);
  });
});

describe('a file reader that is killed', () => {
  it('has each line on record exactly once, through renames', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'auth.log');
    const records = join(dir.path, 'records');
    const child = fileURLToPath(new URL('testing/reader-child.ts', import.meta.url));
    const start = () => spawn(process.execPath, [child, path, records], { stdio: ['ignore', 'ignore', 'inherit'] });
    const countOf = (): number => (existsSync(records) ? textsOf(records).length : 0);
    let written = 0;
    let reading = start();
    try {
      // A reader that never read this log begins with the file at the path: it has to have seen it before it is rotated.
      appendFileSync(path, `line ${written++} of the log\n`);
      await until('the first line was read', () => countOf() === 1);
      for (let round = 1; round <= 6; round++) {
        const before = countOf();
        for (let k = 0; k < 10; k++) {
          appendFileSync(path, Array.from({ length: 500 }, () => `line ${written++} of the log\n`).join(''));
          if (k === 4) rotate(path);
        }
        await until('it read on', () => countOf() > before);
        const ended = new Promise((resolve) => reading.once('exit', resolve));
        reading.kill('SIGKILL');
        await ended;
        if (round % 2 === 0) rotate(path);
        reading = start();
      }
      await until('all was read', () => countOf() >= written, { withinMs: 8_000 });
    } finally {
      reading.kill('SIGKILL');
    }
    expect(textsOf(records)).toEqual(Array.from({ length: written }, (_, k) => `line ${k} of the log`));
  });
});

function textsOf(records: string): string[] {
  const whole = readFileSync(records, 'utf8').split('\n').slice(0, -1);
  return whole.flatMap((line) => (JSON.parse(line) as { texts: string[] }).texts);
}

/** logrotate's rename of three generations. */
function rotate(path: string): void {
  for (let k = 8; k >= 1; k--) if (existsSync(`${path}.${k}`)) renameSync(`${path}.${k}`, `${path}.${k + 1}`);
  if (existsSync(path)) renameSync(path, `${path}.1`);
  writeFileSync(path, '');
}
