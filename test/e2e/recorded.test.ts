// Every call that a client makes is in the trail, once, with the person, the action, the target and the verdict.
import type { AccessRule, StoredAccessEvent } from '@dockledger/contract';
import {
  createPeople,
  type Dockledger,
  type Engine,
  engineUnavailable,
  type People,
  startDockledger,
  startEngine,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const why = engineUnavailable();

describe.skipIf(why !== undefined)('the trail of Docker calls', () => {
  let engine: Engine;
  let people: People;
  let dockledger: Dockledger;
  let from: string;

  beforeAll(async () => {
    engine = await startEngine();
    await engine.importBusybox();
    people = await createPeople();
    dockledger = await startDockledger({
      engineHost: engine.host,
      prefix: people.prefix,
      settings: { PROXY_MODE: '0666', MERGE_WINDOW_MS: '500' },
    });
  });
  afterAll(async () => {
    await dockledger?.[Symbol.asyncDispose]();
    await people?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    from = new Date().toISOString();
  });

  const as: People['as'] = (person, line) => people.as(person, line, { DOCKER_HOST: dockledger.dockerHost });
  const eventsOf = (query: string) => dockledger.events(`from=${from}&${query}`);
  /** Waits until the trail holds `count` events of that action and returns all of them. */
  const trail = (api: string, count = 1, query = '') =>
    until(`${count} × ${api} in the trail`, async () => {
      const found = await eventsOf(`api=${api}${query}`);
      return found.reduce((sum, event) => sum + event.count, 0) >= count ? found : undefined;
    });
  const setRules = async (rules: readonly AccessRule[]) => {
    const answer = await dockledger.api('/api/v1/policies/docker', {
      method: 'PUT',
      body: JSON.stringify({ policyType: 'docker', rules }),
    });
    expect(answer.status).toBe(200);
  };
  const allowAll: AccessRule = { name: 'Default - allow all', effect: 'allow' };

  it('names alice for her own call, within two seconds', async () => {
    const before = Date.now();
    expect((await as('alice', '$D ps')).code).toBe(0);
    const after = Date.now();
    const [event] = await until(
      'the call is visible',
      async () => {
        const found = await eventsOf('api=container_list&user=alice');
        return found.length > 0 ? found : undefined;
      },
      { withinMs: 2000 },
    );
    expect(event).toMatchObject({
      type: 'docker',
      actor: { user: 'alice', uid: 3101, userSource: 'peer' },
      decision: { effect: 'allow', rule: 'Default - allow all' },
    });
    expect(Date.parse(event?.time ?? '')).toBeGreaterThanOrEqual(before - 1000);
    expect(Date.parse(event?.time ?? '')).toBeLessThanOrEqual(after + 1000);
    const [record] = await dockledger.audits(`from=${from}&api=container_list&user=alice`);
    expect(record).toMatchObject({
      user: 'alice',
      type: 'docker',
      api: 'container_list',
      allow: true,
      ruleName: 'Default - allow all',
      collections: ['All'],
    });
  });

  it('names root for root, and alice for alice through sudo with root as her effective user', async () => {
    await as('root', '$D network ls');
    await as('alice', 'sudo --preserve-env=DOCKER_HOST $D volume ls');
    expect((await trail('network_list'))[0]?.actor).toMatchObject({ user: 'root', uid: 0 });
    expect((await trail('volume_list'))[0]?.actor).toMatchObject({
      user: 'alice',
      uid: 0,
      effectiveUser: 'root',
      userSource: 'ancestor',
    });
  });

  it('names the login user where one is set', async () => {
    await as('root', 'echo 3102 > /proc/self/loginuid && exec $D info >/dev/null');
    expect((await trail('docker_info'))[0]?.actor).toMatchObject({
      user: 'bob',
      loginUid: 3102,
      uid: 0,
      userSource: 'login',
    });
  });

  it('names the container, never root, for a call from inside one', async () => {
    const words = `run --rm --name insider --network none -v /:/host busybox:test chroot /host /usr/bin/docker -H ${dockledger.dockerHost} images -q`;
    const inside = await engine.docker(...words.split(' '));
    expect(inside.stderr).toBe('');
    expect(inside.code).toBe(0);
    const [event] = await trail('image_list');
    expect(event?.actor).toMatchObject({
      user: 'container:insider',
      userSource: 'container',
      containerName: '/insider',
    });
    expect(await eventsOf('api=image_list&user=root')).toEqual([]);
  });

  it('records container, image, labels and outcome of each call of a run', async () => {
    const ran = await as(
      'bob',
      '$D run --name web-1 --label tier=front -e SECRET=hunter2 --network none busybox:test true; $D start nope-1; $D rm web-1',
    );
    expect(ran.stderr).toContain('No such container');
    const [create] = await trail('container_create');
    expect(create).toMatchObject({
      target: { containerName: '/web-1', imageName: 'busybox:test', labels: { tier: 'front' } },
      outcome: { state: 'done', status: 201 },
      actor: { user: 'bob' },
    });
    const starts = await trail('container_start', 2);
    expect(starts.map((event) => [event.target.containerName ?? event.target.other, event.outcome.status])).toEqual([
      ['/web-1', 204],
      ['nope-1', 404],
    ]);
    expect(starts[0]?.target).toMatchObject({
      imageName: 'busybox:test',
      labels: { tier: 'front' },
      containerId: create?.target.containerId ?? starts[0]?.target.containerId,
    });
    expect((await trail('container_delete'))[0]?.target.containerName).toBe('/web-1');
    const everything = JSON.stringify(await eventsOf(''));
    expect(everything).not.toContain('hunter2');
    expect(create?.actor.commandLine).toContain('SECRET=***');
  });

  it('gives exactly one event per state-changing call, and counts that add up for identical reads', async () => {
    await as(
      'alice',
      'for i in 1 2 3 4 5; do $D volume create one-$i >/dev/null; done; for i in $(seq 7); do $D volume inspect one-1 >/dev/null; done; $D volume rm one-1 one-2 one-3 one-4 one-5',
    );
    expect(await trail('volume_create', 5)).toHaveLength(5);
    expect(await trail('volume_remove', 5)).toHaveLength(5);
    const reads = await trail('volume_inspect', 7);
    expect(reads.reduce((sum, event) => sum + event.count, 0)).toBe(7);
    expect(reads.length).toBeLessThan(7);
    const records = await dockledger.audits(`from=${from}&api=volume_inspect&user=alice`);
    expect(records.some((record) => /\(×\d\)$/.test(record.msg))).toBe(true);
  });

  it('never forwards a refused call, and tells the client which rule refused it', async () => {
    await setRules([
      {
        name: 'no-create',
        effect: 'deny',
        action: ['container_create'],
        principal: ['alice'],
        blockMsg: 'Ask the platform team.',
      },
      allowAll,
    ]);
    const refused = await until('the rule is in force', async () => {
      const ran = await as('alice', '$D run --rm --name refused-1 --network none busybox:test true');
      return ran.code === 0 ? undefined : ran;
    });
    expect(refused.stderr).toContain(
      'Error response from daemon: [Dockledger] The command container_create denied for user alice by rule no-create. Ask the platform team.',
    );
    expect((await engine.docker('ps', '-aq', '--filter', 'name=refused-1')).stdout).toBe('');
    const denied: StoredAccessEvent[] = await trail('container_create', 1, '&allow=false');
    expect(denied.at(-1)).toMatchObject({
      decision: { effect: 'deny', rule: 'no-create' },
      outcome: { state: 'refused', status: 403 },
      target: { containerName: '/refused-1', imageName: 'busybox:test' },
    });
    expect((await as('bob', '$D run --rm --network none busybox:test true')).code).toBe(0);
    await setRules([allowAll]);
    await until(
      'everything is allowed again',
      async () => (await as('alice', '$D run --rm --network none busybox:test true')).code === 0,
    );
  });

  it('records what it refuses as malformed, and answers on one line', async () => {
    const socket = dockledger.dockerHost.replace('unix://', '');
    const smuggle =
      'POST /v1.41/containers/create HTTP/1.1\\r\\nHost: d\\r\\nContent-Length: 2\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n{}';
    const { stdout } = await as(
      'alice',
      `${process.execPath} -e "require('net').connect('${socket}').on('connect',function(){this.write('${smuggle}')}).on('data',d=>process.stdout.write(d))"`,
    );
    expect(stdout).toMatch(/message/);
    const found = await until('the malformed call is in the trail', async () => {
      const events = await eventsOf('allow=false');
      return events.find((event) => event.decision.reason === 'malformed');
    });
    expect(found.actor.user).toBe('alice');
  });
});

describe.skipIf(why !== undefined)('a host without an engine', () => {
  it('starts, answers 503 with a sentence, and works once the engine comes', async () => {
    await using engine = await startEngine();
    await engine.stop();
    await using dockledger = await startDockledger({ engineHost: engine.host });
    const refused = await dockledger.docker('ps');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/Error response from daemon: \[Dockledger\].*engine/i);
    await until(
      'the refused call is in the trail',
      async () => (await dockledger.events('api=container_list')).length > 0,
    );
    await engine.start();
    expect((await dockledger.docker('ps')).code).toBe(0);
  });
});
