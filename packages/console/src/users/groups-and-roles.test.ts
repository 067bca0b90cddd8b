import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { createTestClient, type TestAnswer, type TestClient } from '../testing/http-client.ts';
import { basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';

const headers = { 'content-type': 'application/json' };
const password = 'a long enough secret';

describe('groups and custom roles', () => {
  let console: TestConsole;
  let olga: TestClient;
  const send = (method: string, path: string, body?: unknown): Promise<TestAnswer> =>
    console.api.send(`/api/v33.01${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const visible = async () => {
    const answer = await olga.send('/api/v1/audits/access');
    return answer.status === 200
      ? answer
          .json<{ containerName: string }[]>()
          .map(({ containerName }) => containerName)
          .toSorted()
      : answer.status;
  };
  beforeAll(async () => {
    console = await startTestConsole();
    for (const name of ['web', 'db']) await send('POST', '/collections', { name, containers: [`${name}*`] });
    await send('POST', '/users', { username: 'olga', password, role: 'ci' });
    await console
      .defender()
      .send(
        ['web', 'db', 'other'].map((name, index) =>
          anEvent({ seq: index + 1, target: { containerName: `/${name}-1` } }),
        ),
      );
    await console.indexed();
    olga = createTestClient(console.running.endpoints.console, console.ca, basic('olga', password));
  });
  afterAll(async () => {
    olga[Symbol.dispose]();
    await console[Symbol.asyncDispose]();
  });

  it('give a member what role and collections of all groups give together, at once', async () => {
    expect(await visible()).toBe(403);
    const role = {
      name: 'Trail reader',
      description: 'reads',
      perms: [{ name: 'monitorAccessDocker' }, { name: 'user', readWrite: true }],
    };
    expect((await send('POST', '/rbac/roles', role)).status).toBe(200);
    const webPeople = {
      groupName: 'web people',
      user: [{ username: 'olga' }],
      role: 'Trail reader',
      permissions: [{ project: 'Central Console', collections: ['web'] }],
    };
    const created = await send('POST', '/groups', webPeople);
    expect([created.status, created.text]).toEqual([200, '']);
    expect(await visible()).toEqual(['/web-1']);
    const dbPeople = { groupName: 'db people', user: [{ username: 'olga' }], permissions: [{ collections: ['db'] }] };
    expect((await send('POST', '/groups', dbPeople)).status).toBe(200);
    expect(await visible()).toEqual(['/db-1', '/web-1']);
    expect((await send('PUT', '/groups/web%20people', { ...webPeople, role: 'admin' })).status).toBe(200);
    expect(await visible()).toEqual(['/db-1', '/other-1', '/web-1']);
    expect((await send('PUT', '/groups/web%20people', webPeople)).status).toBe(200);
    expect((await send('GET', '/groups')).json()).toMatchObject([
      { groupName: 'db people', groupId: 'db people', user: [{ username: 'olga' }], role: '', ldapGroup: false },
      { groupName: 'web people', role: 'Trail reader', owner: 'admin' },
    ]);
    expect((await send('GET', '/groups/names')).json()).toEqual(['db people', 'web people']);
    expect((await send('GET', '/rbac/roles')).json<{ name: string }[]>().at(-1)).toEqual({
      name: 'Trail reader',
      description: 'reads',
      system: false,
      perms: [
        { name: 'monitorAccessDocker', readWrite: false },
        { name: 'user', readWrite: true },
      ],
    });
  });

  it('keep what is in use: a collection, a role; and tell who uses it', async () => {
    expect((await send('GET', '/collections/web/usages')).json()).toEqual([{ name: 'web people', type: 'group' }]);
    expect((await send('GET', '/collections/none/usages')).status).toBe(404);
    expect((await send('DELETE', '/collections/web')).status).toBe(409);
    expect((await send('PUT', '/collections/web', { name: 'web2' })).status).toBe(409);
    expect((await send('DELETE', '/rbac/roles/Trail%20reader')).status).toBe(409);
    expect((await send('DELETE', '/rbac/roles/admin')).status).toBe(409);
  });

  it('refuse what does not exist or makes no sense', async () => {
    const user = { name: 'user', readWrite: true };
    for (const [path, body, status] of [
      ['/groups', { groupName: 'x', user: [{ username: 'nobody' }] }, 400],
      ['/groups', { groupName: 'x', role: 'king' }, 400],
      ['/groups', { groupName: 'x', permissions: [{ collections: ['none'] }] }, 400],
      ['/groups', { groupName: 'x', ldapGroup: true, user: [{ username: 'olga' }] }, 400],
      ['/groups', { groupName: 'web people' }, 409],
      ['/rbac/roles', { name: 'x', perms: [{ name: 'everything' }, user] }, 400],
      ['/rbac/roles', { name: 'x', perms: [{ name: 'collections' }] }, 400],
      ['/rbac/roles', { name: 'Operator', perms: [user] }, 409],
      ['/rbac/roles', { name: 'Trail reader', perms: [user] }, 409],
    ] as const) {
      expect([path, body, (await send('POST', path, body)).status]).toEqual([path, body, status]);
    }
  });

  it('give nothing to a new user with the name of a removed one', async () => {
    expect((await send('DELETE', '/users/olga')).status).toBe(200);
    expect((await send('POST', '/users', { username: 'olga', password, role: 'auditor' })).status).toBe(200);
    expect(await visible()).toEqual(['/db-1', '/other-1', '/web-1']);
    expect((await send('GET', '/groups')).json()).toMatchObject([{ user: [] }, { user: [] }]);
    for (const name of ['db people', 'web people'])
      expect((await send('DELETE', `/groups/${encodeURIComponent(name)}`)).status).toBe(200);
    expect((await send('DELETE', '/rbac/roles/Trail%20reader')).status).toBe(200);
  });

  it('leave a diff of each change in the management audit', async () => {
    await console.indexed();
    const audit = (await send('GET', '/audits/mgmt?limit=250')).json<{ type: string; diff: string }[]>();
    expect(audit.filter(({ type }) => type === 'group').map(({ diff }) => diff)).toContainEqual(
      expect.stringMatching(/^- .*"role":"Trail reader".*\n\+ .*"role":"admin"/),
    );
    expect(audit.filter(({ type }) => type === 'role').length).toBeGreaterThan(1);
  });
});

describe('logon settings', () => {
  it('switch Basic off, set how long a sign-in lasts and what a password is, and survive a restart', async () => {
    await using first = await startTestConsole();
    const token = (
      await first.anonymous.send('/api/v1/authenticate', {
        method: 'POST',
        headers,
        body: JSON.stringify({ username: 'admin', password: 'correct horse: battery staple' }),
      })
    ).json<{ token: string }>().token;
    const bearer = { ...headers, authorization: `Bearer ${token}` };
    const put = (body: unknown) =>
      first.anonymous.send('/api/v1/settings/logon', { method: 'PUT', headers: bearer, body: JSON.stringify(body) });
    expect((await put({ sessionTimeoutSec: 5 })).status).toBe(400);
    expect((await put({ sessionTimeoutSec: 120, strongPassword: true, basicAuthDisabled: true, ui: 1 })).status).toBe(
      200,
    );
    expect((await first.api.send('/api/v1/version')).status).toBe(401);
    const weak = await first.anonymous.send('/api/v1/users', {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({ username: 'olga', password, role: 'ci' }),
    });
    expect(weak.json()).toEqual({
      err: 'A password has an upper and a lower case letter, a digit and another character.',
    });
    const renewed = (await first.anonymous.send('/api/v1/authenticate/renew', { headers: bearer })).json<{
      token: string;
    }>().token;
    const claims = JSON.parse(Buffer.from(renewed.split('.')[1] ?? '', 'base64url').toString()) as {
      iat: number;
      exp: number;
    };
    expect(claims.exp - claims.iat).toBe(120);
    await put({ basicAuthDisabled: false });
    await using second = await first.restart();
    expect((await second.api.send('/api/v1/settings/logon')).json()).toEqual({
      sessionTimeoutSec: 120,
      basicAuthDisabled: false,
      strongPassword: true,
      includeTLS: true,
      useSupportCredentials: false,
    });
  });

  it('keep custom labels, and let people change their own password', async () => {
    await using console = await startTestConsole();
    const send = (method: string, path: string, body: unknown, more = {}) =>
      console.api.send(`/api/v1${path}`, { method, headers: { ...headers, ...more }, body: JSON.stringify(body) });
    expect((await send('PUT', '/settings/custom-labels', { labels: ['team', 'team', 'tier'] })).status).toBe(200);
    expect((await console.api.send('/api/v1/settings/custom-labels')).json()).toEqual({ labels: ['team', 'tier'] });
    await send('POST', '/users', { username: 'olga', password, role: 'ci' });
    const olga = basic('olga', password);
    const change = (oldPassword: string) =>
      send('PUT', '/users/password', { oldPassword, newPassword: 'quite another secret' }, olga);
    expect((await change('wrong')).status).toBe(403);
    expect((await change(password)).status).toBe(200);
    expect((await change(password)).status).toBe(401);
  });
});
