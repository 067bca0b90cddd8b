import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { startScriptedEngine } from './testing/scripted-engine.ts';
import { connectRaw, get, post, startProxy } from './testing/start-proxy.ts';

const smuggled = 'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';

/** Bytes that two parsers could read differently. None may reach the engine, and each is on record. */
const hostile: Readonly<Record<string, { bytes: string; status: number }>> = {
  'both Content-Length and Transfer-Encoding': {
    bytes: `POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    status: 400,
  },
  'Content-Length twice': {
    bytes: `POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n${smuggled}`,
    status: 400,
  },
  'a signed Content-Length': {
    bytes: `POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n${smuggled}`,
    status: 400,
  },
  'a Content-Length list': {
    bytes: `POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n${smuggled}`,
    status: 400,
  },
  'an unknown Transfer-Encoding': {
    bytes: `POST /build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    status: 400,
  },
  'two Hosts': { bytes: 'GET /_ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', status: 400 },
  'no Host': { bytes: 'GET /_ping HTTP/1.1\r\n\r\n', status: 400 },
  'a folded field': { bytes: 'GET /_ping HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', status: 400 },
  'a blank before the colon': { bytes: 'GET /_ping HTTP/1.1\r\nHost : x\r\n\r\n', status: 400 },
  'a bare LF': { bytes: 'GET /_ping HTTP/1.1\nHost: x\n\n', status: 400 },
  'a bare CR': { bytes: 'GET /_ping HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n', status: 400 },
  'a NUL': { bytes: 'GET /_ping HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', status: 400 },
  'HTTP/1.0': { bytes: 'GET /_ping HTTP/1.0\r\nHost: x\r\n\r\n', status: 505 },
  'the HTTP/2 preface': { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 505 },
  'an empty first line': { bytes: '\r\nGET /_ping HTTP/1.1\r\nHost: x\r\n\r\n', status: 400 },
  'a lower-case method': { bytes: 'get /_ping HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
  TRACE: { bytes: 'TRACE /_ping HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
  CONNECT: { bytes: 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
  'an unknown expectation': { bytes: 'GET /_ping HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n', status: 417 },
  'a Connection list that names a field': {
    bytes: 'POST /build HTTP/1.1\r\nHost: x\r\nConnection: close, Content-Type\r\nContent-Length: 0\r\n\r\n',
    status: 400,
  },
  'a double slash': { bytes: get('//containers/json'), status: 400 },
  'dot segments': { bytes: get('/images/../containers/json'), status: 400 },
  'encoded dot segments': { bytes: get('/images/%2e%2e/containers/json'), status: 400 },
  'an encoded NUL': { bytes: get('/containers/%00/json'), status: 400 },
  'a bad escape': { bytes: get('/containers/%zz/json'), status: 400 },
  'a semicolon in the query': { bytes: get('/containers/json?a=1;b=2'), status: 400 },
  'contradicting duplicate parameters': {
    bytes: 'POST /images/create?fromImage=a&fromImage=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    status: 400,
  },
  'a form body': {
    bytes:
      'POST /containers/x/rename?name=good HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nname=evil',
    status: 400,
  },
  'a form body with parameters and odd case': {
    bytes:
      'POST /images/create?fromImage=a HTTP/1.1\r\nHost: x\r\nContent-Type: Application/X-WWW-Form-Urlencoded ; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    status: 400,
  },
  'a judged body that is no JSON': {
    bytes: 'POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{"a',
    status: 400,
  },
  'a key that is there twice in a judged body': {
    bytes: post('/volumes/create', '{"Name":"a","name":"b"}'),
    status: 400,
  },
  'a second JSON value behind a judged body': { bytes: post('/volumes/create', '{}{"Name":"b"}'), status: 400 },
  'host settings at the top level of a create body': {
    bytes: post('/containers/create', '{"Image":"busybox:test","Privileged":true}'),
    status: 400,
  },
  'a container start with a body': { bytes: post('/v1.23/containers/c/start', '{"Privileged":true}'), status: 400 },
  'a chunk extension in a judged body': {
    bytes: 'POST /volumes/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n',
    status: 400,
  },
};

describe('docker proxy: ambiguous bytes', () => {
  it.each(Object.entries(hostile))(
    'refuses and records %s, and the engine sees nothing',
    async (_name, { bytes, status }) => {
      await using engine = await startScriptedEngine();
      await using proxy = await startProxy(engine.socketPath);
      using client = await connectRaw(proxy.path);
      client.send(bytes);
      const answer = await client.ends();
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      // One answer only: what stood behind the refused bytes was never read as a request.
      expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
      expect(answer).toContain('{"message":"[Dockledger] ');
      expect(engine.received()).toBe('');
      expect(proxy.recorder.requests).toMatchObject([
        { draft: { decision: { effect: 'deny', reason: 'malformed' } }, outcome: { state: 'refused', status } },
      ]);
      expect(proxy.proxy.stats().forwarded).toBe(0);
    },
  );

  it('cuts a streamed body at the first malformed chunk, and what follows is no request', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send(
      `POST /build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;evil\r\nab\r\n0\r\n\r\n${smuggled}`,
    );
    await client.ends();
    expect(engine.requests).toEqual([]);
    expect(engine.received()).not.toContain('evil');
    expect(engine.received()).not.toContain('containers/create');
    expect(proxy.recorder.requests).toHaveLength(1);
  });

  it('reads nothing that arrives behind refused bytes, however late', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    proxy.recorder.holdDurable();
    client.send('GET /_ping HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n');
    await until('the refusal is recorded', () => proxy.recorder.records.length === 1);
    client.send(smuggled);
    await new Promise((resolve) => setImmediate(resolve));
    proxy.recorder.release();
    const answer = await client.ends();
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(proxy.recorder.records).toHaveLength(1);
    expect(engine.received()).toBe('');
  });

  it('judges spellings of one call as that call', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    const spellings = [
      '/v1.41/containers/json',
      '/v1.41/%63ontainers/json',
      '/v1.41/containers%2Fjson',
      'http://whatever/v1.41/containers/json',
    ];
    for (const target of spellings) {
      using client = await connectRaw(proxy.path);
      client.send(get(target));
      await client.receives('OK');
    }
    expect(engine.requests.map((request) => request.line)).toEqual(spellings.map(() => 'GET /v1.41/containers/json'));
    expect(proxy.recorder.requests.map((record) => record.draft.api)).toEqual(spellings.map(() => 'container_list'));
  });

  it('tells a BuildKit client over HTTP/2 what to do', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    using client = await connectRaw(proxy.path);
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await client.ends()).toMatch(/BuildKit/);
  });
});
