import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAppError } from '@dockledger/contract/error-code';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { killLoop } from '../fixtures/kill-loop.ts';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';
import { type Journal, openJournal } from './index.ts';

const recordOf = (index: number): string => `record ${index} `.padEnd(30 + (index % 17), '#');

async function fill(path: string, count: number, maxSegmentBytes = 64 * 1024 * 1024): Promise<void> {
  await using journal = await openJournal(path, { maxSegmentBytes });
  while (journal.next < count) journal.append(Buffer.from(recordOf(journal.next)));
}

function segmentFiles(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.segment'))
    .sort()
    .map((name) => join(path, name));
}

/** Reads everything that can be read, and the ranges that the journal says it cannot. */
async function readAll(journal: Journal): Promise<{ records: Map<number, string>; lost: [number, number][] }> {
  const records = new Map<number, string>();
  const lost: [number, number][] = [];
  for (let from = journal.first; from < journal.next; ) {
    try {
      const entries = await journal.readBatch(from);
      if (entries.length === 0) throw new Error(`Nothing at ${from}, though the journal ends at ${journal.next}.`);
      for (const { index, record } of entries) {
        records.set(index, Buffer.from(record).toString());
        from = index + 1;
      }
    } catch (error) {
      if (!isAppError(error, 'journal_corrupt')) throw error;
      expect(error.details?.['from']).toBe(from);
      const resumeAt = Number(error.details?.['resumeAt']);
      expect(resumeAt).toBeGreaterThan(from);
      lost.push([from, resumeAt]);
      from = resumeAt;
    }
  }
  return { records, lost };
}

