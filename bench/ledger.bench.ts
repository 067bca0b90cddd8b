// What the ledger costs: durable entries a second in batches of 500, bytes on disk per event, and how fast a verifier gets through.
// Run: npx node bench/ledger.bench.ts [entries]. Prints a table and one line of JSON.
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDirectorySource,
  createPayloadReader,
  type EntryInput,
  type Ledger,
  openLedger,
  verifyLedger,
} from '@dockledger/ledger';

const total = Number(process.argv[2] ?? 200_000);
const batchSize = 500;

const pick = <Item>(items: readonly Item[]): Item => {
  const item = items[Math.floor(Math.random() ** 2 * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};
const hosts = Array.from({ length: 8 }, (_, i) => ({
  id: randomBytes(8).toString('hex'),
  name: `web-${i}.example.org`,
}));
const users = ['alice', 'bob', 'carol', 'deploy', 'root'];
const apis = [
  'container_list',
  'container_inspect',
  'container_create',
  'container_start',
  'image_pull',
  'container_exec_create',
];
const containers = Array.from({ length: 200 }, (_, i) => ({ id: randomBytes(32).toString('hex'), name: `/app-${i}` }));
const images = Array.from({ length: 20 }, (_, i) => ({
  id: `sha256:${randomBytes(32).toString('hex')}`,
  name: `registry.example.org/team/app-${i}:1.${i}`,
}));
const sequences = new Map<string, number>();

/** An access event as long as real ones are, with the parts that differ between events really different. */
function createEntry(): EntryInput {
  const host = pick(hosts);
  const seq = (sequences.get(host.id) ?? 0) + 1;
  sequences.set(host.id, seq);
  const container = pick(containers);
  const image = pick(images);
  const user = pick(users);
  const api = pick(apis);
  const time = new Date(1_700_000_000_000 + seq * 40 + Math.floor(Math.random() * 40)).toISOString();
  const payload = Buffer.from(
    JSON.stringify({
      id: `${host.id}-3-${seq}`,
      defenderId: host.id,
      epoch: 3,
      seq,
      time,
      type: 'docker',
      api,
      decision: { effect: 'allow', rule: 'Default - allow all' },
      outcome: { status: Math.random() < 0.9 ? 200 : 404 },
      actor: {
        user,
        userSource: 'loginuid',
        uid: 1000 + users.indexOf(user),
        loginUser: user,
        loginUid: 1000 + users.indexOf(user),
        pid: 1000 + Math.floor(Math.random() * 30_000),
        exe: '/usr/bin/docker',
        commandLine: `docker ${api.replaceAll('_', ' ')} ${container.name.slice(1)}`,
        groups: [user, 'docker'],
        sessionId: String(Math.floor(Math.random() * 500)),
      },
      target: {
        containerId: container.id,
        containerName: container.name,
        imageName: image.name,
        imageId: image.id,
        labels: { team: 'shop' },
      },
      request: {
        method: 'GET',
        route: '/containers/{id}/json',
        summary: `GET /v1.41/containers/${container.id.slice(0, 12)}/json`,
      },
      host: { hostname: host.name.split('.')[0], fqdn: host.name, cluster: 'production' },
      collections: ['All'],
      provenance: 'proxy',
    }),
  );
  const salt = randomBytes(16);
  const digest = createHash('sha256').update(salt).update(payload).digest();
  const envelope = Buffer.from(
    JSON.stringify({
      v: 1,
      defender: host.id,
      epoch: 1_795_452_661,
      seq,
      time,
      type: 'docker',
      length: payload.length,
      digest: digest.toString('base64'),
    }),
  );
  return { envelope, salt, payload };
}

function bytesBelow(directory: string, keep: (path: string) => boolean): { bytes: number; blocks: number } {
  const sum = { bytes: 0, blocks: 0 };
  for (const file of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (!file.isFile() || !keep(path)) continue;
    sum.bytes += lstatSync(path).size;
    sum.blocks += lstatSync(path).blocks * 512;
  }
  return sum;
}

async function appendAll(ledger: Ledger, batches: readonly EntryInput[][], inFlight: number): Promise<number[]> {
  const latencies: number[] = [];
  const queue = batches.values();
  const worker = async (): Promise<void> => {
    for (const batch of queue) {
      const began = performance.now();
      await ledger.append(batch);
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return latencies.toSorted((a, b) => a - b);
}

const directory = await mkdtemp(join(tmpdir(), 'ledger-bench-'));
try {
  const result: Record<string, number> = { entries: total };
  const made = Array.from({ length: Math.ceil(total / batchSize) }, () =>
    Array.from({ length: batchSize }, createEntry),
  );
  const [first] = made.flat();
  result['envelopeBytes'] = first?.envelope.length ?? 0;
  result['payloadBytes'] = first?.payload.length ?? 0;
  const places = { publicDir: join(directory, 'ledger'), privateDir: join(directory, 'private') };
  const ledger = await openLedger(places);
  for (const inFlight of [1, 8]) {
    const batches = made.slice(inFlight === 1 ? 0 : made.length / 2, inFlight === 1 ? made.length / 2 : made.length);
    const cpu = process.cpuUsage();
    const began = performance.now();
    const latencies = await appendAll(ledger, batches, inFlight);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const entries = batches.length * batchSize;
    result[`appendPerSecond_${inFlight}`] = Math.round(entries / seconds);
    result[`batchP50Ms_${inFlight}`] = Math.round((latencies[Math.floor(latencies.length * 0.5)] ?? 0) * 10) / 10;
    result[`batchP99Ms_${inFlight}`] = Math.round((latencies[Math.floor(latencies.length * 0.99)] ?? 0) * 10) / 10;
    result[`cpuUsPerEntry_${inFlight}`] = Math.round(((user + system) / entries) * 10) / 10;
    await ledger.publishNow();
    result[`publishedPerSecond_${inFlight}`] = Math.round(entries / ((performance.now() - began) / 1000));
  }
  const closing = performance.now();
  await ledger.close();
  result['closeMs'] = Math.round(performance.now() - closing);
  const size = made.length * batchSize;
  const tree = bytesBelow(places.publicDir, (path) => !path.includes('.p/'));
  const payloads = bytesBelow(join(places.privateDir, 'payloads'), () => true);
  result['treeBytesPerEvent'] = Math.round((tree.bytes / size) * 10) / 10;
  result['treeDiskBytesPerEvent'] = Math.round((tree.blocks / size) * 10) / 10;
  result['payloadBytesPerEvent'] = Math.round((payloads.bytes / size) * 10) / 10;
  result['payloadDiskBytesPerEvent'] = Math.round((payloads.blocks / size) * 10) / 10;
  const opening = performance.now();
  const reopened = await openLedger(places);
  result['openMs'] = Math.round(performance.now() - opening);
  const reading = performance.now();
  for (let from = 0; from < size; ) from += (await reopened.read(from, 5000)).length;
  result['readPerSecond'] = Math.round(size / ((performance.now() - reading) / 1000));
  const scanning = performance.now();
  for (let from = 0; from < size; ) from += (await reopened.readEnvelopes(from, 5000)).length;
  result['readEnvelopesPerSecond'] = Math.round(size / ((performance.now() - scanning) / 1000));
  await reopened.close();
  const source = createDirectorySource(places.publicDir);
  for (const [name, payloadReader] of [
    ['verifyPerSecond', undefined],
    ['verifyWithPayloadsPerSecond', createPayloadReader(places.privateDir)],
  ] as const) {
    const began = performance.now();
    const report = await verifyLedger({
      source,
      ...(payloadReader && {
        payloads: payloadReader,
        checkEntry: ({ envelope, content }) => {
          const { digest }: { digest: string } = JSON.parse(Buffer.from(envelope).toString());
          const found = createHash('sha256')
            .update(content?.salt ?? '')
            .update(content?.payload ?? '')
            .digest('base64');
          return found === digest ? undefined : 'digest differs';
        },
      }),
    });
    if (!report.ok) throw new Error(`not ok: ${JSON.stringify(report.failures[0])}`);
    result[name] = Math.round(size / ((performance.now() - began) / 1000));
  }
  console.table(result);
  console.log(JSON.stringify(result));
} finally {
  await rm(directory, { recursive: true, force: true });
}
