// What the event store costs on the embedded engine: inserting, and the queries of the page and the API. Prints a table and one line of JSON.
// Run: npx node bench/event-store.bench.ts [events, default 1000000]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventFilter } from '../packages/console/src/access-events/access-event-filter.ts';
import type { AccessEventStore } from '../packages/console/src/access-events/access-event-store.ts';
import { startEventEngine } from '../packages/console/src/event-engine/event-engine.ts';
import { openClickHouseAccessEventStore } from '../packages/console/src/storage/clickhouse/clickhouse-access-event-store.ts';

const size = Number(process.argv[2] ?? 1_000_000);
const batch = 10_000;
const days = 14;
const spanMs = days * 86_400_000;
const endMs = Date.now();

// A small generator of its own, so that every run has the same events.
let seed = 42;
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
  return seed / 4_294_967_296;
}
/** An index below `count`, small ones far more often, as users and hosts are in life. */
const skewed = (count: number): number => Math.floor(random() ** 3 * count);
const hex = (length: number): string => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
const apis = [
  'container_list',
  'container_inspect',
  'docker_ping',
  'docker_version',
  'container_create',
  'container_start',
].concat([
  'container_exec_create',
  'container_exec_start',
  'image_list',
  'image_create',
  'container_delete',
  'container_logs',
]);
const containers = Array.from({ length: 2000 }, (_, index) => ({ name: `/service-${index}`, id: hex(64) }));

function anEvent(ledgerIndex: number): StoredAccessEvent {
  const time = new Date(endMs - spanMs + Math.floor((ledgerIndex / size) * spanMs)).toISOString();
  const container = containers[skewed(containers.length)] ?? { name: '', id: '' };
  const allow = random() > 0.03;
  const api = apis[skewed(apis.length)] ?? '';
  const user = `user-${skewed(60)}`;
  const host = skewed(200);
  return {
    v: 1,
    id: `defender-${host}.1.${ledgerIndex + 1}`,
    defenderId: `defender-${host}`,
    epoch: 1,
    seq: ledgerIndex + 1,
    ledgerIndex,
    receivedAt: time,
    collections: host % 3 === 0 ? ['All', 'production'] : ['All'],
    type: random() < 0.9 ? 'docker' : 'sudo',
    api,
    time,
    count: random() < 0.1 ? 1 + skewed(40) : 1,
    decision: {
      effect: allow ? 'allow' : 'deny',
      rule: allow ? 'Default - allow all' : 'no-exec',
      reason: 'rule',
      text: allow ? '' : `[Dockledger] The command ${api} denied for user ${user} by rule no-exec.`,
      findings: [],
    },
    outcome: { state: 'done', status: allow ? 200 : 403 },
    actor: {
      user,
      userSource: 'login',
      uid: 1000 + host,
      loginUid: 1000 + host,
      pid: 1000 + Math.floor(random() * 30_000),
      exe: '/usr/bin/docker',
      commandLine: `docker exec ${container.name.slice(1)} sh -c 'date'`,
      sessionId: String(Math.floor(random() * 100_000)),
      sourceIP: `10.0.${host}.${Math.floor(random() * 250)}`,
    },
    target: {
      kind: 'container',
      containerId: container.id,
      containerName: container.name,
      imageName: `registry.example.com/team-${host % 20}/service:1.${host % 7}`,
      labels: { 'com.example.team': `team-${host % 20}` },
    },
    request: { method: 'POST', route: '/containers/{name}/exec', apiVersion: '1.41' },
    host: { hostname: `host-${host}`, fqdn: `host-${host}.example.com`, cluster: `cluster-${host % 4}`, accountID: '' },
    provenance: 'proxy',
  };
}

