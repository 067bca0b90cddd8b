// What the authorization plugin costs: one engine whose chain is changed between samples, all targets in every round, ratios of
// the same round to a plugin that allows everything. Prints a table and one line of JSON. Needs root and dockerd. BENCH_ROUNDS
// and BENCH_MS narrow it.
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, engineUnavailable, run, startEngine, startProcess, until } from '@dockledger/testkit';

interface Sample {
  readonly requests: number;
  readonly rps: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const durationMs = Number(process.env['BENCH_MS'] ?? 1000);
const missing = engineUnavailable();
if (missing !== undefined) {
  console.log(JSON.stringify({ bench: 'plugin', skipped: missing }));
  process.exit(0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const unique = randomBytes(4).toString('hex');
const bare = `dlkbare${unique}`;
const ours = `dlkours${unique}`;
const socketOf = (name: string) => `/run/docker/plugins/${name}.sock`;

await using dir = await createTempDir('dlb-');
await using engine = await startEngine();
await run('mkdir', ['-p', '/run/docker/plugins']);
await using bareProcess = await startProcess(process.execPath, [
  join(import.meta.dirname, 'allow-all-plugin.ts'),
  socketOf(bare),
]);
const proxySocket = join(dir.path, 'o.sock');
await using own = await startProcess(process.execPath, [
  join(import.meta.dirname, 'proxy-under-test.ts'),
  engine.socketPath,
  proxySocket,
  join(dir.path, 'journal'),
  socketOf(ours),
]);
await until('both listen', () => own.output().includes('listening') && bareProcess.output().includes('listening'));

/** Changes the engine's chain and waits until it has been read. */
async function useChain(plugins: readonly string[]): Promise<void> {
  const reloads = () => engine.output().split('Reloaded configuration').length;
  const before = reloads();
  await writeFile(join(engine.dir, 'daemon.json'), JSON.stringify({ 'authorization-plugins': plugins }));
  process.kill(Number(await readFile(join(engine.dir, 'd.pid'), 'utf8')), 'SIGHUP');
  await until('the engine has read its chain', () => reloads() > before);
}

async function measure(socketPath: string, path: string, connections: number): Promise<Sample> {
  const generator = join(import.meta.dirname, 'load-generator.ts');
  const words = [generator, socketPath, path, String(connections), String(durationMs)];
  const result = await run(process.execPath, words);
  if (result.code !== 0) throw new Error(`load generator on ${socketPath}: ${result.stderr}`);
  return JSON.parse(result.stdout) as Sample;
}

const targets = {
  'no plugin': { chain: [], socket: engine.socketPath },
  'allow-all plugin': { chain: [bare], socket: engine.socketPath },
  'our plugin': { chain: [ours], socket: engine.socketPath },
  'our proxy': { chain: [], socket: proxySocket },
  'our proxy and plugin': { chain: [ours], socket: proxySocket },
} as const;
type TargetName = keyof typeof targets;
const names = Object.keys(targets) as TargetName[];
const cases = [
  { path: '/_ping', connections: 1 },
  { path: '/_ping', connections: 16 },
];
const results: object[] = [];
try {
  for (const { path, connections } of cases) {
    const samples = new Map<TargetName, Sample[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      // Rotated, so that no target always follows the same neighbour.
      for (let n = 0; n < names.length; n++) {
        const name = names[(n + round) % names.length] as TargetName;
        await useChain(targets[name].chain);
        samples.get(name)?.push(await measure(targets[name].socket, path, connections));
      }
    }
    const baseline = samples.get('allow-all plugin') ?? [];
    for (const [target, taken] of samples) {
      const ratio = (field: 'rps' | 'p50Us' | 'p99Us') =>
        Number(median(taken.map((sample, round) => sample[field] / (baseline[round]?.[field] ?? 1))).toFixed(2));
      results.push({
        case: `GET ${path} c=${connections}`,
        target,
        rps: Math.round(median(taken.map(({ rps }) => rps))),
        p50Us: Math.round(median(taken.map(({ p50Us }) => p50Us))),
        p99Us: Math.round(median(taken.map(({ p99Us }) => p99Us))),
        rpsRatio: ratio('rps'),
        p50Ratio: ratio('p50Us'),
        p99Ratio: ratio('p99Us'),
      });
    }
  }
} finally {
  await useChain([]);
  for (const name of [bare, ours]) await rm(socketOf(name), { force: true });
}
console.table(results);
console.log(JSON.stringify({ bench: 'plugin', rounds, durationMs, ratiosTo: 'allow-all plugin', results }));
