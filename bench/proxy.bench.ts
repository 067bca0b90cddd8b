// Docker proxy against HAProxy and the bare engine: the same calls, all targets in every round, ratios of the same round.
// Prints a table and, last, one line of JSON. Needs root, dockerd and haproxy. BENCH_ROUNDS and BENCH_MS narrow it.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, engineUnavailable, run, startEngine, startProcess, until } from '@dockledger/testkit';

interface Sample {
  readonly requests: number;
  readonly rps: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7);
const durationMs = Number(process.env['BENCH_MS'] ?? 1000);
const cases = [
  { path: '/_ping', connections: 1 },
  { path: '/_ping', connections: 16 },
  { path: '/containers/json?all=1', connections: 1 },
  { path: '/containers/json?all=1', connections: 16 },
];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function measure(socketPath: string, path: string, connections: number): Promise<Sample> {
  const result = await run(process.execPath, [
    join(import.meta.dirname, 'load-generator.ts'),
    socketPath,
    path,
    String(connections),
    String(durationMs),
  ]);
  if (result.code !== 0) throw new Error(`load generator on ${socketPath}: ${result.stderr}`);
  return JSON.parse(result.stdout) as Sample;
}

const missing = engineUnavailable() ?? (existsSync('/usr/sbin/haproxy') ? undefined : 'haproxy is not installed');
if (missing !== undefined) {
  console.log(JSON.stringify({ bench: 'proxy', skipped: missing }));
  process.exit(0);
}

await using dir = await createTempDir('dlb-');
await using engine = await startEngine();
await engine.importBusybox();
for (const name of ['a', 'b', 'c']) await engine.docker('create', '--name', name, '--network', 'none', 'busybox:test');

const haproxySocket = join(dir.path, 'h.sock');
await writeFile(
  join(dir.path, 'haproxy.cfg'),
  `global
  maxconn 2000
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend docker
  bind unix@${haproxySocket} mode 660
  default_backend engine
backend engine
  server engine unix@${engine.socketPath}
`,
);
await using haproxy = await startProcess('/usr/sbin/haproxy', ['-f', join(dir.path, 'haproxy.cfg'), '-db']);
const ownSocket = join(dir.path, 'o.sock');
await using own = await startProcess(process.execPath, [
  join(import.meta.dirname, 'proxy-under-test.ts'),
  engine.socketPath,
  ownSocket,
  join(dir.path, 'journal'),
]);
await until('haproxy listens', () => existsSync(haproxySocket) && haproxy.child.exitCode === null);
await until(`the proxy listens: ${own.output()}`, () => own.output().includes('listening'));

const targets = { direct: engine.socketPath, haproxy: haproxySocket, dockledger: ownSocket };
type TargetName = keyof typeof targets;
const names = Object.keys(targets) as TargetName[];
const table: object[] = [];
const results: object[] = [];
for (const { path, connections } of cases) {
  const samples: Record<TargetName, Sample[]> = { direct: [], haproxy: [], dockledger: [] };
  for (let round = 0; round < rounds; round++) {
    // Rotated, so that no target always follows the same neighbour.
    for (let n = 0; n < names.length; n++) {
      const name = names[(n + round) % names.length] as TargetName;
      samples[name].push(await measure(targets[name], path, connections));
    }
  }
  for (const name of names) {
    const ratio = (field: 'rps' | 'p50Us' | 'p99Us') =>
      median(samples[name].map((sample, round) => sample[field] / (samples.haproxy[round] as Sample)[field]));
    const row = {
      case: `GET ${path} c=${connections}`,
      target: name,
      rps: Math.round(median(samples[name].map((sample) => sample.rps))),
      p50Us: Math.round(median(samples[name].map((sample) => sample.p50Us))),
      p99Us: Math.round(median(samples[name].map((sample) => sample.p99Us))),
      rpsRatio: Number(ratio('rps').toFixed(2)),
      p50Ratio: Number(ratio('p50Us').toFixed(2)),
      p99Ratio: Number(ratio('p99Us').toFixed(2)),
    };
    table.push(row);
    results.push(row);
  }
}
console.table(table);
await own.end('SIGTERM');
console.log(`the proxy's own process: ${own.output().trim().split('\n').at(-1) ?? ''}`);
console.log(JSON.stringify({ bench: 'proxy', rounds, durationMs, ratiosTo: 'haproxy', results }));