interface Figure {
  readonly what: string;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

async function measure(what: string, times: number, work: () => Promise<unknown>): Promise<Figure> {
  const tookMs: number[] = [];
  await work();
  for (let run = 0; run < times; run++) {
    const began = performance.now();
    await work();
    tookMs.push(performance.now() - began);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round((tookMs[Math.floor((times - 1) * share)] ?? 0) * 10) / 10;
  return { what, p50Ms: at(0.5), p95Ms: at(0.95) };
}

async function fill(store: AccessEventStore): Promise<number> {
  let insertingMs = 0;
  for (let from = 0; from < size; from += batch) {
    const to = Math.min(from + batch, size);
    const events = Array.from({ length: to - from }, (_, index) => anEvent(from + index));
    const began = performance.now();
    await store.appendRange({ from, to, events });
    insertingMs += performance.now() - began;
  }
  return Math.round((size * 1000) / insertingMs);
}

const directory = await mkdtemp(join(tmpdir(), 'event-store-bench-'));
const engine = await startEventEngine({ dataDir: directory });
const store = await openClickHouseAccessEventStore({
  socketPath: engine.socketPath,
  username: 'console',
  password: engine.secret,
  database: 'dockledger',
});
try {
  const insertedPerSecond = await fill(store);
  console.log(
    `${size} events over ${days} days, inserted durably at ${insertedPerSecond} events/s (batches of ${batch})`,
  );
  const all: AccessEventFilter = { scope: null };
  const ofUser: AccessEventFilter = { scope: null, include: { user: ['user-7'] } };
  const rare: AccessEventFilter = { scope: null, include: { sourceIP: ['10.0.3.7'] } };
  const lastWeek: AccessEventFilter = { scope: null, fromMs: endMs - 7 * 86_400_000 };
  const text: AccessEventFilter = { scope: null, text: 'SERVICE-77' };
  const facetColumns = ['user', 'api', 'hostname', 'imageName', 'cluster', 'ruleName'] as const;
  let position = 0;
  const single = { from: size, to: size };
  const figures = [
    await measure('newest 50', 20, () => store.page(all, { limit: 50 })),
    await measure('newest 50, user', 20, () => store.page(ofUser, { limit: 50 })),
    await measure('newest 50, rare address', 10, () => store.page(rare, { limit: 50 })),
    await measure('newest 50, absent user', 10, () =>
      store.page({ ...all, include: { user: ['nobody'] } }, { limit: 50 }),
    ),
    await measure('newest 50, text', 10, () => store.page(text, { limit: 50 })),
    await measure('newest 50, scope', 10, () => store.page({ scope: ['production'] }, { limit: 50 })),
    await measure('first 50 by user', 5, () =>
      store.page(all, { limit: 50, sort: { by: 'user', direction: 'ascending' } }),
    ),
    await measure('offset 100,000', 10, () => store.page(all, { limit: 50, offset: Math.min(100_000, size / 2) })),
    await measure('offset 20,000, user', 10, () =>
      store.page(ofUser, { limit: 50, offset: Math.min(20_000, size / 100) }),
    ),
    await measure('next 50 by position', 10, () =>
      store.pageAfter(all, {
        limit: 50,
        after: { timeMs: endMs - (spanMs * (position++ % 10)) / 10, ledgerIndex: 0, id: '' },
      }),
    ),
    await measure('by id', 20, () => store.byId(`absent.1.${position++}`, all)),
    await measure('count, all', 10, () => store.count(all)),
    await measure('count, user', 10, () => store.count(ofUser)),
    await measure('count, user and scope', 10, () => store.count({ ...ofUser, scope: ['production'] })),
    await measure('count, text', 10, () => store.count(text)),
    await measure('facets of 6 columns, 7 days', 10, () => store.facets(lastWeek, facetColumns, 20)),
    await measure('histogram, 60 bars, 7 days', 10, () =>
      store.histogram(all, { fromMs: endMs - 7 * 86_400_000, toMs: endMs, buckets: 60 }),
    ),
    await measure('append of 100 events', 20, async () => {
      single.from = single.to;
      single.to += 100;
      await store.appendRange({
        ...single,
        events: Array.from({ length: 100 }, (_, index) => anEvent(single.from + index)),
      });
    }),
  ];
  // One newest page after the other while 1,000 events/s arrive, in a batch of 100 every 100 ms.
  const over = new AbortController();
  const arriving = (async () => {
    let due = performance.now();
    while (!over.signal.aborted) {
      single.from = single.to;
      single.to += 100;
      await store.appendRange({
        ...single,
        events: Array.from({ length: 100 }, (_, index) => anEvent(single.from + index)),
      });
      due += 100;
      await delay(Math.max(0, due - performance.now()));
    }
  })();
  figures.push(await measure('newest 50 while 1,000 events/s arrive', 100, () => store.page(all, { limit: 50 })));
  figures.push(await measure('newest 50, user, same', 50, () => store.page(ofUser, { limit: 50 })));
  over.abort();
  await arriving;
  console.table(figures);
  const began = performance.now();
  let streamed = 0;
  for await (const event of store.stream(all)) streamed += event.seq > 0 ? 1 : 0;
  const streamedPerSecond = Math.round((streamed * 1000) / (performance.now() - began));
  console.log(
    `streamed ${streamed} events at ${streamedPerSecond} events/s, Console at ${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
  );
  console.log(JSON.stringify({ size, insertedPerSecond, streamedPerSecond, figures }));
} finally {
  await store.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
}
