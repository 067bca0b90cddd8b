// The authorization plugin in a real engine's chain: the second net for whoever reaches the engine's own socket.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  type Dockledger,
  type Engine,
  engineUnavailable,
  startDockledger,
  startEngine,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Waits as long as a busy machine may need. */
const patiently = <T>(what: string, look: () => T | Promise<T>) => until(what, look, { withinMs: 45_000 });

describe.skipIf(engineUnavailable())('the authorization plugin in the chain of a real engine', () => {
  const plugin = `dlk${randomBytes(4).toString('hex')}`;
  const socket = `/run/docker/plugins/${plugin}.sock`;
  const native = '/api/dockledger/v1';
  let engine: Engine;
  let product: Dockledger;
  let allRules: object[];

  const signalEngine = async (daemon: object) => {
    await writeFile(join(engine.dir, 'daemon.json'), JSON.stringify(daemon));
    process.kill(Number(await readFile(join(engine.dir, 'd.pid'), 'utf8')), 'SIGHUP');
  };
  const putRules = async (accessRules: object[]) => {
    const body = JSON.stringify({ accessRules });
    const answer = await product.api(`${native}/rules`, { method: 'PUT', body });
    expect(answer.status, answer.text).toBe(200);
  };
  const events = async (query: string) => product.events(query);
  const stored = (query: string, count = 1) =>
    patiently(`${count} of ${query} are stored`, async () => {
      const found = await events(query);
      return found.length >= count ? found : undefined;
    });
  /** Sends bytes to the engine's own socket. Answers the status line. */
  const raw = async (bytes: string): Promise<string> => {
    const client = connect(engine.socketPath);
    let received = '';
    client.on('data', (chunk) => (received += chunk.toString('latin1')));
    client.on('error', () => {});
    await once(client, 'connect');
    client.write(bytes);
    await patiently('the engine answers', () => received.includes('\r\n\r\n'));
    client.destroy();
    return received.split('\r\n')[0] ?? '';
  };
  const post = (target: string, body: string, headers = 'Content-Type: application/json\r\n') =>
    raw(
      `POST ${target} HTTP/1.1\r\nHost: docker\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );

  beforeAll(async () => {
    engine = await startEngine();
    await engine.importBusybox();
    product = await startDockledger({
      engineHost: engine.host,
      settings: { AUTHZ_PLUGIN_LISTEN: `unix://${socket}`, MERGE_WINDOW_MS: '0' },
    });
    allRules = (await product.api(`${native}/rules`)).json<{ accessRules: object[] }>().accessRules;
    await signalEngine({ 'authorization-plugins': [plugin] });
    const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
    // `docker info` does not list a plugin that was added by a reload.
    await patiently('the engine asks the plugin', async () =>
      (await post('/v1.41/containers/none/rename?name=a', 'name=b', form)).includes(' 403 '),
    );
  }, 120_000);
  afterAll(async () => {
    await signalEngine({ 'authorization-plugins': [] });
    await product[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await rm(socket, { force: true });
  }, 60_000);

  it('records a call through the proxy once, though both nets have seen it', async () => {
    const made = await product.docker('volume', 'create', 'through-the-proxy');
    expect(made.stderr).toBe('');
    await product.docker('volume', 'create', 'marker-1');
    const found = await stored('api=volume_create', 2);
    const own = found.filter(({ target }) => target.other === 'through-the-proxy');
    expect(own.map(({ provenance }) => provenance)).toEqual(['proxy']);
    expect(
      (await events(''))
        .filter(({ provenance, type }) => type === 'docker' && provenance === 'plugin')
        .every(({ api }) => api !== 'volume_create'),
    ).toBe(true);
  });

  it('asks the engine its own questions without judging or recording them (T-68)', async () => {
    const before = (await events('api=container_inspect')).length;
    expect((await product.docker('create', '--name', 'asked', 'busybox:test')).stderr).toBe('');
    expect((await product.docker('rm', 'asked')).stderr).toBe('');
    await stored('api=container_delete');
    expect((await events('api=container_inspect')).length).toBe(before);
  });

  it('records what comes by the engine socket itself, with its outcome', async () => {
    expect((await engine.docker('volume', 'create', 'past-the-proxy')).stderr).toBe('');
    const found = await patiently('the call and its outcome are stored', async () =>
      (await events('api=volume_create')).find(
        ({ target, outcome }) => target.other === 'past-the-proxy' && outcome?.state === 'done',
      ),
    );
    expect(found).toMatchObject({
      provenance: 'plugin',
      actor: { user: '', userSource: 'unknown' },
      outcome: { state: 'done', status: 201 },
      decision: { effect: 'allow' },
    });
  });

  it('refuses by the same rules, and whoever cannot be named by rules for anybody', async () => {
    await putRules([
      { name: 'bob makes no networks', effect: 'deny', action: ['network_create'], principal: ['bob'] },
      ...allRules,
    ]);
    try {
      const refused = await patiently('the rule is in force', async () => {
        const ran = await engine.docker('network', 'create', '--driver', 'null', `n${Date.now()}`);
        return ran.stderr.includes('bob makes no networks') ? ran : undefined;
      });
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain(`authorization denied by plugin ${plugin}`);
      // Root at the guarded socket is known not to be bob.
      expect((await product.docker('network', 'create', '--driver', 'null', 'for-root')).stderr).not.toContain('bob');
      expect((await stored('api=network_create&allow=false'))[0]?.provenance).toBe('plugin');
    } finally {
      await putRules(allRules);
    }
  });

  it('refuses bodies that the engine runs without showing them (T-30, T-34, T-50)', async () => {
    const create = (label: string) =>
      JSON.stringify({ Image: 'busybox:test', Labels: { label }, HostConfig: { Privileged: true } });
    for (const [name, bytes, allowed] of [
      ['small', 100, true],
      ['below', 1024 * 1024 - 1000, true],
      ['large', 1024 * 1024 + 1000, false],
    ] as const) {
      const status = await post(`/v1.41/containers/create?name=${name}`, create('x'.repeat(bytes)));
      expect(`${name}: ${status}`).toContain(allowed ? ' 201 ' : ' 403 ');
    }
    const names = (await engine.docker('ps', '-a', '--format', '{{.Names}}')).stdout;
    expect(names).toContain('below');
    expect(names).not.toContain('large');
    const service = JSON.stringify({ Name: 's', TaskTemplate: { ContainerSpec: { Image: 'busybox:test' } } });
    expect(await post('/v1.41/services/create', service, 'Content-Type: text/plain\r\n')).toContain(' 403 ');
    const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
    expect(await post('/v1.41/containers/small/rename?name=good', 'name=evil', form)).toContain(' 403 ');
  });

  it('refuses a mark that somebody made up or uses again', async () => {
    await putRules([{ name: 'no volumes', effect: 'deny', action: ['volume_create'] }, ...allRules]);
    try {
      const status = await patiently('the rule is in force', async () => {
        const line = await post(
          '/v1.41/volumes/create',
          JSON.stringify({ Name: `m${Date.now()}` }),
          'Content-Type: application/json\r\nX-Dockledger-Pass: AAAAAAAAAAAAAAAAAAAAAA\r\n',
        );
        return line.includes(' 403 ') ? line : undefined;
      });
      expect(status).toContain(' 403 ');
    } finally {
      await putRules(allRules);
    }
  });

  it('lets streams, tunnels and exec through: run, logs, exec, cp (marked by the proxy)', async () => {
    const ran = await product.docker('run', '--rm', '--network', 'none', 'busybox:test', 'echo', 'hello');
    expect(ran.stdout.trim(), ran.stderr).toBe('hello');
    expect(
      (await product.docker('run', '-d', '--name', 'kept', '--network', 'none', 'busybox:test', 'sleep', '300')).stderr,
    ).toBe('');
    expect((await product.docker('exec', 'kept', 'echo', 'inside')).stdout.trim()).toBe('inside');
    expect((await product.docker('cp', 'kept:/bin/busybox', join(engine.dir, 'copied'))).code).toBe(0);
    expect((await product.docker('rm', '-f', 'kept')).stderr).toBe('');
    const plugged = (await events('')).filter(
      ({ provenance, target }) => provenance === 'plugin' && target.containerName === '/kept',
    );
    expect(plugged).toEqual([]);
  });

  it('lets the engine go on by itself after the Defender was killed (T-64)', async () => {
    for (const pid of (await product.pids()).defender) process.kill(pid, 'SIGKILL');
    const back = await patiently('the Defender is back', async () => {
      const again = await engine.docker('volume', 'create', 'after-the-restart');
      return again.code === 0 ? again : undefined;
    });
    expect(back.stdout.trim()).toBe('after-the-restart');
  });
});
