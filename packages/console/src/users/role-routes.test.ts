import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestClient, type TestClient } from '../testing/http-client.ts';
import { basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';
import { builtInRoles } from './roles.ts';

const json = { 'content-type': 'application/json' };
const password = 'a long enough secret';

// One letter a role: Administrator, Operator, aUditor, defender Manager, devSecOps, Cloud account manager, Vulnerability manager,
// devoPs, access useR, cI. A dash: refused with 403.
const letters: Readonly<Record<string, string>> = {
  A: 'admin',
  O: 'operator',
  U: 'auditor',
  M: 'defenderManager',
  S: 'devSecOps',
  C: 'cloudAccountManager',
  V: 'vulnerabilityManager',
  P: 'devOps',
  R: 'user',
  I: 'ci',
};
// Bodies are left out, so that whoever may write gets 400 or 404 and nothing changes.
const table = `
AOUMS----- GET /audits/access
AOUMS----- GET /audits/access/download
AOUMS----- GET /audits/access/filters
AOUMS----- GET /audits/runtime/container
AOUMS----- GET /forensic/activities
AOUMS----- GET /forensic/activities/download
A--------- DELETE /audits/access/none.1.1
A--------- DELETE /audits/access?type=
AOU------- GET /audits/mgmt
AOU------- GET /audits/mgmt/filters
AOU------- GET /audits/mgmt/download
AOUMSCVP-- GET /stats/events
AOUMSCVP-- GET /stats/daily
AOUMSCVPRI GET /current/collections
AOUMSCVPRI GET /current/projects
AOUMSCVPRI GET /version
AOU-S----- GET /collections
AOU-S----- GET /collections/All/usages
AO-------- POST /collections
AO-------- PUT /collections/none
AO-------- DELETE /collections/none
A--------- GET /users
A--------- POST /users
A--------- PUT /users
A--------- DELETE /users/none
A--------- GET /groups
A--------- GET /groups/names
A--------- POST /groups
A--------- PUT /groups/none
A--------- DELETE /groups/none
A--------- GET /rbac/roles
A--------- POST /rbac/roles
A--------- PUT /rbac/roles
A--------- DELETE /rbac/roles/none
A--------- GET /settings/logon
A--------- PUT /settings/logon
A--------- GET /settings/custom-labels
A--------- PUT /settings/custom-labels
AOUM------ GET /defenders
AOUM------ GET /defenders/names
AOUM------ GET /defenders/summary
AOU------- GET /policies/docker
AO-------- PUT /policies/docker
AOU------- GET /policies/compliance/container
AO-------- PUT /policies/compliance/container
`;

describe('built-in roles', () => {
  let console: TestConsole;
  const clients = new Map<string, TestClient>();
  beforeAll(async () => {
    console = await startTestConsole();
    for (const role of Object.keys(builtInRoles)) {
      const answer = await console.api.send('/api/v1/users', {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ username: `the-${role}`, password, role, authType: 'basic' }),
      });
      expect(answer.status).toBe(200);
      clients.set(
        role,
        createTestClient(console.running.endpoints.console, console.ca, basic(`the-${role}`, password)),
      );
    }
  });
  afterAll(async () => {
    for (const client of clients.values()) client[Symbol.dispose]();
    await console[Symbol.asyncDispose]();
  });

  it('open exactly the routes of the table', async () => {
    const rows = table.trim().split('\n');
    const actual: string[] = [];
    for (const row of rows) {
      const [, method = '', path = ''] = row.split(' ');
      let allowed = '';
      for (const [letter, role] of Object.entries(letters)) {
        const client = clients.get(role);
        const { status } = await client!.send(`/api/v33.01${path}`, {
          method,
          headers: json,
          // Not a document of any route: refused by each that reads it.
          ...(method === 'GET' || method === 'DELETE' ? {} : { body: '"nothing"' }),
        });
        expect([row, role, status]).not.toEqual([row, role, 401]);
        allowed += status === 403 ? '-' : letter;
      }
      actual.push(`${allowed} ${method} ${path}`);
    }
    expect(actual).toEqual(rows);
  });

  it('are all in the table with every compatible route that is not open', async () => {
    const document = (await console.anonymous.send('/api/dockledger/v1/openapi.json')).json<{
      paths: Record<string, Record<string, { security?: unknown[] }>>;
    }>();
    const listed = new Set(
      table
        .trim()
        .split('\n')
        .map((row) => row.split(' ').slice(1).join(' ').split('?')[0]),
    );
    const known = (method: string, path: string) =>
      [...listed].some((row) => {
        const [listedMethod, listedPath = ''] = (row ?? '').split(' ');
        return (
          listedMethod === method.toUpperCase() &&
          new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(`/api/v33.01${listedPath}`)
        );
      });
    const missing = Object.entries(document.paths)
      .filter(([path]) => path.startsWith('/api/v33.01/'))
      .flatMap(([path, operations]) =>
        Object.entries(operations)
          .filter(([method, { security }]) => security?.length !== 0 && !known(method, path))
          .map(([method]) => `${method} ${path.slice('/api/v33.01'.length)}`),
      );
    // Whoever is signed in may do these to their own sign-in; and other ways to write the same thing.
    expect(missing.toSorted()).toEqual([
      'get /authenticate/renew',
      'post /logout',
      'post /settings/custom-labels',
      'post /settings/logon',
      'put /rbac/roles/{name}',
      'put /users/password',
    ]);
  });
});
