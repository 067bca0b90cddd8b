import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../../testing/postgres.ts';
import { startTestConsole } from '../../testing/test-console.ts';
import { describeControlStore } from '../contract-suites/control-store.ts';
import { openControlStore as openBySetting } from '../open-control-store.ts';
import { openControlStore } from './control-store.ts';
import { createNodeSqliteDialect } from './node-sqlite.ts';
import { createPostgresDialect } from './postgres.ts';

const directories: AsyncDisposable[] = [];
afterAll(async () => {
  for (const directory of directories) await directory[Symbol.asyncDispose]();
});

describeControlStore('SQLite', async () => {
  const directory = await createTempDir('dl-control-');
  directories.push(directory);
  const reopen = () => openControlStore(createNodeSqliteDialect(join(directory.path, 'control.sqlite')));
  return { store: await reopen(), reopen };
});

describe('with a PostgreSQL server', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => postgres[Symbol.asyncDispose]());

  describeControlStore('PostgreSQL', async () => {
    const url = await postgres.createDatabase();
    const reopen = () => openControlStore(createPostgresDialect(url));
    return { store: await reopen(), reopen };
  });

  it('two Consoles share users, rules and collections within seconds', async () => {
    const controlStore = await postgres.createDatabase();
    await using one = await startTestConsole({ controlStore });
    await using two = await startTestConsole({ controlStore });
    const headers = { 'content-type': 'application/json' };
    const rules = { rules: [{ name: 'only this', effect: 'allow', action: ['*'] }] };
    const saved = await one.api.send('/api/v1/policies/docker', {
      method: 'PUT',
      headers,
      body: JSON.stringify(rules),
    });
    expect(saved.status).toBe(200);
    const web = JSON.stringify({ name: 'web', containers: ['web*'] });
    expect((await one.api.send('/api/v1/collections', { method: 'POST', headers, body: web })).status).toBe(200);
    await expect
      .poll(
        async () => [
          (await two.api.send('/api/v1/policies/docker')).text.includes('only this'),
          (await two.api.send('/api/v1/collections')).text.includes('"web"'),
        ],
        { timeout: 20_000 },
      )
      .toEqual([true, true]);
  });
});

describe('the setting controlStore', () => {
  it('makes a file that only its owner may read, and names no password when it is wrong', async () => {
    await using directory = await createTempDir('dl-control-');
    const store = await openBySetting('sqlite', directory.path);
    await store.users.list();
    for (const file of ['control.sqlite', 'control.sqlite-wal', 'control.sqlite-shm'])
      expect([file, (await stat(join(directory.path, file))).mode & 0o777]).toEqual([file, 0o600]);
    await store.close();
    await expect(openBySetting('mysql://root:hidden@host/x', directory.path)).rejects.toThrow(/^(?!.*hidden).*sqlite/);
    await expect(openBySetting('postgres://x:hidden@127.0.0.1:1/x', directory.path)).rejects.toThrow(
      /^(?!.*hidden).*control store/,
    );
  });
});
