// The kill loop: a Console in a process of its own, Defenders that send without pause, kill -9 of the event engine and of the
// Console at random moments, and the sum at the end. Used in a short form by the tests and in a long one by the torture run.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { channelRoutes, defenderHeader, protocolHeader } from '@dockledger/contract';
import { createTempDir, type StartedProcess, startProcess, until } from '@dockledger/testkit';
import { anEvent } from './an-event.ts';
import { type ClientCertificate, createDefenderCertificate } from './defender-certificate.ts';
import { createTestClient } from './http-client.ts';
import { admin, basic } from './test-console.ts';

interface Endpoints {
  readonly console: string;
  readonly defenderChannel: string;
  readonly caFile: string;
}

/** What was acknowledged and what is there. */
export interface KillResult {
  readonly sent: number;
  readonly kills: number;
  readonly engineKills: number;
  readonly records: {
    readonly total: number;
    readonly repeated: readonly string[];
    readonly outOfOrder: readonly string[];
  };
}

/** Runs the loop. `sent` counts the numbers that were acknowledged. */
export async function killConsoleAgainAndAgain(plan: {
  readonly kills: number;
  readonly defenders: number;
}): Promise<KillResult> {
  await using dir = await createTempDir('dl-kill-');
  let current = await startChild(dir.path);
  const over = new AbortController();
  const acknowledged = new Map<string, number>();
  const defenders = Array.from({ length: plan.defenders }, async (_, index) => {
    const id = `host-${index + 1}`;
    const certificate = await createDefenderCertificate(dir.path, id);
    let next = 1;
    while (!over.signal.aborted)
      next = await sendOnce(current.endpoints, certificate, id, next).catch(() => delay(20, next));
    acknowledged.set(id, next - 1);
  });
  let kills = 0;
  let engineKills = 0;
  try {
    for (; kills < plan.kills; kills++) {
      await delay(200 + Math.random() * 300);
      // The event engine dies alone first: the Console must go on accepting and fill it up again.
      for (const pid of await childrenOf(current.process.pid)) {
        process.kill(pid, 'SIGKILL');
        engineKills += 1;
      }
      await delay(200 + Math.random() * 300);
      current.process.child.kill('SIGKILL');
      await current.process.exited;
      current = await startChild(dir.path);
    }
    await delay(200);
  } finally {
    over.abort();
    await Promise.all(defenders);
  }
  const records = await readAll(current.endpoints);
  current.process.child.stdin?.end();
  await current.process.exited;
  const sent = [...acknowledged.values()].reduce((sum, count) => sum + count, 0);
  return { sent, kills, engineKills, records };
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

async function startChild(
  dataDir: string,
): Promise<{ readonly process: StartedProcess; readonly endpoints: Endpoints }> {
  const settings = {
    dataDir,
    consoleListen: '127.0.0.1:0',
    defenderChannelListen: '127.0.0.1:0',
    adminPassword: admin.password,
    logLevel: 'silent',
  };
  const child = fileURLToPath(new URL('console-child.ts', import.meta.url));
  const started = await startProcess(process.execPath, [child, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const endpoints = await until(
    'the Console listens',
    () => {
      if (started.child.exitCode !== null) throw new Error(started.output());
      return started.output().includes('\n') && (JSON.parse(started.output()) as Endpoints);
    },
    { withinMs: 30_000 },
  );
  return { process: started, endpoints };
}

/** Sends the batch of 20 from `next` on and gives the number to go on with. */
async function sendOnce(
  endpoints: Endpoints,
  certificate: ClientCertificate,
  id: string,
  next: number,
): Promise<number> {
  const ca = await readFile(endpoints.caFile, 'utf8');
  using client = createTestClient(
    endpoints.defenderChannel,
    ca,
    { [protocolHeader]: '1', [defenderHeader]: id },
    certificate,
  );
  // The content follows from the number alone, so a resend after a lost answer has the same bytes.
  const batch = Array.from({ length: 20 }, (_, index) =>
    anEvent({ defenderId: id, seq: next + index, api: `call-${next + index}` }),
  );
  const body = batch.map((event) => `${JSON.stringify(event)}\n`).join('');
  const answer = await client.send(channelRoutes.events, { method: 'POST', body });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json<{ expectedSeq: number }>().expectedSeq;
}

async function readAll(endpoints: Endpoints): Promise<KillResult['records']> {
  const ca = await readFile(endpoints.caFile, 'utf8');
  using client = createTestClient(endpoints.console, ca, basic(admin.username, admin.password));
  await until('everything is indexed', async () => {
    const status = (await client.send('/api/dockledger/v1/status')).json<{ ledgerSize: number; indexedSize: number }>();
    return status.ledgerSize === status.indexedSize;
  });
  const seen = new Set<string>();
  const [repeated, outOfOrder]: [string[], string[]] = [[], []];
  const last = new Map<string, number>();
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: { events: { id: string; defenderId: string; seq: number; api: string }[]; nextCursor?: string } = (
      await client.send(`/api/dockledger/v1/events?order=oldest&limit=1000${cursor && `&cursor=${cursor}`}`)
    ).json();
    for (const { id, defenderId, seq, api } of page.events) {
      if (seen.has(id)) repeated.push(id);
      seen.add(id);
      if (seq !== (last.get(defenderId) ?? 0) + 1 || api !== `call-${seq}`) outOfOrder.push(id);
      last.set(defenderId, seq);
    }
    cursor = page.nextCursor;
  }
  return { total: seen.size, repeated, outOfOrder };
}
