import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { ok, type ScriptedEngine, startScriptedEngine } from './testing/scripted-engine.ts';
import { allowAll, connectRaw, get, post, startProxy } from './testing/start-proxy.ts';

const containerId = 'c'.repeat(64);

/** Answers inspects of container web, and 200 to the rest. */
function knowsWeb(engine: ScriptedEngine): void {
  engine.script = (request, socket) => {
    if (/^GET \/containers\/[^/]+\/json$/.test(request.line)) {
      socket.write(
        ok(
          JSON.stringify({
            Id: containerId,
            Name: '/web',
            Image: 'sha256:i',
            Config: { Image: 'nginx', Labels: { a: 'b' } },
          }),
        ),
      );
    } else socket.write(ok());
  };
}

/** Requests at the engine that are not the proxy's own look-ups. */
function forwarded(engine: ScriptedEngine): string[] {
  return engine.requests
    .map((request) => request.line)
    .filter((line) => !/^GET \/(containers|exec|images)\/.*\/json$/.test(line));
}

describe('docker proxy: the way of one request', () => {
  it('forwards an allowed read and records it once, with its outcome, before the answer', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdWritten();
    client.send(get('/v1.41/_ping'));
    await until('the read is recorded', () => proxy.recorder.records.length === 1);
    expect(client.received()).toBe('');
    proxy.recorder.release();
    await client.receives('OK');
    expect(proxy.recorder.records).toMatchObject([
      {
        kind: 'request',
        draft: {
          api: 'docker_ping',
          actor: { user: 'alice' },
          decision: { effect: 'allow', rule: 'Default - allow all' },
          request: { method: 'GET', route: '/_ping', apiVersion: '1.41' },
        },
        outcome: { state: 'done', status: 200 },
      },
    ]);
    expect(engine.requests.map((request) => request.line)).toEqual(['GET /v1.41/_ping']);
  });

  it('does not forward a state-changing call before its record is written', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdWritten();
    client.send(post('/v1.41/containers/prune'));
    await until('the call is recorded', () => proxy.recorder.records.length === 1);
    expect(engine.requests).toEqual([]);
    proxy.recorder.release();
    await client.receives('OK');
    expect(proxy.recorder.records).toMatchObject([
      { kind: 'request', draft: { api: 'container_prune' } },
      { kind: 'outcome', outcome: { state: 'done', status: 200 } },
    ]);
  });

  it('does not answer a state-changing call before its record is durable', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdDurable();
    client.send(post('/containers/prune'));
    await until('the outcome is recorded', () => proxy.recorder.records.length === 2);
    expect(client.received()).toBe('');
    proxy.recorder.release();
    await client.receives('OK');
  });

  it('with strict durability, does not forward a state-changing call before its record is durable', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath, { durability: 'strict' });
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdDurable();
    client.send(post('/containers/prune'));
    await until('the call is recorded', () => proxy.recorder.records.length === 1);
    expect(engine.requests).toEqual([]);
    proxy.recorder.release();
    await client.receives('OK');
  });

  it('refuses by a rule with the sentence the CLI prints, after a durable record, and forwards nothing', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [
      { name: 'no-create', effect: 'deny', action: ['container_create'], blockMsg: 'Ask ops.' },
      allowAll,
    ];
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdDurable();
    client.send(post('/v1.41/containers/create?name=x', '{"Env":["A=secret"]}'));
    await until('the refusal is recorded', () => proxy.recorder.records.length === 1);
    expect(client.received()).toBe('');
    proxy.recorder.release();
    const answer = await client.receives('Ask ops.');
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toContain(
      '{"message":"[Dockledger] The command container_create denied for user alice by rule no-create. Ask ops."}',
    );
    expect(engine.requests).toEqual([]);
    expect(proxy.recorder.records).toMatchObject([
      {
        draft: {
          api: 'container_create',
          target: { containerName: '/x' },
          decision: { effect: 'deny', rule: 'no-create' },
        },
        outcome: { state: 'refused', status: 403 },
      },
    ]);
    expect(JSON.stringify(proxy.recorder.records)).not.toContain('secret');
  });

  it('forwards the full id in place of a name, and records name, image and labels', async () => {
    await using engine = await startScriptedEngine();
    knowsWeb(engine);
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(post('/v1.41/containers/web/stop?t=1'));
    await client.receives('OK');
    expect(forwarded(engine)).toEqual([`POST /v1.41/containers/${containerId}/stop?t=1`]);
    expect(proxy.recorder.requests[0]?.draft.target).toEqual({
      kind: 'container',
      containerId,
      containerName: '/web',
      imageName: 'nginx',
      imageId: 'sha256:i',
      labels: { a: 'b' },
    });
  });

  it('forwards a name that the engine does not know only where the verdict holds for every container', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) =>
      socket.write(`HTTP/1.1 404 Not Found\r\nContent-Length: 38\r\n\r\n{"message":"No such container: nope"}\n`);
    await using proxy = await startProxy(engine.socketPath, { collections: [{ name: 'prod', containers: ['prod*'] }] });
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/nope/stop'));
    const answer = await client.receives('No such container: nope');
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(proxy.recorder.requests[0]?.draft.target).toEqual({ kind: 'container', other: 'nope' });
    expect(forwarded(engine)).toEqual(['POST /containers/nope/stop']);

    proxy.accessRules = [
      { name: 'not-prod', effect: 'deny', action: ['container_stop'], collections: ['prod'] },
      allowAll,
    ];
    client.send(post('/containers/nope/stop'));
    await client.receives('not-prod');
    proxy.accessRules = [{ name: 'prod-only', effect: 'allow', collections: ['prod'] }];
    client.send(post('/containers/nope/stop'));
    await client.receives('Default - deny all');
    expect(forwarded(engine)).toHaveLength(1);
  });

  it('re-serialises a judged body and its framing', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(
      'POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '5\r\n{"Nam\r\n9\r\ne" : "v"}\r\n0\r\n\r\n',
    );
    await client.receives('OK');
    const [request] = engine.requests;
    expect(request?.body).toBe('{"Name":"v"}');
    expect(request?.head).toContain('Content-Length: 12\r\n');
    expect(request?.head).toContain('Content-Type: application/json\r\n');
    expect(request?.head).not.toMatch(/transfer-encoding|text\/plain/i);
  });

  it('drops hop-by-hop fields, an Upgrade on a route that takes none and a forged pass mark', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(
      get('/_ping', 'Connection: Upgrade\r\nUpgrade: tcp\r\nTE: trailers\r\nX-Dockledger-Pass: 1\r\nX-Kept: yes\r\n'),
    );
    await client.receives('OK');
    const head = engine.requests[0]?.head ?? '';
    expect(head).toContain('X-Kept: yes\r\n');
    expect(head).not.toMatch(/upgrade|^te:|dockledger/im);
  });

  it('drops an offer of TLS or HTTP/2 that a client makes with every call, and never tunnels for it', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    for (const offer of ['Upgrade: TLS/1.2', 'Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk']) {
      using client = await connectRaw(proxy.path);
      client.send(post('/containers/web/attach', '', `Connection: Upgrade\r\n${offer}\r\n`));
      await client.receives('HTTP/1.1');
      expect(engine.requests.at(-1)?.head).not.toMatch(/upgrade|http2/i);
    }
  });

  it('judges and records pipelined requests one by one, in order', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (request, socket) => socket.write(ok(request.line));
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [{ name: 'no-info', effect: 'deny', action: ['docker_info'] }, allowAll];
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping') + get('/info') + post('/containers/prune') + get('/version'));
    const answer = await client.receives('GET /version');
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(engine.requests.map((request) => request.line)).toEqual([
      'GET /_ping',
      'POST /containers/prune',
      'GET /version',
    ]);
    expect(proxy.recorder.requests.map((record) => record.draft.api)).toEqual([
      'docker_ping',
      'docker_info',
      'container_prune',
      'docker_version',
    ]);
    expect(proxy.pool.stats()).toMatchObject({ opened: 1, idle: 1, inUse: 0 });
  });
});

