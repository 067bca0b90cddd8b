import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type EventEngine, startEventEngine } from '../../event-engine/event-engine.ts';
import { describeAccessEventStore } from '../contract-suites/access-event-store.ts';
import { openClickHouseAccessEventStore } from './clickhouse-access-event-store.ts';

let dataDir: string | undefined;
let engine: EventEngine | undefined;

describeAccessEventStore('embedded ClickHouse', async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'dl-events-'));
  engine = await startEventEngine({ dataDir });
  return openClickHouseAccessEventStore({
    socketPath: engine.socketPath,
    username: 'console',
    password: engine.secret,
    database: 'dockledger',
  });
});

afterAll(async () => {
  await engine?.stop();
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
});
