// Prints what one request costs in the judge's parts, in nanoseconds per call. Run: npx node bench/rules.bench.ts
import type { AccessRule } from '@dockledger/contract';
import {
  canonicaliseBody,
  classify,
  compileComplianceRules,
  compileRules,
  complianceChecks,
  decide,
  evaluateCompliance,
  parseRequestHead,
  parseResponseHead,
  parseTarget,
  type RequestFacts,
  toWorkload,
} from '@dockledger/rules';

/** Median of nine rounds, in ns per call. */
function nsPerCall(iterations: number, work: () => unknown): number {
  const rounds: number[] = [];
  let keep: unknown;
  for (let round = 0; round < 9; round++) {
    const startedAt = performance.now();
    for (let n = 0; n < iterations; n++) keep = work();
    rounds.push(((performance.now() - startedAt) * 1e6) / iterations);
  }
  if (keep === undefined) throw new Error('the work returned nothing');
  return rounds.sort((a, b) => a - b)[4] ?? 0;
}

const compiled = new Map<string, ReturnType<typeof compileRules>>();
function compileRulesOnce(key: string, make: () => AccessRule[]): ReturnType<typeof compileRules> {
  const known = compiled.get(key) ?? compileRules(make());
  compiled.set(key, known);
  return known;
}

const native = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
const heads = {
  'ping, 3 fields':
    'GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\nAccept: */*\r\n\r\n',
  'create, 6 fields':
    'POST /v1.41/containers/create?name=web HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: Docker-Client/29.7.2 (linux)\r\n' +
    'Content-Length: 1874\r\nContent-Type: application/json\r\nX-Meta-Session: 1b8d7d5a-23f1-4e1b-9d5f\r\nAccept-Encoding: gzip\r\n\r\n',
};
const results: Record<string, number> = {};
for (const [name, text] of Object.entries(heads)) {
  const bytes = Buffer.from(text, 'latin1');
  results[`request head, ${name}`] = nsPerCall(100_000, () => parseRequestHead(bytes, 0, bytes.length, 0, native));
  results[`request head, ${name}, pure decoder`] = nsPerCall(100_000, () => parseRequestHead(bytes, 0, bytes.length));
}
const response = Buffer.from(
  'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nDocker-Experimental: false\r\nOstype: linux\r\n' +
    'Server: Docker/20.10.24 (linux)\r\nDate: Mon, 23 Nov 2026 15:00:00 GMT\r\nContent-Length: 3\r\n\r\n',
);
results['response head, 7 fields'] = nsPerCall(100_000, () =>
  parseResponseHead(response, 0, response.length, 'GET', 0, native),
);

results['target, plain'] = nsPerCall(100_000, () => parseTarget('/v1.41/containers/json?all=1'));
results['target, escaped filter'] = nsPerCall(20_000, () =>
  parseTarget('/v1.41/containers/json?all=1&filters=%7B%22name%22%3A%5B%22web%22%5D%7D'),
);
results['classify, ping'] = nsPerCall(100_000, () => classify('GET', '/_ping'));
results['classify, container commit'] = nsPerCall(100_000, () => classify('POST', '/commit'));
results['classify, container update'] = nsPerCall(100_000, () => classify('POST', '/containers/0123456789ab/update'));
results['classify, unknown'] = nsPerCall(100_000, () => classify('POST', '/containers/0123456789ab/nothing'));

const facts: RequestFacts = {
  action: 'container_create',
  class: 'write',
  user: 'alice',
  principals: ['alice', 'uid:1000'],
  groups: ['alice', 'docker', 'devs'],
  target: { hostname: 'host-1', containerName: '/web', imageName: 'alpine:latest' },
};
const last: AccessRule = { name: 'Default - allow all', effect: 'allow' };
const lists = {
  'of other people': (n: number): AccessRule => ({ name: `r${n}`, effect: 'deny', principal: [`user-${n}`] }),
  'of other actions': (n: number): AccessRule => ({
    name: `r${n}`,
    effect: 'deny',
    action: [n % 2 === 0 ? 'image_*' : 'docker_info'],
  }),
  'with wildcards and exclusions': (n: number): AccessRule => ({
    name: `r${n}`,
    effect: 'deny',
    principal: [`team${n}-*`, '-bob'],
  }),
};
results['decide, 1 rule'] = nsPerCall(100_000, () =>
  decide(
    compileRulesOnce('one', () => [last]),
    facts,
  ),
);
for (const [what, make] of Object.entries(lists)) {
  for (const count of [200, 1000]) {
    const rules = compileRulesOnce(`${what}${count}`, () => [
      ...Array.from({ length: count - 1 }, (_, n) => make(n)),
      last,
    ]);
    results[`decide, ${count} rules ${what}`] = nsPerCall(10_000, () => decide(rules, facts));
  }
}
const mixed = compileRules([
  ...Array.from({ length: 999 }, (_, n) =>
    n % 10 === 0
      ? lists['with wildcards and exclusions'](n)
      : n % 3 === 0
        ? lists['of other actions'](n)
        : lists['of other people'](n),
  ),
  last,
]);
const samples = Float64Array.from({ length: 20_000 }, () => {
  const startedAt = performance.now();
  decide(mixed, facts);
  return (performance.now() - startedAt) * 1e6;
}).sort();
results['decide, 1000 mixed rules, p50'] = samples[10_000] ?? 0;
results['decide, 1000 mixed rules, p99'] = samples[19_800] ?? 0;
results['compile 1000 rules and decide once'] = nsPerCall(20, () =>
  decide(compileRules(Array.from({ length: 1000 }, (_, n) => lists['with wildcards and exclusions'](n))), facts),
);

const decoders = {
  decode: native,
  decodeUtf8: (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end),
};
const create = {
  Image: 'alpine',
  Cmd: ['sh'],
  Env: ['A=b'],
  HostConfig: {
    Binds: ['/srv:/srv'],
    PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
    Memory: 0,
    CapAdd: ['NET_ADMIN'],
  },
  NetworkingConfig: { EndpointsConfig: {} },
};
const createBytes = Buffer.from(JSON.stringify(create));
results['create body, canonical'] = nsPerCall(5_000, () => canonicaliseBody('container_create', createBytes, decoders));
const large = Buffer.from(`{"Labels":{"x":"${'\\"é'.repeat(1024 * 1024)}"}}`);
results['create body of 4 MiB, canonical'] = nsPerCall(2, () => canonicaliseBody('container_create', large, decoders));
const canonical = canonicaliseBody('container_create', createBytes, decoders);
const everyCheck = compileComplianceRules([
  { name: 'all', condition: { vulnerabilities: complianceChecks.map(({ id }) => ({ id, block: true })) } },
]);
results['compliance, all checks'] = nsPerCall(5_000, () => {
  const workload = toWorkload('container_create', canonical.kind === 'body' ? canonical.value : undefined);
  return workload && evaluateCompliance(everyCheck, workload, facts.target);
});

for (const [name, ns] of Object.entries(results)) console.log(`${name.padEnd(52)} ${ns.toFixed(0).padStart(8)} ns`);
console.log(JSON.stringify(results));
