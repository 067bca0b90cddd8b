import { readdirSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';
import { diskIo, type Journal, type JournalOptions, openJournal } from './index.ts';

const text = (value: string): Buffer => Buffer.from(value);

async function contents(journal: Journal, from = journal.first): Promise<[number, string][]> {
  const entries: [number, string][] = [];
  for await (const { index, record } of journal.read(from)) entries.push([index, Buffer.from(record).toString()]);
  return entries;
}

describe('journal', () => {
  it('gives each record the next index and reads them back in order, also after it was opened again', async () => {
    await using directory = await temporaryDirectory();
    {
      await using journal = await openJournal(directory.path);
      expect([journal.append(text('a')), journal.append([text('b'), text('')]), journal.append(text('d'))]).toEqual([
        0, 1, 3,
      ]);
      await journal.durable();
      expect(journal.durableNext).toBe(4);
    }
    await using again = await openJournal(directory.path);
    expect(await contents(again)).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, ''],
      [3, 'd'],
    ]);
    expect([again.next, again.durableNext]).toEqual([4, 4]);
  });

  it('keeps its files to the owner', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'journal');
    await using journal = await openJournal(path);
    journal.append(text('a'));
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(path)) {
      if (name.endsWith('.segment')) expect(statSync(join(path, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('refuses a second opener, in the same process too, until the first has closed', async () => {
    await using directory = await temporaryDirectory();
    const journal = await openJournal(directory.path);
    await expect(openJournal(directory.path)).rejects.toMatchObject({ code: 'conflict' });
    await journal.close();
    await (await openJournal(directory.path)).close();
  });

  it('shares one sync among all that ask while the disk is busy', async () => {
    await using directory = await temporaryDirectory();
    let syncs = 0;
    const io = {
      ...diskIo,
      sync: (fd: number, done: (error: Error | null) => void) => {
        syncs += 1;
        diskIo.sync(fd, done);
      },
    };
    await using journal = await openJournal(directory.path, { io });
    syncs = 0;
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        journal.append(text('x'));
        await journal.durable();
      }),
    );
    expect(syncs).toBe(1);
    await journal.durable();
    expect(syncs).toBe(1);
  });

  it('syncs by itself what nobody asked to be durable', async () => {
    await using directory = await temporaryDirectory();
    await using journal = await openJournal(directory.path, { maxUnsyncedMs: 5 });
    const index = journal.append(text('x'));
    await journal.waitForDurable(index, AbortSignal.timeout(5000));
    expect(journal.durableNext).toBe(1);
  });

  it('wakes who waits for a record, and lets a waiter give up', async () => {
    await using directory = await temporaryDirectory();
    await using journal = await openJournal(directory.path);
    const abort = new AbortController();
    const givenUp = journal.waitForWritten(0, abort.signal);
    const waiting = journal.waitForWritten(0);
    abort.abort(new Error('enough'));
    await expect(givenUp).rejects.toThrow('enough');
    journal.append(text('x'));
    await waiting;
    await journal.waitForWritten(0);
  });

  it('reads in batches that respect the limits but always make progress', async () => {
    await using directory = await temporaryDirectory();
    await using journal = await openJournal(directory.path, { maxSegmentBytes: 200 });
    for (let index = 0; index < 20; index += 1) journal.append(text('0123456789'));
    expect((await journal.readBatch(0, { maxBytes: 35 })).map((entry) => entry.index)).toEqual([0, 1, 2]);
    expect((await journal.readBatch(7, { maxBytes: 1 })).map((entry) => entry.index)).toEqual([7]);
    expect((await journal.readBatch(0, { maxRecords: 15 })).length).toBe(15);
    expect(await journal.readBatch(20)).toEqual([]);
  });

  it('drops whole segments only, and says so to who reads below', async () => {
    await using directory = await temporaryDirectory();
    {
      await using journal = await openJournal(directory.path, { maxSegmentBytes: 200 });
      for (let index = 0; index < 20; index += 1) journal.append(text(`record ${index}`));
      const before = journal.sizeBytes;
      await journal.trim(10);
      expect(journal.first).toBeGreaterThan(0);
      expect(journal.first).toBeLessThanOrEqual(10);
      expect(journal.sizeBytes).toBeLessThan(before);
      await expect(journal.readBatch(0)).rejects.toMatchObject({
        code: 'not_found',
        details: { first: journal.first },
      });
      await journal.trim(1000);
      expect(journal.next).toBe(20);
    }
    await using again = await openJournal(directory.path, { maxSegmentBytes: 200 });
    expect(again.append(text('next'))).toBe(20);
    expect((await contents(again)).at(-1)).toEqual([20, 'next']);
  });

  it('leaves out indexes that its owner remembers, and readers step over them', async () => {
    await using directory = await temporaryDirectory();
    {
      await using journal = await openJournal(directory.path);
      journal.append(text('a'));
    }
    await using journal = await openJournal(directory.path, { minimumNext: 100 });
    expect(journal.append(text('b'))).toBe(100);
    expect(await contents(journal)).toEqual([
      [0, 'a'],
      [100, 'b'],
    ]);
    expect(await contents(journal, 50)).toEqual([[100, 'b']]);
  });

  it('refuses to outgrow its limit and goes on once there is room', async () => {
    await using directory = await temporaryDirectory();
    await using journal = await openJournal(directory.path, { maxSegmentBytes: 200, maxTotalBytes: 600 });
    const fill = (): void => {
      for (;;) journal.append(text('0123456789'));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'journal_full' }));
    expect(journal.sizeBytes).toBeLessThanOrEqual(600);
    await journal.trim(journal.next);
    journal.append(text('room again'));
  });

  it('continues a short write', async () => {
    await using directory = await temporaryDirectory();
    const io = {
      ...diskIo,
      write: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
        diskIo.write(fd, bytes, offset, Math.min(3, length), position),
    };
    await using journal = await openJournal(directory.path, { io });
    journal.append([text('one'), text('two')]);
    expect(await contents(journal)).toEqual([
      [0, 'one'],
      [1, 'two'],
    ]);
  });

  it('never reports success again after the disk refused a sync', async () => {
    await using directory = await temporaryDirectory();
    let broken = false;
    const io = {
      ...diskIo,
      sync: (fd: number, done: (error: Error | null) => void) =>
        diskIo.sync(fd, (error) => done(broken ? new Error('EIO') : error)),
    };
    const journal = await openJournal(directory.path, { io });
    journal.append(text('a'));
    await journal.durable();
    broken = true;
    const index = journal.append(text('b'));
    const waiting = expect(journal.waitForDurable(index)).rejects.toMatchObject({ code: 'journal_failed' });
    await expect(journal.durable()).rejects.toMatchObject({ code: 'journal_failed' });
    await waiting;
    broken = false;
    await expect(journal.durable()).rejects.toMatchObject({ code: 'journal_failed' });
    expect(() => journal.append(text('c'))).toThrow(expect.objectContaining({ code: 'journal_failed' }));
    expect(journal.durableNext).toBe(1);
    await expect(journal.close()).rejects.toMatchObject({ code: 'journal_failed' });
    await (await openJournal(directory.path)).close();
  });

  it('says that it is closed', async () => {
    await using directory = await temporaryDirectory();
    const journal = await openJournal(directory.path);
    const waiting = expect(journal.waitForWritten(0)).rejects.toMatchObject({ code: 'journal_closed' });
    await journal.close();
    await journal.close();
    await waiting;
    expect(() => journal.append(text('x'))).toThrow(expect.objectContaining({ code: 'journal_closed' }));
    await expect(journal.durable()).rejects.toMatchObject({ code: 'journal_closed' });
    await expect(journal.readBatch(0)).rejects.toMatchObject({ code: 'journal_closed' });
  });

  it('equals a plain array under any order of appends, trims, reads and reopening', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('append' as const), sizes: fc.array(fc.nat(300), { maxLength: 4 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('trim' as const), share: fc.double({ min: 0, max: 1.1, noNaN: true }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('read' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
          maxBytes: fc.integer({ min: 1, max: 2000 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('durable' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.constantFrom(0, 500),
        async (steps, preallocateBytes) => {
          await using directory = await temporaryDirectory();
          const options: JournalOptions = { maxSegmentBytes: 1000, preallocateBytes };
          let journal = await openJournal(directory.path, options);
          const model: string[] = [];
          try {
            for (const action of steps) {
              if (action.do === 'append') {
                const records = action.sizes.map((size, position) => `${model.length + position}`.padEnd(size, '.'));
                expect(journal.append(records.map(text))).toBe(model.length);
                model.push(...records);
              } else if (action.do === 'trim') {
                const before = Math.floor(model.length * action.share);
                const first = journal.first;
                await journal.trim(before);
                expect(journal.first).toBeGreaterThanOrEqual(first);
                expect(journal.first).toBeLessThanOrEqual(Math.max(before, first));
              } else if (action.do === 'read') {
                const from = journal.first + Math.floor((journal.next - journal.first) * action.share);
                const entries = await journal.readBatch(from, { maxBytes: action.maxBytes });
                expect(entries.length > 0).toBe(from < model.length);
                expect(entries.map((entry) => Buffer.from(entry.record).toString())).toEqual(
                  model.slice(from, from + entries.length),
                );
              } else if (action.do === 'reopen') {
                await journal.close();
                journal = await openJournal(directory.path, options);
              } else {
                await journal.durable();
                expect(journal.durableNext).toBe(model.length);
              }
              expect(journal.next).toBe(model.length);
            }
            expect((await contents(journal)).map(([, value]) => value)).toEqual(model.slice(journal.first));
          } finally {
            await journal.close();
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
