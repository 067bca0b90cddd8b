// From a Docker call to its record in the API: the whole product, a real engine, one call after the other.
// Prints p50, p99 and the slowest in milliseconds, as a table and as one line of JSON. BENCH_CALLS sets how many.
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { engineUnavailable, startDockledger, startEngine } from '@dockledger/testkit';

const missing = engineUnavailable();
if (missing !== undefined) {
  console.log(JSON.stringify({ bench: 'visible', skipped: missing }));
  process.exit(0);
}
const calls = Number(process.env['BENCH_CALLS'] ?? 200);
await using engine = await startEngine();
await using dockledger = await startDockledger({ engineHost: engine.host });
const socketPath = dockledger.dockerHost.replace('unix://', '');

function createVolume(name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ Name: name });
    const headers = { host: 'docker', 'content-type': 'application/json', 'content-length': String(body.length) };
    const outgoing = request({ socketPath, path: '/v1.41/volumes/create', method: 'POST', headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const visibleMs: number[] = [];
const callMs: number[] = [];
for (let index = 0; index < calls; index++) {
  const startedAt = performance.now();
  await createVolume(`bench-${index}`);
  const answeredAt = performance.now();
  callMs.push(answeredAt - startedAt);
  for (;;) {
    const answer = await dockledger.api('/api/v33.01/audits/access?limit=1&api=volume_create');
    if (Number(answer.headers['total-count']) > index) break;
    if (performance.now() - answeredAt > 30_000) throw new Error(`call ${index} was not visible within 30 s`);
    await delay(5);
  }
  visibleMs.push(performance.now() - answeredAt);
}

const at = (values: readonly number[], part: number) =>
  Math.round([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0);
const row = (values: readonly number[]) => ({
  p50Ms: at(values, 0.5),
  p99Ms: at(values, 0.99),
  slowestMs: at(values, 1),
});
const results = { call: row(callMs), visible: row(visibleMs) };
console.table(results);
console.log(JSON.stringify({ bench: 'visible', calls, ...results }));
