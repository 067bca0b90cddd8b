// The long form of the crash and property tests, run by `npm run torture` only.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { unrestricted } from '../../access-events/access-event-filter.ts';
import { startEventEngine } from '../../event-engine/event-engine.ts';
import { describeAccessEventStore } from '../contract-suites/access-event-store.ts';
import { runWithCrashes } from '../contract-suites/crash-run.ts';
import { anEvent, baseMs } from '../contract-suites/event-builders.ts';
import { openClickHouseAccessEventStore } from './clickhouse-access-event-store.ts';

const dataDir = await mkdtemp(join(tmpdir(), 'dl-events-'));
const engine = await startEventEngine({ dataDir, longestBackoffMs: 200 });
const connection = {
  socketPath: engine.socketPath,
  username: 'console',
  password: engine.secret,
  database: 'dockledger',
};

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describeAccessEventStore('embedded ClickHouse, at length', () => openClickHouseAccessEventStore(connection), {
  propertyRuns: 400,
});

describe('the event store over many crashes of its engine', () => {
  it.each([50, 2000, 12_000])(
    'holds every event once after 25 kills, in stretches up to %d',
    { timeout: 300_000 },
    async (rangeSize) => {
      const store = await openClickHouseAccessEventStore(connection);
      await store.clear();
      const result = await runWithCrashes(engine, store, { kills: 25, rangeSize, random: Math.random });
      await store.close();
      expect(result).toMatchObject({ rows: result.expected, distinctIds: result.expected, missing: [] });
    },
  );
});

describe('the event store on a full disk', () => {
  const run = promisify(execFile);
  const dayMs = 86_400_000;

  // Needs root, for a small file system of its own.
  it('says so, goes on reading, makes room by retention and goes on writing', { timeout: 300_000 }, async () => {
    const disk = await mkdtemp(join(tmpdir(), 'dl-full-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
    const small = await startEventEngine({ dataDir: disk });
    try {
      const store = await openClickHouseAccessEventStore({
        ...connection,
        socketPath: small.socketPath,
        password: small.secret,
      });
      const range = (from: number, size: number, timeMs: number) => ({
        from,
        to: from + size,
        // Random text, so that it does not shrink on disk.
        events: Array.from({ length: size }, (_, index) =>
          anEvent({
            ledgerIndex: from + index,
            timeMs,
            text: Array.from({ length: 60 }, () => Math.random().toString(36)).join(''),
          }),
        ),
      });
      const old = range(0, 2000, baseMs - 10 * dayMs);
      await store.appendRange(old);
      let indexed = 2000;
      const fill = async (): Promise<void> => {
        for (;;) {
          await store.appendRange(range(indexed, 1000, baseMs));
          indexed += 1000;
        }
      };
      await expect(fill()).rejects.toMatchObject({ code: 'disk_full' });
      expect(await store.indexedTo()).toBe(indexed);
      expect(await store.count(unrestricted)).toBeGreaterThanOrEqual(indexed);
      expect((await store.page(unrestricted, { limit: 50 })).length).toBe(50);
      await store.dropDaysBefore(baseMs - 5 * dayMs);
      const next = { ...range(indexed, 100, baseMs) };
      await expect
        .poll(
          () =>
            store.appendRange(next).then(
              () => 'stored',
              () => 'full',
            ),
          { timeout: 120_000 },
        )
        .toBe('stored');
      const seen = new Set<string>();
      let rows = 0;
      for await (const event of store.stream(unrestricted)) {
        rows += 1;
        seen.add(event.id);
      }
      expect(rows).toBe(seen.size);
      expect(rows).toBe(indexed - 2000 + 100);
      await store.close();
    } finally {
      await small.stop();
      await run('umount', [disk]);
      await rm(disk, { recursive: true, force: true });
    }
  });
});
