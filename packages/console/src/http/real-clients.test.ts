import { join } from 'node:path';
import { compatibleApiVersions } from '@dockledger/contract';
import { run } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { admin, startTestConsole, type TestConsole } from '../testing/test-console.ts';

interface Audit {
  readonly user: string;
  readonly time: string;
}

describe('clients that other people wrote', () => {
  let console: TestConsole;
  let base: string;
  beforeAll(async () => {
    console = await startTestConsole();
    base = console.running.endpoints.console;
    await console
      .defender()
      .send(
        ['alice', 'bob, the builder', 'carol', 'alice'].map((user, index) =>
          anEvent({ seq: index + 1, time: `2026-11-23T10:00:0${index}.000Z`, actor: { user } }),
        ),
      );
    await console.indexed();
  });
  afterAll(async () => console[Symbol.asyncDispose]());

  it('list the audits with curl as the vendor shows it, for every version', async () => {
    const curl = (version: string) =>
      run('curl', [
        '-k',
        '-sS',
        '-u',
        `${admin.username}:${admin.password}`,
        '-H',
        'Content-Type: application/json',
        '-X',
        'GET',
        `${base}/api/v${version}/audits/access`,
      ]);
    for (const version of ['1', '22.12', '33.01', '34.04']) {
      const { stdout } = await curl(version);
      expect((JSON.parse(stdout) as Audit[]).map(({ user }) => user)).toEqual([
        'alice',
        'carol',
        'bob, the builder',
        'alice',
      ]);
    }
    const { stdout: unknown } = await curl('2');
    expect(JSON.parse(unknown)).toHaveProperty('err');
  });

  it('sign in with curl, list by token, and download the CSV', async () => {
    const { stdout: signedIn } = await run('curl', [
      '-k',
      '-sS',
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify({ username: admin.username, password: admin.password, token: '' }),
      `${base}/api/v33.01/authenticate?project=Central+Console`,
    ]);
    const { token } = JSON.parse(signedIn) as { token: string };
    const { stdout: csv } = await run('curl', [
      '-k',
      '-sS',
      '-H',
      `Authorization: Bearer ${token}`,
      '-H',
      'Content-Type: text/csv',
      `${base}/api/v33.01/audits/access/download?type=docker`,
    ]);
    expect(csv.split('\r\n')).toHaveLength(6);
  });

  it('work from our OpenAPI document alone: swagger-client and openapi-client-axios', async () => {
    const child = join(import.meta.dirname, '../testing/real-clients-child.ts');
    const { stdout, stderr } = await run(process.execPath, [child, base, admin.username, admin.password], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: console.running.endpoints.caFile },
    });
    expect(stderr).toBe('');
    const times = (seconds: readonly number[]) =>
      seconds.map((second) => ({ time: `2026-11-23T10:00:0${second}.000Z` }));
    expect(JSON.parse(stdout)).toMatchObject({
      swagger: { status: 200, total: '3', body: times([0, 1]) },
      saved: 200,
      axios: { status: 200, total: '3', body: times([3, 1, 0]) },
      usages: [],
    });
  });
});

describe('versions × routes', () => {
  it('answers each reading route under each released version, and 404 {"err"} under none other', async () => {
    await using console = await startTestConsole();
    const document = (await console.anonymous.send('/api/dockledger/v1/openapi.json')).json<{
      paths: Record<string, Record<string, unknown>>;
    }>();
    const routes = Object.entries(document.paths)
      .filter(([path, operations]) => path.startsWith('/api/v33.01/') && 'get' in operations)
      .map(([path]) => path.slice('/api/v33.01'.length).replace('{name}', 'All'));
    expect(routes.length).toBeGreaterThan(25);
    const answers = new Map<string, string[]>();
    for (const version of compatibleApiVersions) {
      for (const route of routes) {
        const { status } = await console.api.send(`/api/v${version}${route}`);
        // Renewing wants a token.
        const expected = route === '/authenticate/renew' ? 401 : 200;
        if (status !== expected) answers.set(version, [...(answers.get(version) ?? []), `${status} ${route}`]);
      }
    }
    expect([...answers]).toEqual([]);
    for (const version of ['0', '2', '19.11', '33.04', '33.1', '33.010', '1.0', '01', 'v1', '33.01 ', '%31', '']) {
      for (const route of ['/audits/access', '/_ping', '/authenticate', '/nothing']) {
        const answer = await console.api.send(`/api/v${encodeURI(version)}${route}`);
        expect([version, route, answer.status, Object.keys(answer.json<object>())]).toEqual([
          version,
          route,
          404,
          ['err'],
        ]);
      }
    }
  });
});
