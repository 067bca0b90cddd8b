// The long form of the crash and property tests, run by `npm run torture` only.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startEventEngine } from '../../event-engine/event-engine.ts';
import { describeAccessEventStore } from '../contract-suites/access-event-store.ts';
import { runWithCrashes } from '../contract-suites/crash-run.ts';
import { openClickHouseAccessEventStore } from './clickhouse-access-event-store.ts';

const dataDir = await mkdtemp(join(tmpdir(), 'dl-events-'));
const engine = await startEventEngine({ dataDir });
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
