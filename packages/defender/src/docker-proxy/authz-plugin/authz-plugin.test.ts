import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { AccessRule } from '@dockledger/contract';
import { compileRules } from '@dockledger/rules';
import { createTempDir, until } from '@dockledger/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../app-log.ts';
import { createDockerJudge } from '../docker-judge.ts';
import type { TargetFinder } from '../proxy-context.ts';
import { createMemoryRecorder, type MemoryRecorder } from '../testing/memory-recorder.ts';
import { allowAll } from '../testing/start-proxy.ts';
import { type AuthzPlugin, type AuthzPluginOptions, createAuthzPlugin } from './authz-plugin.ts';
import { createPassMarks } from './pass-marks.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly allow: boolean;
}

describe('the authorization plugin', () => {
  let dir: Awaited<ReturnType<typeof createTempDir>>;
  let recorder: MemoryRecorder;
  let plugin: AuthzPlugin;
  let rules: AccessRule[];
  let now = 1_000_000;
  const marks = createPassMarks({ now: () => now });
  const facts: TargetFinder = {
    find: () => ({ target: { kind: 'container' } }),
    created: async () => undefined,
  };
  const path = () => join(dir.path, 'p.sock');
  const start = async (changes: Partial<AuthzPluginOptions> = {}) => {
    const judge = createDockerJudge({ rules: () => compileRules(rules), host: { hostname: 'test' } });
    recorder = createMemoryRecorder();
    plugin = createAuthzPlugin({
      marks,
      judge,
      judgeOfUnknown: judge,
      facts,
      recorder,
      log: silentLog,
      settings: { brand: 'Test', durability: 'standard', whenUnrecordable: 'refuse' },
      ...changes,
    });
    await plugin.listen({ path: path() });
  };
  beforeEach(async () => {
    rules = [allowAll];
    dir = await createTempDir('dla-');
    await start();
  });
  afterEach(async () => {
    await plugin.close();
    await dir[Symbol.asyncDispose]();
  });

  const post = (url: string, body: string | Buffer): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { socketPath: path(), path: url, method: 'POST', headers: { host: '' }, agent: false },
        (answer) => {
          let text = '';
          answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
          answer.on('end', () => {
            const parsed = JSON.parse(text) as { Allow?: unknown };
            resolve({ status: answer.statusCode ?? 0, text, allow: parsed.Allow === true });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const message = (changes: object = {}) => ({
    RequestMethod: 'POST',
    RequestUri: '/v1.41/containers/create?name=web',
    RequestHeaders: { 'Content-Type': 'application/json', 'Content-Length': '18' },
    RequestBody: Buffer.from('{"Image":"alpine"}').toString('base64'),
    ...changes,
  });
  const ask = (changes: object = {}) => post('/AuthZPlugin.AuthZReq', JSON.stringify(message(changes)));

  it('says what it implements and keeps its socket for its own user (T-66)', async () => {
    expect((await post('/Plugin.Activate', '')).text).toBe('{"Implements":["authz"]}');
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('judges and records a call, and learns its outcome from the answer', async () => {
    expect((await ask()).allow).toBe(true);
    const [record] = recorder.requests;
    expect(record?.draft).toMatchObject({
      api: 'container_create',
      provenance: 'plugin',
      actor: { user: '', userSource: 'unknown' },
      decision: { effect: 'allow', rule: allowAll.name },
    });
    await post('/AuthZPlugin.AuthZRes', JSON.stringify({ ...message(), ResponseStatusCode: 201 }));
    expect(recorder.outcomeOf(record)).toEqual({ state: 'done', status: 201 });
  });

  it('calls the outcome unknown where the engine shows no status or no answer', async () => {
    await ask();
    await post('/AuthZPlugin.AuthZRes', JSON.stringify(message()));
    expect(recorder.outcomeOf(recorder.requests[0])).toEqual({ state: 'unknown' });
    await plugin.close();
    await start({ outcomeWithinMs: 20 });
    await ask();
    await until('the outcome is given up', () => recorder.outcomeOf(recorder.requests[0]) !== undefined);
    expect(recorder.outcomeOf(recorder.requests[0])).toEqual({ state: 'unknown' });
  });

  it('refuses by rule, with the sentence, on record before the answer', async () => {
    rules = [{ name: 'no creates', effect: 'deny', action: ['container_create'] }, allowAll];
    const answer = await ask();
    expect(answer.allow).toBe(false);
    expect(answer.text).toContain('no creates');
    expect(recorder.requests[0]?.outcome).toEqual({ state: 'refused', status: 403 });
  });

  it.each<[string, string | Buffer]>([
    ['an empty message (T-60)', ''],
    ['no JSON (T-61)', 'nonsense'],
    ['no object (T-61)', '[]'],
    ['invalid UTF-8 (T-61)', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an unknown field (T-61)', JSON.stringify({ ...message(), Extra: 1 })],
    ['a field of a wrong type (T-61)', JSON.stringify({ ...message(), RequestUri: 7 })],
    ['a body that is not base64 (T-61)', JSON.stringify({ ...message(), RequestBody: '!' })],
    ['a header list (T-61)', JSON.stringify({ ...message(), RequestHeaders: { A: ['b'] } })],
    ['a target with a line break', JSON.stringify({ ...message(), RequestUri: '/info HTTP/1.1\r\nA: b' })],
    ['a message beyond all bounds', Buffer.alloc(17 * 1024 * 1024, 32)],
  ])('refuses %s with status 200', async (_name, bytes) => {
    expect(await post('/AuthZPlugin.AuthZReq', bytes)).toMatchObject({ status: 200, allow: false });
  });

  it.each([
    ['a JSON body that the engine does not show (T-30, T-60)', { RequestBody: undefined }],
    [
      'a body hidden behind another type, where the engine reads it anyway (T-34)',
      {
        RequestUri: '/v1.41/services/create',
        RequestHeaders: { 'Content-Type': 'text/plain' },
        RequestBody: undefined,
      },
    ],
    [
      'a body behind Content-Length: 0 (T-32)',
      {
        RequestHeaders: { 'Content-Type': 'application/json', 'Content-Length': '0' },
        RequestBody: undefined,
      },
    ],
    ['a create without any sign of a body (T-31)', { RequestHeaders: {}, RequestBody: undefined }],
    [
      'a start whose body is hidden (T-35)',
      {
        RequestUri: '/v1.23/containers/c/start',
        RequestHeaders: { 'Content-Type': 'application/json; charset=utf-8' },
        RequestBody: undefined,
      },
    ],
    [
      'a form, shown or not (T-50)',
      {
        RequestUri: '/v1.41/containers/c/rename?name=good',
        RequestHeaders: { 'Content-Type': 'application/x-www-form-urlencoded' },
        RequestBody: undefined,
      },
    ],
    [
      'a body with two readings (T-26)',
      {
        RequestBody: Buffer.from('{"Image":"a","image":"b"}').toString('base64'),
      },
    ],
    ['a path with two readings (T-04)', { RequestUri: '/v1.41//containers/create' }],
  ])('refuses %s', async (_name, changes) => {
    expect((await ask(changes)).allow).toBe(false);
    expect(recorder.requests[0]?.outcome?.state).toBe('refused');
  });

  it('lets calls without a body pass that need none, and docker login, whose body is never shown', async () => {
    const empty = { RequestBody: undefined };
    const plain = { ...empty, RequestHeaders: { 'Content-Type': 'text/plain' } };
    expect((await ask({ ...plain, RequestUri: '/v1.41/containers/c/start' })).allow).toBe(true);
    expect((await ask({ ...plain, RequestUri: '/v1.41/containers/c/stop' })).allow).toBe(true);
    expect((await ask({ ...empty, RequestMethod: 'GET', RequestHeaders: {}, RequestUri: '/_ping' })).allow).toBe(true);
    expect((await ask({ ...empty, RequestUri: '/v1.41/auth' })).allow).toBe(true);
  });

  it('passes what the proxy has marked, once, for its own method and target only, and records nothing then', async () => {
    rules = [{ name: 'nothing', effect: 'deny' }];
    const uri = message().RequestUri;
    const marked = (mark: string, more: object = {}) =>
      ask({ RequestHeaders: { ...message().RequestHeaders, 'X-Dockledger-Pass': mark }, ...more });
    const mark = marks.issue('POST', uri);
    expect((await marked(mark)).allow).toBe(true);
    expect(recorder.requests).toEqual([]);
    expect((await marked(mark)).allow).toBe(false);
    expect((await marked(marks.issue('POST', '/v1.41/containers/x/stop'))).allow).toBe(false);
    expect((await marked(marks.issue('GET', uri))).allow).toBe(false);
    expect((await marked('guess')).allow).toBe(false);
    const old = marks.issue('POST', uri);
    now += 61_000;
    expect((await marked(old)).allow).toBe(false);
  });

  it('believes a user only when the engine has verified it, and no header ever (T-66, T-67)', async () => {
    rules = [{ name: 'alice', effect: 'allow', principal: ['alice'] }];
    expect((await ask({ User: 'alice' })).allow).toBe(false);
    expect((await ask({ User: 'alice', UserAuthNMethod: 'basic' })).allow).toBe(false);
    expect((await ask({ RequestHeaders: { ...message().RequestHeaders, 'Authz-User': 'alice' } })).allow).toBe(false);
    expect((await ask({ User: 'alice', UserAuthNMethod: 'TLS' })).allow).toBe(true);
    rules = [{ name: 'uid', effect: 'allow', principal: ['uid:0'] }];
    expect((await ask({ User: 'uid:0', UserAuthNMethod: 'TLS' })).allow).toBe(false);
  });

  it('refuses when the judge fails, when a verdict takes too long, and when a change cannot be recorded (T-62, T-63, T-65)', async () => {
    await plugin.close();
    const failing: TargetFinder = {
      ...facts,
      find: () => {
        throw new Error('boom');
      },
    };
    await start({ facts: failing });
    expect(await ask()).toMatchObject({ status: 200, allow: false });
    await plugin.close();
    await start({ facts: { ...facts, find: () => new Promise(() => {}) }, deadlineMs: 50 });
    expect(await ask()).toMatchObject({ status: 200, allow: false });
    await plugin.close();
    await start();
    recorder.fill();
    const answer = await ask();
    expect(answer.allow).toBe(false);
    expect(answer.text).toContain('cannot be recorded');
  });
});
