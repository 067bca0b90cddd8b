// Real Docker calls while programs are killed, the network fails and disks fill: then every answered call must be in ledger and store once.
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine, until } from '@dockledger/testkit';
import { mountSmallDisks, startTwoMachines, type TwoMachines, type Verdict } from './two-machines.ts';

/** What a run came to. */
export interface DeliveryFigures {
  readonly answered: number;
  readonly refusedOrBroken: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Answered calls that are not in the store. */
  readonly missing: readonly string[];
  /** Calls, answered or not, that are there more than once. */
  readonly doubled: readonly string[];
  /** Calls that stand behind a later one of the same lane. */
  readonly outOfOrder: number;
  /** Calls that were refused with 503 and are not in the trail, and the calls that declared gaps count. */
  readonly refusedUnrecorded: number;
  readonly countedByGaps: number;
  /** The sentence of each declared gap. */
  readonly declaredGaps: readonly string[];
  readonly ledgerEntries: number;
  readonly verdict: Verdict;
  readonly seconds: number;
}

type Fault = (
  machines: TwoMachines,
  disks: Awaited<ReturnType<typeof mountSmallDisks>>,
) => Promise<() => void | Promise<void>>;

const nothingToEnd = (): void => undefined;

/** Each begins and gives back what ends it. */
const faults: Readonly<Record<string, Fault>> = {
  'defender-killed': async ({ defender }) => {
    defender.signal('SIGKILL');
    return nothingToEnd;
  },
  'console-killed': async ({ console }) => {
    console.signal('SIGKILL');
    return nothingToEnd;
  },
  'event-engine-killed': async (machines) => {
    await machines.killEventEngine();
    return nothingToEnd;
  },
  'network-silent': async ({ relay }) => {
    relay.state = 'silent';
    return () => {
      relay.state = 'well';
      // As a firewall that forgot the connections: the peers must find out.
      relay.cut();
    };
  },
  'connections-reset': async ({ relay }) => {
    relay.cut();
    return nothingToEnd;
  },
  'network-slow': async ({ relay }) => {
    relay.state = 'slow';
    return () => {
      relay.state = 'well';
    };
  },
  'console-stopped': async ({ console }) => {
    console.signal('SIGSTOP');
    return () => console.signal('SIGCONT');
  },
  'console-disk-full': async (_machines, disks) => {
    await disks.fill('console');
    return () => disks.free('console');
  },
  'defender-disk-full': async (_machines, disks) => {
    await disks.fill('defender');
    return () => disks.free('defender');
  },
};

function createVolume(socketPath: string, name: string): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        socketPath,
        method: 'POST',
        path: '/v1.41/volumes/create',
        timeout: 20_000,
        headers: { host: 'docker', 'content-type': 'application/json' },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', () => resolve(0));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(0));
    outgoing.end(JSON.stringify({ Name: name }));
  });
}

