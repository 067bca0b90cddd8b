import { describe, expect, it } from 'vitest';
import { createTestClient } from '../testing/http-client.ts';
import { basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';

const path = '/api/dockledger/v1/views';
const headers = { 'content-type': 'application/json' };

interface Views {
  readonly views: readonly { id: string; name: string; query: string; owner: string; isShared: boolean }[];
}

const asUser = (console: TestConsole, username: string) =>
  createTestClient(console.running.endpoints.console, console.ca, basic(username, 'a password of its own'));

async function withAuditor(console: TestConsole, username: string) {
  const body = JSON.stringify({ username, password: 'a password of its own', role: 'auditor' });
  expect((await console.api.send('/api/v1/users', { method: 'POST', headers, body })).status).toBe(200);
  return asUser(console, username);
}

describe('saved views', () => {
  it('are seen by their owner alone until shared, and are replaced under the same name', async () => {
    await using console = await startTestConsole();
    using eve = await withAuditor(console, 'eve');
    const save = (view: unknown) => eve.send(path, { method: 'POST', headers, body: JSON.stringify(view) });
    expect((await save({ name: 'refused', query: 'allow=false' })).status).toBe(200);
    expect((await console.api.send(path)).json<Views>().views).toEqual([]);
    await save({ name: 'refused', query: 'allow=false&last=7d', isShared: true });
    expect((await console.api.send(path)).json<Views>().views).toMatchObject([
      { name: 'refused', query: 'allow=false&last=7d', owner: 'eve', isShared: true },
    ]);
  });

  it('are removed by their owner, or by whoever manages users once shared, and by nobody else', async () => {
    await using console = await startTestConsole();
    using eve = await withAuditor(console, 'eve');
    using oscar = await withAuditor(console, 'oscar');
    const body = JSON.stringify({ name: 'mine', query: '', isShared: true });
    const { id } = (await eve.send(path, { method: 'POST', headers, body })).json<{ id: string }>();
    expect((await oscar.send(`${path}/${id}`, { method: 'DELETE' })).status).toBe(403);
    expect((await console.api.send(`${path}/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await eve.send(path)).json<Views>().views).toEqual([]);
    const own = JSON.stringify({ name: 'private', query: '' });
    const hidden = (await eve.send(path, { method: 'POST', headers, body: own })).json<{ id: string }>();
    expect((await console.api.send(`${path}/${hidden.id}`, { method: 'DELETE' })).status).toBe(404);
  });
});
