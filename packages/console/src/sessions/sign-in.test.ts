import { readFile, stat } from 'node:fs/promises';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { openConsole } from '../app.ts';
import { admin, basic, startTestConsole } from '../testing/test-console.ts';

const json = { 'content-type': 'application/json' };
const credentials = JSON.stringify(admin);
const whoAmI = '/api/dockledger/v1/session';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('sign-in', () => {
  it('takes Basic on every request and refuses a wrong password, an unknown user and nobody alike', async () => {
    await using console = await startTestConsole();
    expect((await console.api.send('/api/v1/audits/access')).status).toBe(200);
    const refused = [basic('admin', 'wrong'), basic('nobody', 'wrong'), basic('Admin', admin.password)];
    for (const headers of refused) {
      const answer = await console.anonymous.send('/api/v1/audits/access', { headers });
      expect([answer.status, answer.json()]).toEqual([401, { err: 'User name or password is wrong.' }]);
    }
    const nobody = await console.anonymous.send('/api/v1/audits/access');
    expect([nobody.status, nobody.headers['www-authenticate']]).toEqual([
      401,
      'Basic realm="Dockledger", charset="UTF-8"',
    ]);
  });

  it('gives a token that works, can be renewed, and is void after logout', async () => {
    await using console = await startTestConsole();
    const signedIn = await console.anonymous.send('/api/v33.01/authenticate?project=x', {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', authorization: 'Bearer ' },
      body: credentials,
    });
    expect(signedIn.status).toBe(200);
    const { token } = signedIn.json<{ token: string }>();
    const headers = bearer(token);
    expect((await console.anonymous.send('/api/v1/audits/access', { headers })).status).toBe(200);
    const renewed = await console.anonymous.send('/api/v1/authenticate/renew', { headers });
    const fresh = renewed.json<{ token: string }>().token;
    expect(
      (await console.anonymous.send('/api/v1/logout', { method: 'POST', headers: { ...headers, ...json } })).status,
    ).toBe(200);
    expect((await console.anonymous.send('/api/v1/audits/access', { headers })).status).toBe(401);
    expect((await console.anonymous.send('/api/v1/audits/access', { headers: bearer(fresh) })).status).toBe(200);
  });

  it('keeps tokens valid over a restart, and revoked ones void', async () => {
    await using first = await startTestConsole();
    const authenticate = async () =>
      (await first.anonymous.send('/api/v1/authenticate', { method: 'POST', headers: json, body: credentials })).json<{
        token: string;
      }>().token;
    const [kept, revoked] = [await authenticate(), await authenticate()];
    await first.anonymous.send('/api/v1/logout', { method: 'POST', headers: bearer(revoked) });
    await using second = await first.restart();
    expect((await second.anonymous.send(whoAmI, { headers: bearer(kept) })).status).toBe(200);
    expect((await second.anonymous.send(whoAmI, { headers: bearer(revoked) })).status).toBe(401);
  });

  it('ends tokens at their time', async () => {
    let now = Date.now();
    await using console = await startTestConsole({ sessionMinutes: 30 }, { now: () => now });
    const { token } = (
      await console.anonymous.send('/api/v1/authenticate', { method: 'POST', headers: json, body: credentials })
    ).json<{ token: string }>();
    now += 29 * 60_000;
    expect((await console.anonymous.send(whoAmI, { headers: bearer(token) })).status).toBe(200);
    now += 2 * 60_000;
    expect((await console.anonymous.send(whoAmI, { headers: bearer(token) })).status).toBe(401);
  });

  it.each([
    ['an empty body', ''],
    ['a text', '"admin"'],
    ['no password', '{"username":"admin"}'],
    ['an empty name', '{"username":"","password":"x"}'],
    ['broken JSON', '{"username":'],
    ['a prototype key', '{"__proto__":{},"username":"a","password":"b"}'],
  ])('answers 400 with a sentence to a sign-in with %s', async (_what, body) => {
    await using console = await startTestConsole();
    const answer = await console.anonymous.send('/api/v1/authenticate', { method: 'POST', headers: json, body });
    expect([answer.status, Object.keys(answer.json<object>())]).toEqual([400, ['err']]);
  });

  it('slows guessing with 429 and Retry-After, and lets a client with remembered credentials go on', async () => {
    await using console = await startTestConsole();
    await console.api.send(whoAmI);
    const guess = () =>
      console.anonymous.send('/api/v1/audits/access', { headers: basic('admin', `guess-${Math.random()}`) });
    const statuses = [];
    for (let attempt = 0; attempt < 7; attempt++) statuses.push((await guess()).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect(Number((await guess()).headers['retry-after'])).toBeGreaterThan(0);
    expect((await console.api.send(whoAmI)).status).toBe(200);
  });

  it('signs the page in by a cookie that scripts cannot read and other sites cannot use', async () => {
    await using console = await startTestConsole();
    const origin = { origin: console.running.endpoints.console };
    const answer = await console.anonymous.send(whoAmI, {
      method: 'POST',
      headers: { ...json, ...origin },
      body: credentials,
    });
    expect(answer.json()).toMatchObject({ username: 'admin', role: 'admin' });
    const [cookie = ''] = [answer.headers['set-cookie'] ?? ''].flat();
    expect(cookie).toMatch(/^__Host-dockledger=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=1800$/);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    expect((await console.anonymous.send(whoAmI, { headers })).status).toBe(200);
    const put = (more: Record<string, string>) =>
      console.anonymous.send('/api/v1/policies/docker', {
        method: 'PUT',
        headers: { ...headers, ...json, ...more },
        body: '{}',
      });
    expect((await put({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await put({})).status).toBe(403);
    expect((await put({ 'sec-fetch-site': 'same-site', ...origin })).status).toBe(403);
    expect((await put(origin)).status).toBe(200);
    expect(
      (await console.anonymous.send(whoAmI, { method: 'DELETE', headers: { ...headers, ...origin } })).status,
    ).toBe(204);
    expect((await console.anonymous.send(whoAmI, { headers })).status).toBe(401);
  });

  it('makes a password of its own at the first start when none is given, and keeps it in a 0600 file', async () => {
    await using dir = await createTempDir();
    const settings = { dataDir: dir.path, consoleListen: '127.0.0.1:0', defenderChannelListen: '127.0.0.1:0' };
    const running = await openConsole({ ...settings, eventStore: 'memory', logLevel: 'silent' });
    await running.close();
    const { firstAdmin } = running;
    if (firstAdmin.state !== 'created-with-generated-password') throw new Error(firstAdmin.state);
    expect(firstAdmin.password).toMatch(/^[\w-]{24}$/);
    expect(await readFile(firstAdmin.passwordFile, 'utf8')).toBe(`${firstAdmin.password}\n`);
    expect((await stat(firstAdmin.passwordFile)).mode & 0o777).toBe(0o600);
  });

  it('ignores a given password once there is an administrator', async () => {
    await using first = await startTestConsole({ adminPassword: admin.password });
    expect(first.running.firstAdmin).toEqual({ state: 'created', username: 'admin' });
    await using second = await first.restart();
    expect(second.running.firstAdmin).toEqual({ state: 'existing', givenPasswordIgnored: true });
  });
});
