import { describe, expect, it } from 'vitest';
import { createTestClient } from '../testing/http-client.ts';
import { admin, basic, startTestConsole } from '../testing/test-console.ts';

const headers = { 'content-type': 'application/json' };
const password = 'a long enough secret';
const path = '/api/dockledger/v1/control-backup';

describe('a backup of the control data', () => {
  it('brings back users, groups, roles, collections, settings and rules, on another Console too', async () => {
    await using console = await startTestConsole();
    const send = (method: string, route: string, body: unknown, to = console) =>
      to.api.send(route, { method, headers, body: JSON.stringify(body) });
    await send('POST', '/api/v1/collections', { name: 'web', containers: ['web*'] });
    await send('POST', '/api/v1/users', {
      username: 'olga',
      password,
      role: 'auditor',
      permissions: [{ collections: ['web'] }],
    });
    await send('POST', '/api/v1/groups', { groupName: 'people', user: [{ username: 'olga' }] });
    await send('PUT', '/api/v1/policies/docker', { rules: [{ name: 'kept', effect: 'allow', action: ['*'] }] });
    const taken = await console.api.send(path);
    expect(taken.status).toBe(200);
    expect(taken.text).toContain('$argon2id$');

    await send('PUT', '/api/v1/policies/docker', { rules: [{ name: 'later', effect: 'deny', action: ['*'] }] });
    await send('DELETE', '/api/v1/users/olga', {});
    await using other = await startTestConsole();
    for (const target of [console, other]) {
      const before = target.api.send('/api/dockledger/v1/rules');
      const { version } = (await before).json<{ version: number }>();
      expect((await target.api.send(path, { method: 'PUT', headers, body: taken.body })).json()).toEqual({
        restored: true,
      });
      using olga = createTestClient(target.running.endpoints.console, target.ca, basic('olga', password));
      expect((await olga.send('/api/v1/current/collections')).json()).toEqual([{ name: 'web', color: '' }]);
      expect((await target.api.send('/api/v1/groups')).json()).toMatchObject([{ user: [{ username: 'olga' }] }]);
      const rules = (await target.api.send('/api/dockledger/v1/rules')).json<{
        version: number;
        accessRules: { name: string }[];
      }>();
      expect(rules.accessRules.map(({ name }) => name)).toEqual(['kept']);
      expect(rules.version).toBeGreaterThan(version);
    }
  });

  it('ends every sign-in from before', async () => {
    await using console = await startTestConsole();
    const { body } = await console.api.send(path);
    const signedIn = await console.anonymous.send('/api/v1/authenticate', {
      method: 'POST',
      headers,
      body: JSON.stringify(admin),
    });
    const bearer = { authorization: `Bearer ${signedIn.json<{ token: string }>().token}` };
    expect((await console.anonymous.send('/api/v1/version', { headers: bearer })).status).toBe(200);
    expect((await console.api.send(path, { method: 'PUT', headers, body })).status).toBe(200);
    expect((await console.anonymous.send('/api/v1/version', { headers: bearer })).status).toBe(401);
    expect((await console.api.send('/api/v1/version')).status).toBe(200);
  });

  it('is refused whole when it is none, names no administrator or foreign columns, or comes from a newer version', async () => {
    await using console = await startTestConsole();
    const taken = (await console.api.send(path)).json<{ schema: string; tables: { users: object[] } }>();
    const bad = [
      {},
      { ...taken, tables: {} },
      { ...taken, schema: '9999-later' },
      { ...taken, tables: { ...taken.tables, groups: [{ 'name") values (1); --': 'x' }] } },
      { ...taken, tables: { ...taken.tables, groups: [{ color: 'x' }] } },
    ];
    for (const backup of bad) {
      const answer = await console.api.send(path, { method: 'PUT', headers, body: JSON.stringify(backup) });
      expect(answer.status).toBe(400);
      expect(answer.text).not.toMatch(/SQLITE|insert|column/i);
    }
    expect((await console.api.send('/api/v1/version')).status).toBe(200);
    using operator = createTestClient(console.running.endpoints.console, console.ca, basic('oscar', password));
    await console.api.send('/api/v1/users', {
      method: 'POST',
      headers,
      body: JSON.stringify({ username: 'oscar', password, role: 'operator' }),
    });
    expect((await operator.send(path)).status).toBe(403);
  });
});
