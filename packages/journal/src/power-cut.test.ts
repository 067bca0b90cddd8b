import { isAppError } from '@dockledger/contract/error-code';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';
import { openJournal } from './index.ts';
import { createForgetfulDisk } from './testing/forgetful-disk.ts';

const recordOf = (index: number): string => `${index}:`.padEnd(20 + ((index * 37) % 300), 'x');

describe('journal after a power cut', () => {
  it('has every record that was durable, and no wrong one, whatever the disk forgot of the rest', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('durable' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('begin durable' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 20, maxLength: 20 }),
        fc.constantFrom(0, 700),
        async (steps, numbers, preallocateBytes) => {
          await using directory = await temporaryDirectory();
          const options = { maxSegmentBytes: 1500, preallocateBytes };
          const disk = createForgetfulDisk();
          const journal = await openJournal(directory.path, { ...options, io: disk.io, maxUnsyncedMs: 1000 });
          let durable = 0;
          let begun: Promise<unknown> = Promise.resolve();
          for (const action of steps) {
            if (action.do === 'append') {
              journal.append(Array.from({ length: action.count }, (_, at) => Buffer.from(recordOf(journal.next + at))));
            } else if (action.do === 'durable') {
              await journal.durable();
              durable = journal.next;
            } else if (action.do === 'begin durable') {
              const upTo = journal.next;
              begun = journal.durable().then(
                () => (durable = Math.max(durable, upTo)),
                () => {},
              );
            } else if (action.do === 'settle') await begun;
            else await new Promise((resolve) => setImmediate(resolve));
          }
          const claimed = Math.max(durable, journal.durableNext);
          disk.cutPower();
          await journal.close().catch(() => {});
          let at = 0;
          disk.forget(() => numbers[at++ % numbers.length] ?? 0);

          await using again = await openJournal(directory.path, { ...options, onSetAside: () => {} });
          expect(again.next).toBeGreaterThanOrEqual(claimed);
          for (let from = 0; from < again.next; ) {
            try {
              const entries = await again.readBatch(from);
              if (entries.length === 0) break;
              for (const { index, record } of entries) expect(Buffer.from(record).toString()).toBe(recordOf(index));
              from = (entries.at(-1)?.index ?? from) + 1;
            } catch (error) {
              if (!isAppError(error, 'journal_corrupt')) throw error;
              expect(from).toBeGreaterThanOrEqual(claimed);
              from = Number(error.details?.['resumeAt']);
            }
          }
          const index = again.append(Buffer.from('after'));
          expect(Buffer.from((await again.readBatch(index))[0]?.record ?? []).toString()).toBe('after');
        },
      ),
      { numRuns: 30 },
    );
  });
});
