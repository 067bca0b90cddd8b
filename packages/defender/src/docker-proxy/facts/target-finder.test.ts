import { type BodyValue, classify, parseTarget } from '@dockledger/rules';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../app-log.ts';
import { EnginePool } from '../engine-pool.ts';
import type { ClassifiedRequest } from '../proxy-context.ts';
import { ok, type ScriptedEngine, startScriptedEngine } from '../testing/scripted-engine.ts';
import { alice } from '../testing/start-proxy.ts';
import { queryEngine } from './engine-query.ts';
import { createTargetFinder } from './target-finder.ts';

const id = 'd'.repeat(64);
const inspected = {
  Id: id,
  Name: '/web',
  Image: 'sha256:i',
  Config: { Image: 'nginx:1', Labels: { 'io.kubernetes.pod.namespace': 'shop' } },
};

function aRequest(method: 'GET' | 'POST' | 'DELETE', target: string): ClassifiedRequest {
  const parsed = parseTarget(target);
  if (parsed.kind === 'refusal') throw new Error(parsed.reason);
  const route = classify(method, parsed.path);
  return { kind: 'request', api: route.action, route, target: parsed };
}

describe('finding what a request names', () => {
  let engine: ScriptedEngine;
  let pool: EnginePool;
  const start = async () => {
    engine = await startScriptedEngine();
    engine.script = (_request, socket) => socket.write(ok(JSON.stringify(inspected)));
    pool = new EnginePool({ engine: { socketPath: engine.socketPath }, log: silentLog });
    return createTargetFinder({ pool });
  };
  afterEach(async () => {
    pool.purge();
    await engine[Symbol.asyncDispose]();
  });

  it('asks the engine for a container anew each time', async () => {
    const finder = await start();
    const request = aRequest('POST', '/containers/web/stop');
    const expected = {
      target: {
        kind: 'container',
        containerId: id,
        containerName: '/web',
        imageName: 'nginx:1',
        imageId: 'sha256:i',
        labels: { 'io.kubernetes.pod.namespace': 'shop' },
        namespace: 'shop',
      },
      resolvedId: id,
    };
    expect(await finder.find(request, alice, undefined)).toEqual(expected);
    expect(await finder.find(request, alice, undefined)).toEqual(expected);
    expect(engine.requests.map((each) => each.line)).toEqual(Array(2).fill('GET /containers/web/json'));
    expect(pool.stats()).toMatchObject({ opened: 1, idle: 1, inUse: 0 });
  });

  it('asks nothing for a request that names nothing', async () => {
    const finder = await start();
    expect(finder.find(aRequest('GET', '/_ping'), alice, undefined)).toEqual({ target: { kind: 'system' } });
    expect(finder.find(aRequest('GET', '/containers/json'), alice, undefined)).toEqual({
      target: { kind: 'container' },
    });
    expect(engine.requests).toEqual([]);
  });

  it('does not take a link for the container that it leads to', async () => {
    const finder = await start();
    const found = await finder.find(aRequest('DELETE', '/containers/web/alias?link=1'), alice, undefined);
    expect(found).not.toHaveProperty('resolvedId');
  });

  it('names what is pulled, tagged, built and created as the request does', async () => {
    const finder = await start();
    const targetOf = async (method: 'GET' | 'POST', target: string, body?: BodyValue) => {
      const found = await finder.find(aRequest(method, target), alice, body);
      return 'target' in found ? found.target : found;
    };
    expect(await targetOf('POST', '/images/create?fromImage=alpine&tag=3')).toEqual({
      kind: 'image',
      imageName: 'alpine:3',
    });
    expect(await targetOf('POST', '/build?t=app%3A1')).toEqual({ kind: 'image', imageName: 'app:1' });
    expect(await targetOf('POST', '/volumes/create', { Name: 'v' })).toEqual({ kind: 'volume', other: 'v' });
    expect(await targetOf('POST', '/containers/create?name=web', { Image: 'nginx', Labels: { a: 'b' } })).toEqual({
      kind: 'container',
      containerName: '/web',
      imageName: 'nginx',
      imageId: id,
      labels: { a: 'b' },
    });
    expect(await targetOf('POST', '/networks/n1/connect', { Container: 'web' })).toMatchObject({
      kind: 'network',
      other: 'n1',
      containerName: '/web',
    });
    expect(await targetOf('POST', '/nosuch/route')).toEqual({ kind: 'other', other: '/nosuch/route' });
  });

  it('says so when the engine cannot be asked, and asks again on a fresh connection when an idle one has died', async () => {
    await start();
    expect(await queryEngine(pool, '/info')).toMatchObject({ status: 200 });
    let calls = 0;
    engine.script = (_request, socket) => {
      if (calls++ === 0) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n');
    };
    expect(await queryEngine(pool, '/info')).toEqual({ status: 200, value: {} });
    engine.script = (_request, socket) => socket.write(ok('no json'));
    expect(await queryEngine(pool, '/info')).toEqual({ unavailable: 'malformed-answer' });
    const nowhere = new EnginePool({ engine: { socketPath: `${engine.socketPath}.no` }, log: silentLog });
    expect(await queryEngine(nowhere, '/info')).toEqual({ unavailable: 'ENOENT' });
  });
});
