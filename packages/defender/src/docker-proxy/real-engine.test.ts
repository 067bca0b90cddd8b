import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTempDir,
  type Engine,
  enginePaths,
  engineUnavailable,
  run,
  startEngine,
  startProcess,
  until,
} from '@dockledger/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIdentifier } from '../identity/identifier.ts';
import type { Caller } from '../ports.ts';
import { alice, allowAll, connectRaw, get, post, startProxy, type TestProxy } from './testing/start-proxy.ts';

const clients = [enginePaths.docker, '/usr/local/bin/docker'].filter((path) => existsSync(path));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** One engine for the file; each test has its own proxy and its own container names. */
describe.skipIf(engineUnavailable() !== undefined)('docker proxy before a real engine', () => {
  let engine: Engine;
  let config: string;
  let configDir: AsyncDisposable;

  beforeAll(async () => {
    engine = await startEngine();
    await engine.importBusybox();
    const dir = await createTempDir('dlc-');
    configDir = dir;
    config = dir.path;
  });
  afterEach(async () => {
    const ids = (await engine.docker('ps', '-aq')).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await engine.docker('rm', '-f', ...ids);
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await configDir?.[Symbol.asyncDispose]();
  });

  const cli = (
    host: string,
    args: readonly string[],
    options: { input?: string | Uint8Array; client?: string; env?: Record<string, string> } = {},
  ) =>
    run(options.client ?? enginePaths.docker, args, {
      env: { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: config, ...options.env },
      ...(options.input === undefined ? {} : { input: options.input }),
    });
  const guarded = () => startProxy(engine.socketPath, { identifier: createIdentifier({}) });
  const apisOf = (proxy: TestProxy) => proxy.recorder.requests.map((record) => record.draft.api);

  it.each(clients)('gives %s the same exit codes and output as the engine itself', async (client) => {
    await using proxy = await guarded();
    await cli(engine.host, ['run', '-d', '--name', 'same', '--network', 'none', 'busybox:test', 'sleep', '600']);
    // The engine's messages repeat the reference it was given; the proxy gives it the full id.
    const id = (await cli(engine.host, ['inspect', '-f', '{{.Id}}', 'same'])).stdout.trim();
    const commands: readonly { args: string[]; input?: string }[] = [
      { args: ['version', '--format', '{{.Server.Version}}'] },
      { args: ['run', '--rm', '--network', 'none', 'busybox:test', 'sh', '-c', 'echo out; echo err >&2; exit 7'] },
      { args: ['run', '--rm', '-i', '--network', 'none', 'busybox:test', 'cat'], input: 'by stdin' },
      { args: ['exec', '-i', 'same', 'wc', '-c'], input: 'x'.repeat(100_000) },
      { args: ['exec', 'same', 'sh', '-c', 'exit 3'] },
      { args: ['exec', 'same', 'nosuchprogram'] },
      { args: ['inspect', '-f', '{{.Name}} {{.Config.Image}}', 'same'] },
      { args: ['inspect', 'nosuch'] },
      { args: ['logs', 'nosuch'] },
      { args: ['stop', 'nosuch'] },
      { args: ['rm', 'nosuch'] },
      { args: ['start', 'same'] },
      { args: ['top', 'same', '-o', 'args'] },
      { args: ['cp', 'same:/nosuch', '-'] },
      { args: ['ps', '--format', '{{.Names}} {{.Image}}', '--filter', 'name=same'] },
      { args: ['volume', 'create', 'v1'] },
      { args: ['volume', 'inspect', '-f', '{{.Name}} {{.Driver}}', 'v1'] },
      { args: ['volume', 'rm', '-f', 'v1'] },
      { args: ['network', 'ls', '--format', '{{.Name}}'] },
      { args: ['images', '--format', '{{.Repository}}:{{.Tag}}', 'busybox'] },
      { args: ['tag', 'busybox:test', 'busybox:other'] },
      { args: ['rmi', 'busybox:nosuch'] },
      { args: ['pull', 'localhost:1/nosuch'] },
      { args: ['stats', '--no-stream', '--format', '{{.Name}}', 'same'] },
      { args: ['container', 'prune', '-f'] },
      { args: ['kill', 'nosuch'] },
    ];
    // The second client speaks a newer API; what it shares with the first need not be tried twice.
    for (const { args, input } of client === enginePaths.docker ? commands : commands.slice(0, 8)) {
      const options = { client, ...(input === undefined ? {} : { input }) };
      const direct = await cli(engine.host, args, options);
      const through = await cli(proxy.host, args, options);
      const shown = ({ code, stdout, stderr }: typeof direct) => ({
        args,
        code,
        stdout,
        stderr: stderr.replaceAll(id, 'same'),
      });
      expect(shown(through)).toEqual(shown(direct));
    }
    await cli(engine.host, ['rm', '-f', 'same']);
  });

  it('carries megabytes both ways, and every kind of stream', async () => {
    await using proxy = await guarded();
    const megabyte = randomBytes(1_000_000);
    const echoed = await cli(proxy.host, ['run', '--rm', '-i', '--network', 'none', 'busybox:test', 'cat'], {
      input: megabyte,
    });
    expect(sha256(echoed.stdoutBytes)).toBe(sha256(megabyte));
    const big = await cli(proxy.host, [
      'run',
      '--rm',
      '--network',
      'none',
      'busybox:test',
      'head',
      '-c',
      '8000000',
      '/dev/zero',
    ]);
    expect(big.stdoutBytes.length).toBe(8_000_000);

    await cli(proxy.host, [
      'run',
      '-d',
      '--name',
      'streams',
      '--network',
      'none',
      'busybox:test',
      'sh',
      '-c',
      'echo one; sleep 600',
    ]);
    const halfClosed = await cli(proxy.host, ['exec', '-i', 'streams', 'sh', '-c', 'cat; echo after eof'], {
      input: megabyte,
    });
    expect(halfClosed.stdoutBytes.length).toBe(1_000_000 + 'after eof\n'.length);

    const file = join(config, 'file');
    await writeFile(file, megabyte);
    expect((await cli(proxy.host, ['cp', file, 'streams:/tmp/file'])).code).toBe(0);
    expect((await cli(proxy.host, ['cp', 'streams:/tmp/file', `${file}.back`])).code).toBe(0);
    expect(sha256(await readFile(`${file}.back`))).toBe(sha256(megabyte));

    const saved = await cli(proxy.host, ['save', 'busybox:test']);
    expect(saved.stdoutBytes.length).toBeGreaterThan(500_000);
    expect((await cli(proxy.host, ['load'], { input: saved.stdoutBytes })).stdout).toContain('busybox:test');

    await using logs = await startProcess(enginePaths.docker, ['-H', proxy.host, 'logs', '-f', 'streams']);
    await using events = await startProcess(enginePaths.docker, [
      '-H',
      proxy.host,
      'events',
      '--format',
      '{{.Action}}',
      '--filter',
      'container=streams',
    ]);
    await using attach = await startProcess(enginePaths.docker, ['-H', proxy.host, 'attach', '--no-stdin', 'streams']);
    await until('logs -f shows the line', () => logs.output().includes('one'));
    await until('attach is on', () => apisOf(proxy).includes('container_attach'));
    await until('events are on', () => apisOf(proxy).includes('docker_events'));
    await cli(proxy.host, ['kill', 'streams']);
    await until('events shows the kill', () => events.output().includes('kill'));
    expect(await logs.exited).toBe(0);
    await attach.exited;
    await events.end('SIGKILL');
    await until('no engine connection is held', () => proxy.pool.stats().inUse === 0);
    await cli(proxy.host, ['rm', '-f', 'streams']);
  });

  it.each(clients)('builds with %s, legacy and BuildKit', async (client) => {
    await using proxy = await guarded();
    const context = join(config, 'context');
    await mkdir(context, { recursive: true });
    await writeFile(join(context, 'Dockerfile'), 'FROM busybox:test\nCOPY Dockerfile /copied\n');
    const legacy = await cli(proxy.host, ['build', '-q', '-t', 'legacy:1', context], {
      client,
      env: { DOCKER_BUILDKIT: '0' },
    });
    expect([legacy.code, legacy.stderr.includes('rror')]).toEqual([0, false]);
    if (client !== enginePaths.docker) return;
    const modern = await cli(proxy.host, ['build', '-q', '-t', 'modern:1', context], {
      client,
      env: { DOCKER_BUILDKIT: '1' },
    });
    expect([modern.code, modern.stderr]).toEqual([0, '']);
    expect(apisOf(proxy)).toEqual(expect.arrayContaining(['image_build', 'buildkit_session']));
    await cli(proxy.host, ['rmi', 'legacy:1', 'modern:1']);
  });

  it('gives an interactive terminal', async () => {
    await using proxy = await guarded();
    const command = `${enginePaths.docker} run --rm -it --network none busybox:test sh -c 'stty size; test -t 0 && echo tty'`;
    const result = await run('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, DOCKER_HOST: proxy.host },
    });
    expect([result.code, result.stdout.includes('tty')]).toEqual([0, true]);
    expect(apisOf(proxy)).toEqual(expect.arrayContaining(['container_create', 'container_attach', 'container_start']));
  });

  it('records each call once with container, image, labels and outcome', async () => {
    await using proxy = await guarded();
    await cli(proxy.host, [
      'create',
      '--name',
      'rec',
      '--label',
      'team=a',
      '-e',
      'TOKEN=hunter2',
      '--network',
      'none',
      'busybox:test',
      'sleep',
      '1',
    ]);
    await cli(proxy.host, ['start', 'rec']);
    await cli(proxy.host, ['rm', '-f', 'rec']);
    const writes = proxy.recorder.requests.filter(
      (record) => record.draft.request?.method !== 'GET' && record.draft.api !== 'docker_ping',
    );
    expect(
      writes.map((record) => [
        record.draft.api,
        record.draft.target.containerName,
        proxy.recorder.outcomeOf(record)?.status,
      ]),
    ).toEqual([
      ['container_create', '/rec', 201],
      ['container_start', '/rec', 204],
      ['container_delete', '/rec', 204],
    ]);
    for (const record of writes) {
      expect(record.draft).toMatchObject({
        actor: { user: 'root', uid: 0, exe: enginePaths.docker },
        target: { imageName: 'busybox:test', labels: { team: 'a' } },
        decision: { effect: 'allow', rule: 'Default - allow all' },
      });
    }
    expect(writes[0]?.draft.request?.summary).toMatchObject({ Image: 'busybox:test', Env: ['TOKEN'] });
    expect(JSON.stringify(proxy.recorder.records)).not.toContain('hunter2');
  });

  it('finds the name that the engine gave to a container created without one', async () => {
    await using proxy = await guarded();
    const { stdout } = await cli(proxy.host, ['create', '--network', 'none', 'busybox:test', 'true']);
    const id = stdout.trim();
    const { stdout: name } = await cli(engine.host, ['inspect', '-f', '{{.Name}}', id]);
    const created = proxy.recorder.requests.find((record) => record.draft.api === 'container_create');
    expect(proxy.recorder.targetOf(created)).toEqual({ containerId: id, containerName: name.trim() });
    await cli(engine.host, ['rm', id]);
  });

  it('refuses by rule so that the CLI prints the sentence and the engine never sees the call', async () => {
    await using proxy = await guarded();
    proxy.accessRules = [
      { name: 'no-create', effect: 'deny', action: ['container_create'], blockMsg: 'Ask ops.' },
      allowAll,
    ];
    const refused = await cli(proxy.host, ['run', '--name', 'never', '--network', 'none', 'busybox:test', 'true']);
    expect(refused.stderr).toContain(
      'Error response from daemon: [Dockledger] The command container_create denied for user root by rule no-create. Ask ops.',
    );
    expect((await cli(engine.host, ['inspect', 'never'])).code).toBe(1);
  });

  it('resolves ids, prefixes and names to one target, so that a rule by name cannot be walked around', async () => {
    await using proxy = await guarded();
    const { stdout } = await cli(engine.host, [
      'create',
      '--name',
      'guarded',
      '--network',
      'none',
      'busybox:test',
      'true',
    ]);
    const id = stdout.trim();
    for (const ref of ['guarded', id, id.slice(0, 12)]) {
      using client = await connectRaw(proxy.path);
      client.send(post(`/containers/${ref}/rename?name=guarded`));
      await client.receives('\r\n\r\n');
    }
    expect(new Set(proxy.recorder.requests.map((record) => record.draft.target.containerName))).toEqual(
      new Set(['/guarded']),
    );
    await cli(engine.host, ['rm', 'guarded']);
  });

  it('refuses to start an exec that another user made, while rules restrict', async () => {
    const bob: Caller = { ...alice, actor: { ...alice.actor, user: 'bob' }, principals: ['bob'] };
    const callers = [alice, bob, alice];
    await using proxy = await startProxy(engine.socketPath, {
      identifier: { identify: () => callers.shift() ?? alice },
      guardsExecs: () => true,
    });
    await cli(engine.host, ['run', '-d', '--name', 'execs', '--network', 'none', 'busybox:test', 'sleep', '600']);
    using made = await connectRaw(proxy.path);
    made.send(post('/containers/execs/exec', '{"Cmd":["true"]}'));
    const id = /"Id":"([0-9a-f]{64})"/.exec(await made.receives('"Id"'))?.[1] ?? '';
    using foreign = await connectRaw(proxy.path);
    foreign.send(post(`/exec/${id}/start`, '{"Detach":true}'));
    expect(await foreign.receives('created by another user')).toMatch(/^HTTP\/1\.1 403/);
    using own = await connectRaw(proxy.path);
    own.send(post(`/exec/${id}/start`, '{"Detach":true}'));
    expect(await own.receives('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200/);
    await cli(engine.host, ['rm', '-f', 'execs']);
  });

  it('serves old clients that hijack without an Upgrade', async () => {
    await using proxy = await guarded();
    await cli(engine.host, ['create', '-i', '--name', 'old', '--network', 'none', 'busybox:test', 'cat']);
    using client = await connectRaw(proxy.path);
    client.send(post('/v1.24/containers/old/attach?stream=1&stdin=1&stdout=1'));
    await client.receives('application/vnd.docker.raw-stream');
    await cli(engine.host, ['start', 'old']);
    client.send('over the tunnel');
    await client.receives('over the tunnel');
    client.socket.end();
    await client.ends();
    await cli(engine.host, ['rm', '-f', 'old']);
  });

  it('ends the stream at the engine when its client is killed', async () => {
    await using proxy = await guarded();
    await using events = await startProcess(enginePaths.docker, ['-H', proxy.host, 'events']);
    await until('events are on', () => proxy.pool.stats().inUse === 1 && apisOf(proxy).includes('docker_events'));
    await events.end('SIGKILL');
    await until('no engine connection is held', () => proxy.pool.stats().inUse === 0);
  });

  it('holds no engine connection for idle clients', async () => {
    await using proxy = await guarded();
    const idle = await Promise.all(Array.from({ length: 1000 }, () => connectRaw(proxy.path)));
    for (const client of idle.slice(0, 50)) client.send(get('/_ping'));
    await Promise.all(idle.slice(0, 50).map((client) => client.receives('OK')));
    await until('all are accepted', () => proxy.proxy.stats().clients === 1000);
    expect(proxy.pool.stats().inUse).toBe(0);
    expect(proxy.pool.stats().idle).toBeLessThanOrEqual(32);
    for (const client of idle) client.socket.destroy();
    await until('all are gone', () => proxy.proxy.stats().clients === 0);
  });

  it('goes on after a restart of the engine under it', async () => {
    await using proxy = await guarded();
    const states: string[] = [];
    proxy.proxy.onEngineState((state) => states.push(state.state));
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    await client.receives('OK');
    await engine.stop();
    client.send(get('/_ping'));
    const down = await client.receives('cannot be reached');
    expect(down).toContain('HTTP/1.1 503');
    const failed = await cli(proxy.host, ['ps']);
    expect(failed.stderr).toContain('the Docker engine at unix://');
    await engine.start();
    expect((await cli(proxy.host, ['ps', '-q'])).code).toBe(0);
    client.send(get('/version'));
    await client.receives('ApiVersion');
    expect(states).toEqual(['up', 'down', 'up']);
  });
});