/** Runs for about `seconds`, one fault after the other in an order that `seed` gives, and weighs up. */
export async function runDelivery({
  seconds,
  seed,
  lanes = 4,
}: {
  readonly seconds: number;
  readonly seed: number;
  readonly lanes?: number;
}): Promise<DeliveryFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'dl-delivery-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  try {
    const disks = stack.use(await mountSmallDisks(directory));
    const engine = stack.use(await startEngine());
    const machines = stack.use(await startTwoMachines(directory, engine.host));
    const random = sequence(seed);
    const startedAt = Date.now();
    const answered: string[] = [];
    const attempted: string[] = [];
    const refused: string[] = [];
    const traffic = new AbortController();
    const lane = async (number: number) => {
      for (let call = 0; !traffic.signal.aborted; call++) {
        const name = `v-${number}-${String(call).padStart(6, '0')}`;
        attempted.push(name);
        const status = await createVolume(machines.proxySocket, name);
        if (status === 201) answered.push(name);
        if (status === 503) refused.push(name);
        // A Defender that is being started again refuses at once, as does one whose disk is full.
        if (status !== 201) await delay(10);
      }
    };
    const running = Array.from({ length: lanes }, (_, number) => lane(number));
    const counts: Record<string, number> = {};
    let order: string[] = [];
    while (Date.now() - startedAt < seconds * 1000) {
      if (order.length === 0) order = shuffled(Object.keys(faults), random);
      const name = order.pop() ?? '';
      const heal = await faults[name]?.(machines, disks);
      counts[name] = (counts[name] ?? 0) + 1;
      await moreAttempts(attempted, 60 + Math.floor(random() * 120));
      await heal?.();
      const goal = answered.length + 10;
      await until(`calls are answered again after ${name}`, () => answered.length >= goal, { withinMs: 60_000 });
    }
    traffic.abort();
    await Promise.all(running);
    const wanted = new Set(answered);
    let last = '';
    const found = await until(
      'every answered call is in the store',
      async () => {
        const events = await machines.events('api=volume_create');
        const names = new Set(events.map(({ target }) => target.other));
        const missing = [...wanted].filter((name) => !names.has(name));
        last = `${missing.length} of ${wanted.size} missing`;
        const { ledgerSize, indexedSize } = await machines.status();
        return missing.length === 0 && ledgerSize === indexedSize ? events : undefined;
      },
      { withinMs: 120_000, everyMs: 500 },
    ).catch(async () => {
      process.stderr.write(
        `${last}\n${machines.defender.output().slice(-2000)}\n${machines.console.output().slice(-2000)}\n`,
      );
      return machines.events('api=volume_create');
    });
    const byLedger = found.toSorted((a, b) => a.ledgerIndex - b.ledgerIndex);
    const seen = new Map<string, number>();
    let outOfOrder = 0;
    const furthest = new Map<string, string>();
    for (const { target } of byLedger) {
      const name = target.other ?? '';
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const laneName = name.slice(0, name.lastIndexOf('-'));
      if (name < (furthest.get(laneName) ?? '')) outOfOrder += 1;
      else furthest.set(laneName, name);
    }
    const gaps = await machines.events('type=gap');
    const verdict = await until('the ledger is signed to its end', async () => {
      const result = await machines.verify();
      return result.store === 'not-checked' && result.ok ? undefined : result;
    });
    return {
      answered: answered.length,
      refusedOrBroken: attempted.length - answered.length,
      faults: counts,
      missing: answered.filter((name) => !seen.has(name)),
      doubled: [...seen].filter(([, count]) => count > 1).map(([name]) => name),
      outOfOrder,
      refusedUnrecorded: refused.filter((name) => !seen.has(name)).length,
      countedByGaps: gaps.reduce((sum, { details }) => sum + Number(details?.['count'] ?? 0), 0),
      declaredGaps: gaps.map(
        ({ api, decision, details }) => `${api}: ${decision.text} ${JSON.stringify(details ?? {})}`,
      ),
      ledgerEntries: verdict.size,
      verdict,
      seconds: Math.round((Date.now() - startedAt) / 1000),
    };
  } finally {
    await stack.disposeAsync();
  }
}

async function moreAttempts(attempted: readonly string[], count: number): Promise<void> {
  const goal = attempted.length + count;
  // A stopped or full machine may answer slowly: then the fault lasts as long as it may.
  await until('more calls were made', () => attempted.length >= goal, { withinMs: 5000 }).catch(() => undefined);
}

/** A repeatable sequence, so that a failure can be run again. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled(names: readonly string[], random: () => number): string[] {
  return names
    .map((name) => ({ name, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ name }) => name);
}

/** The figures in lines, for people. */
export function formatFigures(seed: number, figures: DeliveryFigures): string {
  const {
    refusedUnrecorded,
    countedByGaps,
    answered,
    refusedOrBroken,
    faults: counts,
    missing,
    doubled,
    outOfOrder,
    declaredGaps,
    verdict,
    seconds,
  } = figures;
  return [
    `delivery, seed ${seed}, ${seconds} s: ${answered} calls answered, ${refusedOrBroken} refused or broken off`,
    `  missing ${missing.length}, doubled ${doubled.length}, out of order ${outOfOrder}, declared gaps ${declaredGaps.length}`,
    `  refused and unrecorded ${refusedUnrecorded}, counted by gaps ${countedByGaps}`,
    ...declaredGaps.map((gap) => `    ${gap}`),
    `  ledger ${verdict.size} entries, verify ${verdict.ok ? 'ok' : 'FAILED'}, store ${verdict.store}`,
    `  faults ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ].join('\n');
}
