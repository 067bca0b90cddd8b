// Nothing recorded is lost and nothing shows twice, whatever is killed and whenever.
import {
  createPeople,
  type Dockledger,
  engineUnavailable,
  startDockledger,
  startEngine,
  until,
} from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';

const why = engineUnavailable();

/** Kills one random program below `up` by its pid. Answers its name, or undefined when none was there. */
async function killOne(dockledger: Dockledger, random: () => number): Promise<string | undefined> {
  const pids = await dockledger.pids();
  const names = (['console', 'defender', 'eventEngine'] as const).filter((name) => pids[name].length > 0);
  const name = names[Math.floor(random() * names.length)];
  const pid = name && pids[name][0];
  if (pid === undefined) return undefined;
  try {
    process.kill(pid, 'SIGKILL');
    return name;
  } catch {
    return undefined;
  }
}

/** A repeatable sequence, so that a failure can be run again. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe.skipIf(why !== undefined)('a trail that lasts', () => {
  it('holds every one of 200 answered calls exactly once while Defender, Console and event engine are killed at random', async () => {
    await using engine = await startEngine();
    await using people = await createPeople();
    await using dockledger = await startDockledger({
      engineHost: engine.host,
      prefix: people.prefix,
      settings: { PROXY_MODE: '0666' },
    });
    const seed = Date.now() % 100_000;
    const random = mulberry32(seed);
    const answered = new Set<string>();
    const unanswered = new Set<string>();
    const kills: string[] = [];
    const work = new AbortController();
    const killer = (async () => {
      while (!work.signal.aborted) {
        // The pace follows the work: one kill for every dozen calls.
        const goal = answered.size + 12;
        await until('more calls were made', () => work.signal.aborted || answered.size >= goal, { withinMs: 60_000 });
        if (work.signal.aborted) return;
        const killed = await killOne(dockledger, random);
        if (killed !== undefined) kills.push(killed);
      }
    })();
    // Every attempt has a name of its own, so that an answered call must stand in the trail exactly once.
    const worker = async (lane: number) => {
      let done = 0;
      for (let attempt = 0; done < 50; attempt++) {
        if (attempt > 1000) throw new Error('nothing is answered any more');
        const name = `v-${lane}-${attempt}`;
        const made = await people.as('alice', `$D volume create ${name}`, { DOCKER_HOST: dockledger.dockerHost });
        if (made.code === 0) {
          answered.add(name);
          done++;
        } else {
          unanswered.add(name);
        }
      }
    };
    await Promise.all([0, 1, 2, 3].map(worker));
    work.abort();
    await killer;
    const told = `seed ${seed}, kills: ${kills.join(' ')}`;
    expect(new Set(kills).size, told).toBe(3);

    const events = await until(
      'every answered call is in the trail',
      async () => {
        const found = await dockledger.events('api=volume_create');
        const names = new Set(found.map((event) => event.target.other));
        return [...answered].every((name) => names.has(name)) ? found : undefined;
      },
      { withinMs: 60_000, everyMs: 250 },
    ).catch((error: unknown) => {
      throw new Error(`${told}: ${(error as Error).message}\n${dockledger.output().slice(-4000)}`);
    });
    const rows = (name: string) => events.filter((event) => event.target.other === name);
    for (const name of answered) expect(rows(name), `${name}; ${told}`).toHaveLength(1);
    for (const name of unanswered) expect(rows(name).length, `${name}; ${told}`).toBeLessThanOrEqual(1);
    const ids = events.map((event) => event.id);
    expect(new Set(ids).size, told).toBe(ids.length);
    // The Console numbers events of its own, so a number alone says nothing.
    const allIds = (await dockledger.events('')).map((event) => event.id);
    expect(new Set(allIds).size, told).toBe(allIds.length);
  });

  it('keeps calls fast while the Console is away, and delivers them afterwards in order', async () => {
    await using engine = await startEngine();
    await using dockledger = await startDockledger({ engineHost: engine.host });
    const [consolePid] = (await dockledger.pids()).console;
    expect(consolePid).toBeDefined();
    // Stopped, not killed: connections hang, which is worse than a refusal.
    process.kill(consolePid ?? 0, 'SIGSTOP');
    const names = Array.from({ length: 20 }, (_, index) => `away-${String(index).padStart(2, '0')}`);
    const startedAt = Date.now();
    for (const name of names) expect((await dockledger.docker('volume', 'create', name)).code).toBe(0);
    const tookMs = Date.now() - startedAt;
    process.kill(consolePid ?? 0, 'SIGCONT');
    expect(tookMs).toBeLessThan(20_000);
    const events = await until(
      'all calls arrived',
      async () => {
        const found = await dockledger.events('api=volume_create');
        return found.length >= names.length ? found : undefined;
      },
      { withinMs: 60_000 },
    );
    const bySeq = events.toSorted((a, b) => a.seq - b.seq);
    expect(bySeq.map((event) => event.target.other)).toEqual(names);
  });

  it('stops on SIGTERM with exit code 0, removes endpoints.json, and has everything after a new start', async () => {
    await using engine = await startEngine();
    await using dockledger = await startDockledger({ engineHost: engine.host });
    await dockledger.docker('volume', 'create', 'kept');
    expect(await dockledger.stop('SIGTERM')).toBe(0);
    const pids = await dockledger.pids();
    expect([...pids.console, ...pids.defender, ...pids.eventEngine]).toEqual([]);
    await dockledger.start();
    const events = await until('the call is there again', async () => {
      const found = await dockledger.events('api=volume_create');
      return found.length > 0 ? found : undefined;
    });
    expect(events).toHaveLength(1);
  });

  it('leaves no child behind when `up` itself is killed', async () => {
    await using engine = await startEngine();
    await using dockledger = await startDockledger({ engineHost: engine.host });
    const before = await dockledger.pids();
    const all = [...before.console, ...before.defender, ...before.eventEngine];
    expect(all.length).toBeGreaterThanOrEqual(3);
    await dockledger.stop('SIGKILL');
    await until('every child has ended', () => all.every((pid) => !isAlive(pid)), { withinMs: 30_000 });
    await dockledger.start();
    expect((await dockledger.docker('ps')).code).toBe(0);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
