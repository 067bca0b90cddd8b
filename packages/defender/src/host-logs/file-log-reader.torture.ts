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
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createTempDir, until } from '@dockledger/testkit';
import { expect, it } from 'vitest';

const lineCount = Number(process.env['TORTURE_LINES'] ?? 1_100_000);

function shift(path: string): void {
  for (let k = 2000; k >= 1; k--) if (existsSync(`${path}.${k}`)) renameSync(`${path}.${k}`, `${path}.${k + 1}`);
}

it(`reads ${lineCount} lines exactly once, with a rotation every 0.5 s and a kill every 2 s`, async () => {
  await using dir = await createTempDir();
  const path = join(dir.path, 'auth.log');
  const records = join(dir.path, 'records');
  const child = fileURLToPath(new URL('testing/reader-child.ts', import.meta.url));
  const start = () => spawn(process.execPath, [child, path, records], { stdio: ['ignore', 'ignore', 'inherit'] });
  let reading = start();
  const log = { written: 0 };
  const write = (count: number): void => {
    appendFileSync(path, Array.from({ length: count }, () => `line ${log.written++} of the log\n`).join(''));
  };
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => reading.once('exit', resolve));
    reading.kill('SIGKILL');
    await ended;
  };
  const texts = (): string[] =>
    readFileSync(records, 'utf8')
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => (JSON.parse(line) as { texts: string[] }).texts);
  try {
    write(1);
    await until('the first line was read', () => existsSync(records) && texts().length === 1);
    for (let tick = 1; log.written < lineCount; tick++) {
      write(Math.min(1500, lineCount - log.written));
      await delay(50);
      if (tick % 10 === 0) {
        shift(path);
        if (tick % 20 === 0) {
          copyFileSync(path, `${path}.1`);
          truncateSync(path);
        } else {
          renameSync(path, `${path}.1`);
          writeFileSync(path, '');
        }
      }
      if (tick % 40 === 0) {
        await stop();
        reading = start();
      }
    }
    await until('all was read', () => texts().at(-1) === `line ${lineCount - 1} of the log`, {
      withinMs: 120_000,
      everyMs: 500,
    });
  } finally {
    await stop();
  }
  const read = texts();
  const wrong = read.findIndex((text, k) => text !== `line ${k} of the log`);
  expect({ count: read.length, firstWrong: wrong, there: read[wrong] }).toEqual({
    count: lineCount,
    firstWrong: -1,
    there: undefined,
  });
});
