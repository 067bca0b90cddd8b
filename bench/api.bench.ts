// What the compatible API costs over HTTPS: requests with Basic credentials by 64 clients at once, and pages of the audits while
// events arrive at 1,000 a second. Clients run in a process of their own. Prints a table and one line of JSON.
// Run: npx node bench/api.bench.ts [events, default 1000000]
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { anEvent } from '../packages/console/src/testing/an-event.ts';
import { admin, startTestConsole, type TestConsole } from '../packages/console/src/testing/test-console.ts';

interface Plan {
  readonly base: string;
  readonly ca: string;
  readonly path: string;
  readonly clients: number;
  readonly forMs: number;
}
interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const plan = process.argv[2];
if (plan?.startsWith('{') === true) console.log(JSON.stringify(await load(JSON.parse(plan) as Plan)));
else await measure(Number(plan ?? 1_000_000));

/** The client's side: each client sends its next request when the answer is read. */
async function load({ base, ca, path, clients, forMs }: Plan): Promise<Figures> {
  const agent = new Agent({ ca, keepAlive: true, maxSockets: clients });
  const authorization = `Basic ${Buffer.from(`${admin.username}:${admin.password}`).toString('base64')}`;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing = request(new URL(path, base), { agent, headers: { authorization } }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`${path} answers ${answer.statusCode}`));
        answer.resume();
        answer.on('end', resolve);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  await Promise.all(Array.from({ length: clients }, ask));
  const took: number[] = [];
  const startedAt = performance.now();
  const client = async () => {
    while (performance.now() - startedAt < forMs) {
      const sentAt = performance.now();
      await ask();
      took.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  took.sort((a, b) => a - b);
  const quantile = (part: number) => Math.round((took[Math.floor(took.length * part)] ?? 0) * 10) / 10;
  return {
    perSecond: Math.round(took.length / seconds),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
  };
}

async function runLoad(own: Omit<Plan, 'base' | 'ca'>, target: TestConsole): Promise<Figures> {
  const wanted: Plan = { ...own, base: target.running.endpoints.console, ca: target.ca };
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(wanted)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const chunk of child.stdout) printed += String(chunk);
  return JSON.parse(printed) as Figures;
}

async function measure(events: number): Promise<void> {
  await using target = await startTestConsole({ eventStore: 'embedded' });
  const defender = target.defender();
  const startMs = Date.now() - 14 * 86_400_000;
  let seq = 1;
  const send = async (count: number) => {
    const batch = Array.from({ length: count }, () => {
      const number = seq++;
      return anEvent({
        seq: number,
        time: new Date(startMs + (number / (events + 1)) * 14 * 86_400_000).toISOString(),
        actor: { user: `user-${number % 50}` },
        target: { containerName: `/app-${number % 300}`, imageName: `registry.example/app:${number % 20}` },
        host: { hostname: `host-${number % 40}` },
        ...(number % 30 === 0 && { decision: { effect: 'deny', rule: 'no exec' } }),
      });
    });
    const { status, text } = await defender.send(batch);
    if (status !== 200) throw new Error(text);
  };
  for (let sent = 0; sent < events; sent += 1000) await send(1000);
  await target.indexed();

  const results: Record<string, Figures> = {};
  results['64 clients, Basic, version'] = await runLoad({ path: '/api/v1/version', clients: 64, forMs: 5000 }, target);
  const over = new AbortController();
  const arriving = (async () => {
    while (!over.signal.aborted) {
      const next = delay(100);
      await send(100);
      await next;
    }
  })();
  const paths = {
    'page of 50': '/api/v33.01/audits/access',
    'page of 50, filtered': '/api/v33.01/audits/access?user=user-7&allow=false',
    'page of 50, offset 100,000': '/api/v33.01/audits/access?offset=100000',
  };
  for (const [name, path] of Object.entries(paths))
    results[`${name}, 1,000 events/s arriving`] = await runLoad({ path, clients: 1, forMs: 5000 }, target);
  over.abort();
  await arriving;
  for (const [name, { perSecond, p50Ms, p95Ms, p99Ms }] of Object.entries(results))
    console.log(`${name.padEnd(52)}${perSecond} requests/s   p50 ${p50Ms} ms   p95 ${p95Ms} ms   p99 ${p99Ms} ms`);
  console.log(JSON.stringify({ bench: 'api', events, results }));
}