describe('docker proxy: bodies and answers', () => {
  it('streams a chunked upload through unread, with back-pressure, and keeps both connections', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send('POST /build?t=x HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n');
    const block = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let n = 0; n < 64; n++) client.send(block);
    client.send('0\r\n\r\n');
    await client.receives('OK');
    expect(engine.requests[0]?.body.length).toBe(block.length * 64 + 5);
    client.send(get('/_ping'));
    await until('the second answer arrives', () => client.received().split('HTTP/1.1 200').length === 3);
    expect(proxy.pool.stats()).toMatchObject({ opened: 1, inUse: 0 });
  });

  it('passes answers of every framing unchanged', async () => {
    const answers = {
      '/_ping': ok(),
      '/version': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      '/info': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
      '/images/json': 'HTTP/1.1 204 No Content\r\n\r\n',
    };
    await using engine = await startScriptedEngine();
    engine.script = (request, socket) => {
      const answer = answers[request.line.slice(4) as keyof typeof answers];
      // One byte at a time, so that every place to be cut at is met.
      for (const byte of answer) socket.write(byte);
    };
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    let expected = '';
    for (const [path, answer] of Object.entries(answers)) {
      client.send(get(path));
      expected += answer;
      await until(`the answer to ${path} is whole`, () => client.received() === expected);
    }
    expect(proxy.pool.stats()).toMatchObject({ opened: 1, idle: 1 });
  });

  it('answers a HEAD without waiting for a body', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send('HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n');
    await client.receives('\r\n\r\n');
    await until('the engine connection is idle', () => proxy.pool.stats().idle === 1);
  });

  it('ends the client’s connection after an answer that ends by closing', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it');
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/info'));
    expect(await client.ends()).toContain('all of it');
    expect(proxy.pool.stats()).toMatchObject({ idle: 0, inUse: 0 });
  });

  it('cuts the client when the engine cuts an answer, instead of passing it off as whole', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/info') + get('/_ping'));
    const answer = await client.ends();
    expect(answer).toContain('half');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('does not give an engine connection with spare answer bytes to anybody else', async () => {
    await using engine = await startScriptedEngine();
    let calls = 0;
    engine.script = (_request, socket) => socket.write(calls++ === 0 ? ok() + ok('forged') : ok('real'));
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    await client.receives('OK');
    client.send(get('/_ping'));
    const answer = await client.receives('real');
    expect(answer).not.toContain('forged');
    expect(proxy.pool.stats().opened).toBe(2);
  });

  it('does not reuse an engine connection whose request body is unfinished when the answer is complete', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    const early: ScriptedEngine = engine;
    using client = await connectRaw(proxy.path);
    client.send('POST /build HTTP/1.1\r\nHost: docker\r\nContent-Length: 100\r\n\r\npart');
    await until('the engine got the part', () => early.received().includes('part'));
    for (const socket of engine.sockets) socket.write(ok('early'));
    await client.receives('early');
    await client.ends();
    expect(proxy.pool.stats()).toMatchObject({ idle: 0, inUse: 0 });
  });

  it('answers Expect: 100-continue itself, only after the verdict', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send('POST /images/load HTTP/1.1\r\nHost: docker\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    await client.receives('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('tar');
    await client.receives('OK');
    expect(engine.requests[0]?.head).not.toMatch(/expect/i);

    proxy.accessRules = [{ name: 'no', effect: 'deny' }];
    using refused = await connectRaw(proxy.path);
    refused.send('POST /images/load HTTP/1.1\r\nHost: docker\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    expect(await refused.ends()).toMatch(/^HTTP\/1\.1 403/);
  });

  it('swallows the engine’s interim answers', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${ok()}`);
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    expect(await client.receives('OK')).toMatch(/^HTTP\/1\.1 200/);
  });

  it('refuses a judged body over the limit with 413 and forwards nothing', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath, { maxJudgedBodyBytes: 1000 });
    using announced = await connectRaw(proxy.path);
    announced.send('POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 1001\r\n\r\n');
    expect(await announced.ends()).toMatch(/^HTTP\/1\.1 413/);
    using chunked = await connectRaw(proxy.path);
    chunked.send(
      `POST /volumes/create HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${' '.repeat(1001)}\r\n`,
    );
    expect(await chunked.ends()).toMatch(/^HTTP\/1\.1 413/);
    expect(engine.requests).toEqual([]);
    expect(proxy.recorder.requests).toHaveLength(2);
  });

  it('forwards large numbers of a judged body exactly', async () => {
    await using engine = await startScriptedEngine();
    knowsWeb(engine);
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/web/update', '{"Memory":9007199254740993,"CpuShares":2}'));
    await client.receives('OK');
    expect(engine.requests.at(-1)?.body).toContain('9007199254740993');
    expect(proxy.recorder.requests[0]?.draft.request?.summary).toMatchObject({ CpuShares: 2 });
  });

  it('drops a body that the route does not read', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/prune', 'GET /info HTTP/1.1\r\nHost: x\r\n\r\n'));
    await client.receives('OK');
    expect(engine.requests).toMatchObject([{ line: 'POST /containers/prune', body: '' }]);
  });
});

describe('docker proxy: tunnels', () => {
  const attach =
    'POST /containers/web/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n';

  it('tunnels only after the engine’s 101, keeps early bytes and both half-closes', async () => {
    await using engine = await startScriptedEngine();
    knowsWeb(engine);
    const inspect = engine.script;
    engine.script = (request, socket) => {
      if (!request.line.startsWith('POST')) return inspect(request, socket);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      const got: string[] = [];
      socket.on('data', (chunk) => got.push(chunk.toString()));
      socket.on('end', () => socket.end(`got ${got.join('')}`));
      return undefined;
    };
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(`${attach}early `);
    await client.receives('101 UPGRADED');
    client.send('late');
    client.socket.end();
    expect(await client.ends()).toContain('got early late');
    expect(proxy.recorder.requests[0]?.draft.api).toBe('container_attach');
    expect(proxy.recorder.outcomeOf(proxy.recorder.requests[0])).toMatchObject({ state: 'done', status: 101 });
    await until('no engine connection is held', () => proxy.pool.stats().inUse === 0);
  });

  it('treats bytes behind a refused upgrade as the next request, judged on its own', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (request, socket) => {
      socket.write(
        request.line.startsWith('GET /exec/') || request.line.startsWith('GET /containers/')
          ? ok(JSON.stringify({ Id: containerId, Name: '/web', Config: {} }))
          : 'HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno',
      );
    };
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [{ name: 'no-info', effect: 'deny', action: ['docker_info'] }, allowAll];
    using client = await connectRaw(proxy.path);
    client.send(attach + get('/info'));
    const answer = await client.receives('no-info');
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 409', 'HTTP/1.1 403']);
    expect(engine.received()).not.toContain('/info');
  });

  it('tunnels after a 200 with a raw stream, for clients that send no Upgrade', async () => {
    await using engine = await startScriptedEngine();
    knowsWeb(engine);
    const inspect = engine.script;
    engine.script = (request, socket) => {
      if (!request.line.startsWith('POST')) return inspect(request, socket);
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
      socket.on('data', (chunk) => socket.write(`echo ${chunk.toString()}`));
      socket.on('end', () => socket.end('bye'));
      return undefined;
    };
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/web/attach?stream=1'));
    await client.receives('raw-stream');
    client.send('hello');
    await client.receives('echo hello');
    client.socket.end();
    expect(await client.ends()).toMatch(/bye$/);
  });

  it('never tunnels after a 101 that was not asked for', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.write('HTTP/1.1 101 UPGRADED\r\n\r\n');
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    expect(await client.receives('message')).toMatch(/^HTTP\/1\.1 502/);
  });
});

describe('docker proxy: failures', () => {
  it('answers 503 with a clear text while there is no engine, records it, and works when the engine comes', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(`${engine.socketPath}.not-yet`);
    using client = await connectRaw(proxy.path);
    const states: string[] = [];
    proxy.proxy.onEngineState((state) => states.push(state.state));
    client.send(get('/_ping') + post('/containers/prune') + post('/containers/web/stop'));
    await until('all three are answered', () => client.received().split('HTTP/1.1 503').length === 4);
    expect(client.received()).toContain(
      `{"message":"[Dockledger] the Docker engine at unix://${engine.socketPath}.not-yet cannot be reached (ENOENT).`,
    );
    expect(states).toEqual(['down']);
    const { recorder } = proxy;
    const outcomes = recorder.requests.map((record) => [record.draft.api, recorder.outcomeOf(record)] as const);
    expect(outcomes.map(([api, outcome]) => [api, outcome?.state, outcome?.status])).toEqual([
      ['docker_ping', 'failed', 503],
      ['container_prune', 'failed', 503],
      ['container_stop', 'failed', 503],
    ]);
  });

  it('repeats a read on a fresh connection when the idle one had died, but never a POST that may have arrived', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    await client.receives('OK');
    let calls = 0;
    engine.script = (_request, socket) => {
      if (calls++ === 0) socket.destroy();
      else socket.write(ok('again'));
    };
    client.send(get('/_ping'));
    await client.receives('again');
    calls = 0;
    client.send(post('/containers/prune'));
    const answer = await client.receives('whether the call took effect is unknown');
    expect(answer).toContain('HTTP/1.1 502');
    expect(engine.requests.filter((request) => request.line.startsWith('POST'))).toHaveLength(1);
    expect(proxy.recorder.outcomeOf(proxy.recorder.requests.at(-1))).toMatchObject({ state: 'unknown', status: 502 });
  });

  it('ends the engine’s side when the client vanishes in mid-stream', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write('5\r\nhello\r\n'), 5);
      socket.on('close', () => clearInterval(timer));
    };
    await using proxy = await startProxy(engine.socketPath);
    const client = await connectRaw(proxy.path);
    client.send(get('/events'));
    await client.receives('hello');
    client.socket.destroy();
    await until('the engine connection is gone', () => engine.sockets.size === 0);
    expect(proxy.pool.stats()).toMatchObject({ idle: 0, inUse: 0 });
    expect(proxy.recorder.requests).toMatchObject([{ draft: { api: 'docker_events' }, outcome: { status: 200 } }]);
  });

  it('records a state-changing call whose client vanished before the answer with an unknown outcome', async () => {
    await using engine = await startScriptedEngine();
    engine.script = () => {};
    await using proxy = await startProxy(engine.socketPath);
    const client = await connectRaw(proxy.path);
    client.send(post('/containers/prune'));
    await until('the engine has it', () => engine.requests.length === 1);
    client.socket.destroy();
    // A vanished client is first seen as a half-close, which the engine is told; what ends it is the engine's hanging up.
    for (const socket of engine.sockets) socket.destroy();
    await until('the outcome is recorded', () => proxy.recorder.records.length === 2);
    expect(proxy.recorder.outcomeOf(proxy.recorder.requests[0])?.state).toBe('unknown');
  });

  it('records a refusal once when its client does not wait for it', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [{ name: 'no-info', effect: 'deny', action: ['docker_info'] }, allowAll];
    for (const bytes of [get('/info'), get('/_ping?a=1;b=2'), post('/volumes/create', '{"a"')]) {
      const client = await connectRaw(proxy.path);
      const before = proxy.recorder.records.length;
      proxy.recorder.holdDurable();
      client.send(bytes);
      await until('the refusal is recorded', () => proxy.recorder.records.length === before + 1);
      client.socket.destroy();
      proxy.recorder.release();
      await until('the client is gone', () => proxy.proxy.stats().clients === 0);
      expect(proxy.recorder.records.length).toBe(before + 1);
    }
    expect(engine.requests).toEqual([]);
  });

  it('records a call once when its connection is cut before it is forwarded', async () => {
    for (const bytes of [post('/containers/prune'), post('/containers/web/stop')]) {
      await using engine = await startScriptedEngine();
      engine.script = () => {};
      await using proxy = await startProxy(engine.socketPath);
      using client = await connectRaw(proxy.path);
      proxy.recorder.holdWritten();
      client.send(bytes);
      await until('it is recorded or looked up', () => proxy.recorder.records.length + engine.requests.length > 0);
      await proxy.proxy.close({ graceMs: 0 });
      proxy.recorder.release();
      await client.ends();
      expect(proxy.recorder.requests).toHaveLength(1);
      expect(proxy.recorder.outcomeOf(proxy.recorder.requests[0])?.state).toBe('failed');
      expect(forwarded(engine)).toEqual([]);
    }
  });

  it('records the outcome of a running call as unknown when it is cut at the end', async () => {
    await using engine = await startScriptedEngine();
    engine.script = () => {};
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/prune'));
    await until('the engine has it', () => engine.requests.length === 1);
    await proxy.proxy.close({ graceMs: 0 });
    expect(proxy.recorder.outcomeOf(proxy.recorder.requests[0])?.state).toBe('unknown');
    expect(proxy.pool.stats().inUse).toBe(0);
  });

  it('still answers a client that half-closes after its request', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.socket.end(get('/_ping') + post('/containers/prune'));
    const answer = await client.ends();
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  it('records and refuses a body that is cut, and a head that is cut', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using body = await connectRaw(proxy.path);
    body.socket.end('POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 10\r\n\r\n{');
    expect(await body.ends()).toMatch(/^HTTP\/1\.1 400/);
    using head = await connectRaw(proxy.path);
    head.socket.end('GET /_ping HT');
    expect(await head.ends()).toMatch(/^HTTP\/1\.1 400/);
    expect(engine.requests).toEqual([]);
    expect(proxy.recorder.requests.map((record) => [record.draft.api, record.draft.decision.reason])).toEqual([
      ['volume_create', 'malformed'],
      ['unknown', 'malformed'],
    ]);
  });

  it('gives up a head and a judged body that do not arrive in time', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath, { headTimeoutMs: 50 });
    using head = await connectRaw(proxy.path);
    head.send('GET /_pi');
    using body = await connectRaw(proxy.path);
    body.send('POST /volumes/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 10\r\n\r\n{');
    expect(await head.ends()).toMatch(/^HTTP\/1\.1 408/);
    expect(await body.ends()).toMatch(/^HTTP\/1\.1 408/);
    expect(proxy.recorder.requests).toHaveLength(2);
    expect(engine.requests).toEqual([]);
  });

  it('refuses state-changing calls while nothing can be recorded, but still lets reads pass', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    proxy.recorder.fill();
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/prune') + get('/_ping'));
    const answer = await client.receives('OK');
    expect(answer).toMatch(/^HTTP\/1\.1 503/);
    expect(answer).toContain('cannot be recorded: The spool is full.');
    expect(proxy.recorder.unrecorded).toBe(1);
    expect(engine.requests.map((request) => request.line)).toEqual(['GET /_ping']);
    expect(proxy.proxy.stats().unrecorded).toBe(1);
  });

  it('refuses a state-changing call whose own append fails', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    proxy.recorder.failAppends();
    using client = await connectRaw(proxy.path);
    client.send(post('/containers/prune'));
    expect(await client.receives('cannot be recorded')).toMatch(/^HTTP\/1\.1 503/);
    expect(engine.requests).toEqual([]);
  });

  it('refuses what the judge fails on', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [
      {
        name: 'broken',
        effect: 'allow',
        action: undefined as never,
        get principal(): never {
          throw new Error('broken rule');
        },
      },
    ];
    using client = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    expect(await client.receives('could not be judged')).toMatch(/^HTTP\/1\.1 403/);
    expect(engine.requests).toEqual([]);
    expect(proxy.recorder.requests[0]?.draft.decision.reason).toBe('judge-error');
  });

  it('lets running calls end when it closes, and takes no new ones', async () => {
    await using engine = await startScriptedEngine();
    engine.script = () => {};
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    using idle = await connectRaw(proxy.path);
    client.send(get('/_ping'));
    await until('the engine has it', () => engine.requests.length === 1);
    const closing = proxy.proxy.close({ graceMs: 5000 });
    await idle.ends();
    for (const socket of engine.sockets) socket.write(ok('late'));
    expect(await client.ends()).toContain('late');
    await closing;
    await expect(connectRaw(proxy.path)).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });
});
