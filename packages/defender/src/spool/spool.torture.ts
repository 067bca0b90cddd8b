// The long form of the spool's kill -9 loop.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { killSpool } from './testing/kill-spool.ts';

it('has each call exactly once after two minutes of kill -9', { timeout: 240_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spool-'));
  try {
    const figures = await killSpool(directory, 120_000);
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(figures.kills).toBeGreaterThan(100);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
