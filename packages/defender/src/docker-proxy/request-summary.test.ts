import { type BodyValue, classify } from '@dockledger/rules';
import { describe, expect, it } from 'vitest';
import { redactTarget } from './event-draft.ts';
import type { ClassifiedRequest } from './proxy-context.ts';
import { summaryOf } from './request-summary.ts';

function aRequest(method: 'POST' | 'GET', path: string): ClassifiedRequest {
  const route = classify(method, path);
  return {
    kind: 'request',
    api: route.action,
    route,
    target: { kind: 'target', path, apiMinor: undefined, query: [], canonicalTarget: path },
  };
}

const summaryOfCreate = (body: BodyValue) => summaryOf(aRequest('POST', '/containers/create'), body);

describe('what of a request goes on record', () => {
  it('names environment variables without their values', () => {
    const summary = summaryOfCreate({ Image: 'nginx', Env: ['PASSWORD=hunter2', 'EMPTY'] });
    expect(summary).toEqual({ Image: 'nginx', Env: ['PASSWORD', 'EMPTY'] });
  });

  it('cuts secrets out of a command line', () => {
    const summary = summaryOfCreate({
      Cmd: ['app', '--password', 'hunter2', '--token=hunter3', 'https://me:hunter4@host/', '--verbose'],
      Entrypoint: ['sh', '-c', 'API_KEY=hunter5 run'],
    });
    expect(summary).toEqual({
      Cmd: 'app --password *** --token=*** https://me:***@host/ --verbose',
      Entrypoint: "sh -c 'API_KEY=*** run'",
    });
    expect(JSON.stringify(summary)).not.toContain('hunter');
  });

  it('keeps what gives a container power over the host', () => {
    const summary = summaryOfCreate({
      HostConfig: {
        Privileged: true,
        Binds: ['/:/host'],
        CapAdd: ['ALL'],
        NetworkMode: 'host',
        Mounts: [{ Type: 'bind', Source: '/etc', Target: '/e', BindOptions: {} }],
      },
    });
    expect(summary).toEqual({
      Privileged: true,
      Binds: ['/:/host'],
      CapAdd: ['ALL'],
      NetworkMode: 'host',
      Mounts: [{ Type: 'bind', Source: '/etc', Target: '/e' }],
    });
  });

  it('keeps of a login the user and the server only, and of a secret its name only', () => {
    const login = { username: 'me', password: 'hunter2', identitytoken: 'hunter3', serveraddress: 'r.example' };
    expect(summaryOf(aRequest('POST', '/auth'), login)).toEqual({ username: 'me', serveraddress: 'r.example' });
    const secret = { Name: 'db', Data: 'aHVudGVyMg==' };
    expect(summaryOf(aRequest('POST', '/secrets/create'), secret)).toEqual({ Name: 'db' });
  });

  it('bounds what it keeps, and survives numbers that JSON has no word for', () => {
    const summary = summaryOfCreate({
      Image: 'x'.repeat(10_000),
      Cmd: Array.from({ length: 1000 }, () => 'a'),
      HostConfig: { Memory: 9007199254740993n },
    });
    expect(JSON.stringify(summary).length).toBeLessThan(2000);
  });

  it('cuts build arguments and import sources out of the query', () => {
    expect(redactTarget('/v1.41/build?t=x&buildargs=%7B%22TOKEN%22%3A%22hunter2%22%7D&rm=1')).toBe(
      '/v1.41/build?t=x&buildargs=***&rm=1',
    );
    expect(redactTarget('/images/create?fromSrc=https%3A%2F%2Fme%3Ahunter2%40h')).toBe('/images/create?fromSrc=***');
    expect(redactTarget('/containers/json?all=1')).toBe('/containers/json?all=1');
  });
});
