import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openJournal } from './journal.ts';

describe('a record that is larger than what is read at once', () => {
  it.each([256 * 1024, 1024 * 1024, 5_000_000])('of %i bytes is read back, live and after a restart', async (bytes) => {
    const directory = await mkdtemp(join(tmpdir(), 'journal-large-'));
    try {
      const lengths = [10, bytes, 5];
      for (const round of [1, 2]) {
        await using journal = await openJournal(directory);
        if (round === 1) for (const length of lengths) journal.append(new Uint8Array(length));
        const found: number[] = [];
        for await (const { record } of journal.read(0)) found.push(record.length);
        expect(found).toEqual(lengths);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