describe('journal recovery', () => {
  it('cuts a last record torn at any byte, keeps all before it, and reuses only the index that nobody saw', async () => {
    await using directory = await temporaryDirectory();
    const whole = join(directory.path, 'whole');
    await fill(whole, 4);
    const [file = ''] = segmentFiles(whole);
    const size = statSync(file).size;
    const lastFrame = 24 + recordOf(3).length;
    for (let cut = 1; cut <= lastFrame; cut += 1) {
      const path = join(directory.path, `cut-${cut}`);
      mkdirSync(path);
      const copy = join(path, '0000000000000000.segment');
      copyFileSync(file, copy);
      truncateSync(copy, size - cut);
      // Half of the runs find something behind the torn frame, as after blocks that were allocated but never written.
      if (cut % 2 === 0) appendFileSync(copy, Buffer.alloc(cut * 3));
      const messages: string[] = [];
      await using journal = await openJournal(path, { onSetAside: (message) => messages.push(message) });
      expect(journal.next).toBe(3);
      expect(journal.append(Buffer.from('new'))).toBe(3);
      const { records, lost } = await readAll(journal);
      expect([...records.values()]).toEqual([recordOf(0), recordOf(1), recordOf(2), 'new']);
      expect([lost, messages]).toEqual([[], []]);
    }
  });

  it('keeps all records of an append or none', async () => {
    await using directory = await temporaryDirectory();
    {
      await using journal = await openJournal(directory.path);
      journal.append(Buffer.from('before'));
      journal.append([Buffer.from('one'), Buffer.from('two'), Buffer.from('three')]);
    }
    const [file = ''] = segmentFiles(directory.path);
    truncateSync(file, statSync(file).size - 1);
    await using journal = await openJournal(directory.path);
    expect([...(await readAll(journal)).records.values()]).toEqual(['before']);
  });

  it('never returns a wrong record after bit flips anywhere, and names what is lost', async () => {
    await using directory = await temporaryDirectory();
    const whole = join(directory.path, 'whole');
    const count = 60;
    await fill(whole, count, 800);
    const names = segmentFiles(whole).map((file) => file.slice(whole.length + 1));
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(names.length - 1), fc.nat(790), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        async (flips) => {
          run += 1;
          const path = join(directory.path, `run-${run}`);
          mkdirSync(path);
          for (const name of names) copyFileSync(join(whole, name), join(path, name));
          for (const [segment, offset, mask] of flips) {
            const file = join(path, names[segment] ?? '');
            const bytes = readFileSync(file);
            if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ mask;
            writeFileSync(file, bytes);
          }
          const messages: string[] = [];
          await using journal = await openJournal(path, { onSetAside: (message) => messages.push(message) });
          const { records, lost } = await readAll(journal);
          for (const [index, record] of records) expect(record).toBe(recordOf(index));
          const isLost = (index: number): boolean => lost.some(([from, to]) => index >= from && index < to);
          // Only the tail may go without a report to readers: it looks like a write that a crash cut.
          for (let index = 0; index < journal.next && index < count; index += 1)
            expect(records.has(index)).toBe(!isLost(index));
          const lastSegment = Number((names.at(-1) ?? '').slice(0, 16));
          expect(journal.next).toBeGreaterThanOrEqual(lastSegment);
          expect(records.size).toBeGreaterThanOrEqual(count - flips.length * 25);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('reports a damaged record in a closed segment with file and offset, and reads on behind it', async () => {
    await using directory = await temporaryDirectory();
    await fill(directory.path, 40, 800);
    const [file = ''] = segmentFiles(directory.path);
    const bytes = readFileSync(file);
    const offset = 32 + 24 + recordOf(0).length;
    bytes[offset + 30] = 0;
    writeFileSync(file, bytes);
    await using journal = await openJournal(directory.path, { maxSegmentBytes: 800 });
    const first = await journal.readBatch(0);
    expect(first.map((entry) => entry.index)).toEqual([0]);
    await expect(journal.readBatch(1)).rejects.toMatchObject({
      code: 'journal_corrupt',
      details: { file, offset, from: 1, resumeAt: 2 },
    });
    expect((await journal.readBatch(2))[0]?.index).toBe(2);
  });

  it('reports a segment that vanished', async () => {
    await using directory = await temporaryDirectory();
    await fill(directory.path, 40, 800);
    const files = segmentFiles(directory.path);
    rmSync(files[1] ?? '');
    await using journal = await openJournal(directory.path);
    const { records, lost } = await readAll(journal);
    expect(lost.length).toBe(1);
    const [from, to] = lost[0] ?? [0, 0];
    expect(records.size + (to - from)).toBe(40);
  });

  it('never reads a record of another segment or an earlier life of the same blocks', async () => {
    await using directory = await temporaryDirectory();
    const other = join(directory.path, 'other');
    const path = join(directory.path, 'own');
    await fill(other, 10);
    await fill(path, 5);
    const foreign = readFileSync(segmentFiles(other)[0] ?? '');
    const own = readFileSync(segmentFiles(path)[0] ?? '');
    // The other journal's records 5 to 9 fit behind ours in every respect but the seed.
    appendFileSync(segmentFiles(path)[0] ?? '', foreign.subarray(own.length));
    await using journal = await openJournal(path);
    expect(journal.next).toBe(5);
  });

  it('sets a segment without a valid header aside, says so, and gives none of its indexes out again', async () => {
    await using directory = await temporaryDirectory();
    await fill(directory.path, 40, 800);
    const last = segmentFiles(directory.path).at(-1) ?? '';
    const bytes = readFileSync(last);
    bytes[9] = 77;
    writeFileSync(last, bytes);
    const messages: string[] = [];
    await using journal = await openJournal(directory.path, { onSetAside: (message) => messages.push(message) });
    expect(messages).toEqual([expect.stringContaining(last)]);
    expect(readdirSync(directory.path)).toContain(`${last.slice(directory.path.length + 1)}.damaged`);
    expect(journal.next).toBeGreaterThanOrEqual(40);
  });

  it.each([0, 4096])(
    'has every durable record, in order and once, after kill -9 at random moments (%i bytes ahead)',
    async (preallocate) => {
      await using directory = await temporaryDirectory();
      const figures = await killLoop(directory.path, { forMs: 1200, preallocate });
      expect(figures.kills).toBeGreaterThan(1);
      expect(figures.records).toBeGreaterThan(10);
    },
  );

  it('lets the next process in at once after kill -9 of the one that held the lock', async () => {
    await using directory = await temporaryDirectory();
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('../fixtures/appender.ts', import.meta.url)),
      directory.path,
    ]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await expect(openJournal(directory.path)).rejects.toMatchObject({ code: 'conflict' });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    await (await openJournal(directory.path)).close();
  });
});
