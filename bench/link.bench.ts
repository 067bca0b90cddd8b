// Durable accepted events per second over mutual TLS: a Console in a process of its own, Defenders that send batches as fast as
// they are acknowledged (fsynced in the ledger). Events are made beforehand. Prints a table and one line of JSON.
// Run: npx node bench/link.bench.ts
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { channelRoutes, defenderHeader, protocolHeader } from '@dockledger/contract';
import { startProcess, until } from '@dockledger/testkit';
import { anEvent } from '../packages/console/src/testing/an-event.ts';
import { createDefenderCertificate } from '../packages/console/src/testing/defender-certificate.ts';
import { createTestClient } from '../packages/console/src/testing/http-client.ts';

const plan = { defenders: 4, batches: 12, eventsInBatch: 2000 };

interface Endpoints {
  readonly defenderChannel: string;
  readonly caFile: string;
}

interface Figures {
  readonly eventStore: string;
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Of the Console's process alone, all its threads: what remains comparable on a machine that has other work. */
  readonly cpuUsPerEvent: number;
}

/** CPU seconds that a process has used; Linux counts in hundredths. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(eventStore: string): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'link-bench-'));
  const settings = {
    dataDir: directory,
    consoleListen: '127.0.0.1:0',
    defenderChannelListen: '127.0.0.1:0',
    adminPassword: 'only for this measurement',
    eventStore,
    logLevel: 'silent',
  };
  const child = join(import.meta.dirname, '../packages/console/src/testing/console-child.ts');
  const started = await startProcess(process.execPath, [child, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  try {
    const endpoints = await until(
      'the Console listens',
      () => started.output().includes('\n') && (JSON.parse(started.output()) as Endpoints),
      { withinMs: 30_000 },
    );
    const ca = await readFile(endpoints.caFile, 'utf8');
    const senders = await Promise.all(
      Array.from({ length: plan.defenders }, async (_, index) => {
        const defenderId = `bench-${index + 1}`;
        const bodies = Array.from({ length: plan.batches }, (_batch, batch) => {
          const from = batch * plan.eventsInBatch + 1;
          const lines = Array.from({ length: plan.eventsInBatch }, (_event, offset) =>
            JSON.stringify(anEvent({ defenderId, seq: from + offset, api: 'container_inspect' })),
          );
          return gzipSync(`${lines.join('\n')}\n`, { level: 1 });
        });
        const client = createTestClient(
          endpoints.defenderChannel,
          ca,
          { [protocolHeader]: '1', [defenderHeader]: defenderId },
          await createDefenderCertificate(directory, defenderId),
        );
        return { bodies, client };
      }),
    );
    const cpuBefore = await cpuSeconds(started.pid);
    const startedAt = performance.now();
    await Promise.all(
      senders.map(async ({ bodies, client }) => {
        for (const body of bodies) {
          const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
          const answer = await client.send(channelRoutes.events, { method: 'POST', headers, body });
          if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
        }
      }),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = (await cpuSeconds(started.pid)) - cpuBefore;
    for (const { client } of senders) client[Symbol.dispose]();
    const events = plan.defenders * plan.batches * plan.eventsInBatch;
    const cpuUsPerEvent = Math.round((cpu * 1_000_000) / events);
    return { eventStore, events, seconds, eventsPerSecond: Math.round(events / seconds), cpuUsPerEvent };
  } finally {
    started.child.stdin?.end();
    await started.exited;
    await rm(directory, { recursive: true, force: true });
  }
}

const results = [await measure('memory'), await measure('embedded')];
for (const { eventStore, events, seconds, eventsPerSecond, cpuUsPerEvent } of results) {
  process.stdout.write(
    `event store ${eventStore.padEnd(9)} ${events} events in ${seconds.toFixed(2)} s: ${eventsPerSecond} events/s, acknowledged and on disk; ${cpuUsPerEvent} us CPU of the Console each\n`,
  );
}
process.stdout.write(`${JSON.stringify({ bench: 'link', plan, results })}\n`);
