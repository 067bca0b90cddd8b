import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { unrestricted } from '../../access-events/access-event-filter.ts';
import { type EventEngine, startEventEngine } from '../../event-engine/event-engine.ts';
import { describeAccessEventStore } from '../contract-suites/access-event-store.ts';
import { runWithCrashes } from '../contract-suites/crash-run.ts';
import { anEvent, baseMs } from '../contract-suites/event-builders.ts';
import { makeScratchDirectory } from '../contract-suites/scratch-directory.ts';
import { tables } from './access-event-schema.ts';
import { openClickHouseAccessEventStore } from './clickhouse-access-event-store.ts';
import { type ClickHouseConnection, createClickHouseClient } from './clickhouse-connection.ts';

const dayMs = 86_400_000;

const dataDir = await makeScratchDirectory();
const engine = await startEventEngine({ dataDir });

function connectionTo({ socketPath, secret }: EventEngine): ClickHouseConnection {
  return { socketPath, username: 'console', password: secret, database: 'dockledger' };
}

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describeAccessEventStore('embedded ClickHouse', () => openClickHouseAccessEventStore(connectionTo(engine)));

describe('the event store over crashes of its engine', () => {
  it('holds every event once after kill -9 in the middle of inserts', { timeout: 60_000 }, async () => {
    const store = await openClickHouseAccessEventStore(connectionTo(engine));
    await store.clear();
    const result = await runWithCrashes(engine, store, { kills: 4, rangeSize: 2000, random: Math.random });
    await store.close();
    expect(result).toMatchObject({ rows: result.expected, distinctIds: result.expected, missing: [] });
    expect(result.expected).toBeGreaterThan(0);
  });

  it.each([
    ['the same cut', [6]],
    ['another cut', [4, 6]],
    ['a longer cut', [9]],
  ])('completes a stretch of which a crash left one day out of three, by %s', async (_, cuts) => {
    const events = Array.from({ length: 9 }, (__, ledgerIndex) =>
      anEvent({ ledgerIndex, timeMs: baseMs - (ledgerIndex % 3) * dayMs, receivedMs: baseMs - dayMs }),
    );
    const interrupted = await openClickHouseAccessEventStore(connectionTo(engine));
    await interrupted.clear();
    await interrupted.appendRange({ from: 0, to: 6, events: events.slice(0, 6) });
    await interrupted.close();
    // What is left when the engine dies between the days of an insert: a part of the rows, and no progress.
    const client = createClickHouseClient(connectionTo(engine));
    await client.command({ query: `TRUNCATE TABLE ${tables.progress}` });
    for (const age of [0, 1]) {
      const day = Math.floor(baseMs / dayMs) - age;
      await client.command({ query: `ALTER TABLE ${tables.events} DROP PARTITION ${day}` });
    }
    await client.close();

    const store = await openClickHouseAccessEventStore(connectionTo(engine));
    expect(await store.count(unrestricted)).toBe(2);
    let from = await store.indexedTo();
    expect(from).toBe(0);
    for (const to of [...cuts, 9].filter((cut, index, all) => all.indexOf(cut) === index)) {
      await store.appendRange({ from, to, events: events.slice(from, to) });
      from = to;
    }
    const page = await store.page(unrestricted, {
      limit: 99,
      sort: { by: 'ledgerIndex', direction: 'ascending' },
    });
    expect(page.map((event) => event.ledgerIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await store.close();
  });

  it('lets a reader wait for the engine instead of failing', async () => {
    const store = await openClickHouseAccessEventStore(connectionTo(engine));
    const before = await store.count(unrestricted);
    if (engine.state.state === 'ready') process.kill(engine.state.pid, 'SIGKILL');
    expect(await store.count(unrestricted)).toBe(before);
    await store.close();
  });

  it('goes on where it was when it is opened again, and takes a retried stretch once', async () => {
    const first = await openClickHouseAccessEventStore(connectionTo(engine));
    await first.clear();
    const range = { from: 0, to: 3, events: [0, 1, 2].map((ledgerIndex) => anEvent({ ledgerIndex })) };
    await first.appendRange(range);
    await first.close();
    const second = await openClickHouseAccessEventStore(connectionTo(engine));
    expect(await second.indexedTo()).toBe(3);
    await second.appendRange(range);
    expect(await second.count(unrestricted)).toBe(3);
    await second.close();
  });
});

describe('the event store by URL', () => {
  it('speaks the same over TCP, compressed', async () => {
    const bridge = createServer((socket) => {
      const inner = connect(engine.socketPath);
      socket.pipe(inner).pipe(socket);
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
    });
    await once(bridge.listen(0, '127.0.0.1'), 'listening');
    const { port } = bridge.address() as AddressInfo;
    const url = `http://console:${engine.secret}@127.0.0.1:${port}`;
    const store = await openClickHouseAccessEventStore({ url, database: 'dockledger' });
    await store.clear();
    const event = anEvent({ ledgerIndex: 0, user: "o'neill" });
    await store.appendRange({ from: 0, to: 1, events: [event] });
    expect(await store.page({ scope: null, include: { user: ["o'neill"] } }, { limit: 5 })).toEqual([event]);
    await store.close();
    bridge.close();
  });

  it('says that the store is away when nothing listens', async () => {
    const url = 'http://console:x@127.0.0.1:1';
    await expect(openClickHouseAccessEventStore({ url, database: 'dockledger' })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });
});
