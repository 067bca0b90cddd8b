// CPU and memory of a Defender that reads a log at 100 lines a second, beside rsyslogd that forwards the same lines, and
// what a flood of failed logins costs. Run as root: npm run bench -- defender [seconds]. Default: 20.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startDockledger, startProcess, until } from '../packages/testkit/src/index.ts';

const seconds = Number(process.argv[2] ?? 20);
const dir = mkdtempSync(join(tmpdir(), 'dlb-'));
const path = join(dir, 'auth.log');
let written = 0;

const write = (count: number, user: () => string): void => {
  const lines = Array.from({ length: count }, () => {
    written += 1;
    return `${new Date().toISOString()} web1 sshd[${1000 + (written % 30_000)}]: Failed password for ${user()} from 203.0.113.${written % 200} port 4242 ssh2\n`;
  });
  appendFileSync(path, lines.join(''));
};

/** CPU seconds used so far, and resident memory in MB. */
function usageOf(pid: number): { cpu: number; mb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const mb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  // A clock tick is 10 ms on every Linux that is supported.
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, mb };
}

let received = 0;
const sink = createServer((socket) => {
  socket.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) received += 1;
  });
});
await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
const address = sink.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

writeFileSync(path, '');
writeFileSync(
  join(dir, 'rsyslog.conf'),
  [
    `global(workDirectory="${dir}")`,
    'module(load="imfile")',
    `input(type="imfile" file="${path}" tag="auth:")`,
    `*.* action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp" queue.type="LinkedList")`,
    '',
  ].join('\n'),
);
const hasRsyslog = existsSync('/usr/sbin/rsyslogd');
const rsyslogd = hasRsyslog
  ? await startProcess('/usr/sbin/rsyslogd', ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'pid')])
  : undefined;
const dockledger = await startDockledger({
  engineHost: `unix://${join(dir, 'no-engine.sock')}`,
  settings: { HOST_LOGS: `file:${path}` },
});
try {
  const [defender = 0] = (await dockledger.pids()).defender;
  const counted = async (): Promise<number> =>
    (await dockledger.api('/api/dockledger/v1/events/count?api=login_failed')).json<{ total: number }>().total;
  write(1, () => 'root');
  await until('the first line is an event', async () => (await counted()) === 1, { withinMs: 30_000 });

  const watched = [
    { name: 'Defender', pid: defender },
    ...(rsyslogd === undefined ? [] : [{ name: 'rsyslogd', pid: rsyslogd.pid }]),
  ];
  const before = watched.map(({ pid }) => usageOf(pid));
  const startedAt = performance.now();
  for (let tick = 0; tick < seconds * 10; tick++) {
    write(10, () => `u${written}`);
    await delay(Math.max(0, startedAt + (tick + 1) * 100 - performance.now()));
  }
  const tookSeconds = (performance.now() - startedAt) / 1000;
  const rows = watched.map(({ name, pid }, index) => {
    const { cpu, mb } = usageOf(pid);
    const percent = ((cpu - (before[index]?.cpu ?? 0)) / tookSeconds) * 100;
    return { name, cpuPercentOfACore: Number(percent.toFixed(2)), residentMB: Number(mb.toFixed(1)) };
  });

  const floodBefore = usageOf(defender).cpu;
  const floodFrom = written;
  const floodStartedAt = performance.now();
  for (let tick = 0; tick < 50; tick++) {
    write(500, () => 'root');
    await delay(Math.max(0, floodStartedAt + (tick + 1) * 100 - performance.now()));
  }
  const flooded = written - floodFrom;
  await until('every line is counted', async () => (await counted()) === written, { withinMs: 60_000, everyMs: 250 });
  const floodCpu = usageOf(defender).cpu - floodBefore;
  console.table(rows);
  console.log(
    `flood: ${flooded} failed logins in 5 s, counted exactly; ${floodCpu.toFixed(2)} s CPU in the Defender (${Math.round((floodCpu / flooded) * 1e6)} µs a line), ${usageOf(defender).mb.toFixed(0)} MB; rsyslogd forwarded ${received} of ${written} lines`,
  );
  console.log(JSON.stringify({ bench: 'defender', rows, flood: { lines: flooded, cpuSeconds: floodCpu } }));
} finally {
  await dockledger.stop();
  await dockledger[Symbol.asyncDispose]();
  await rsyslogd?.end();
  sink.close();
  rmSync(dir, { recursive: true, force: true });
}
