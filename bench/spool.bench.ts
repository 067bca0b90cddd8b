// What recording costs a Docker call: time in the recorder, and the whole CPU until the event is in the outbox. Prints a table and one line of JSON.
// Run: npx node bench/spool.bench.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventDraft } from '@dockledger/contract';
import { openSpool, type Spool } from '../packages/defender/src/spool/spool.ts';

const draft: EventDraft = {
  type: 'docker',
  api: 'container_inspect',
  time: '2026-11-23T15:00:00.000Z',
  decision: { effect: 'allow', rule: 'Default - allow all', reason: 'rule', text: 'allowed', findings: [] },
  actor: {
    user: 'alice',
    userSource: 'login',
    uid: 0,
    effectiveUser: 'root',
    loginUser: 'alice',
    loginUid: 1000,
    pid: 4711,
    exe: '/usr/bin/docker',
    commandLine: 'docker inspect web',
  },
  target: {
    kind: 'container',
    containerId: 'c'.repeat(64),
    containerName: '/web',
    imageName: 'nginx:latest',
    labels: { app: 'web' },
  },
  request: { method: 'GET', route: '/containers/{name}/json', target: '/containers/web/json', apiVersion: '1.41' },
  provenance: 'proxy',
};
const host = { hostname: 'host', fqdn: 'host.example', cluster: '', accountID: '' };

interface Figures {
  readonly what: string;
  readonly calls: number;
  readonly inRecorderUs: number;
  readonly cpuUs: number;
}

/** Calls in groups, as a busy event loop brings them; a pause between groups lets the spool work. */
async function measure(spool: Spool, what: string, calls: number, call: (n: number) => void): Promise<Figures> {
  const cpu = process.cpuUsage();
  let inRecorderNs = 0n;
  for (let done = 0; done < calls; done += 50) {
    const began = process.hrtime.bigint();
    for (let n = done; n < done + 50; n += 1) call(n);
    inRecorderNs += process.hrtime.bigint() - began;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await spool.flush();
  const { user, system } = process.cpuUsage(cpu);
  const round = (us: number): number => Math.round((us / calls) * 10) / 10;
  return { what, calls, inRecorderUs: round(Number(inRecorderNs) / 1000), cpuUs: round(user + system) };
}

const directory = await mkdtemp(join(tmpdir(), 'spool-bench-'));
try {
  await using spool = await openSpool(directory, { defenderId: 'd', host });
  const { recorder } = spool;
  const outcome = { state: 'done', status: 200 } as const;
  const mergedRead = (n: number): void =>
    void recorder.request({ kind: 'request', rid: recorder.nextRid(), draft, outcome, mergeKey: `k${n % 20}` });
  const ownRead = (): void => void recorder.request({ kind: 'request', rid: recorder.nextRid(), draft, outcome });
  const write = (): void => {
    const rid = recorder.nextRid();
    void recorder.request({ kind: 'request', rid, draft });
    void recorder.outcome(rid, outcome);
  };
  await measure(spool, 'warm', 20_000, mergedRead);
  await measure(spool, 'warm', 10_000, write);
  const results = [
    await measure(spool, 'identical read, merged', 50_000, mergedRead),
    await measure(spool, 'read of its own', 30_000, ownRead),
    await measure(spool, 'state-changing call with its outcome', 30_000, write),
  ];
  for (const row of results) {
    process.stdout.write(`${row.what.padEnd(40)}${row.inRecorderUs} us in the recorder   ${row.cpuUs} us CPU in all\n`);
  }
  process.stdout.write(`${JSON.stringify({ bench: 'spool', results })}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
