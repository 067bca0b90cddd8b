import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { createTestClient } from '../testing/http-client.ts';
import { admin, basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';

const json = { 'content-type': 'application/json' };

interface Entry {
  readonly username: string;
  readonly type: string;
  readonly status: string;
  readonly failure: boolean;
  readonly api: string;
  readonly diff: string;
}

async function entries(console: TestConsole, type: string): Promise<Entry[]> {
  await console.indexed();
  const answer = await console.api.send('/api/v1/audits/mgmt?limit=250&reverse=true');
  return answer.json<Entry[]>().filter((entry) => entry.type === type);
}

describe('management audit', () => {
  it('holds failed sign-ins of the API and all sign-ins of the page, not successful API calls', async () => {
    await using console = await startTestConsole();
    await console.anonymous.send('/api/v1/audits/access', { headers: basic('mallory', 'guess') });
    await console.anonymous.send('/api/v1/authenticate', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ ...admin, password: 'wrong' }),
    });
    await console.anonymous.send('/api/v1/authenticate', {
      method: 'POST',
      headers: json,
      body: JSON.stringify(admin),
    });
    await console.anonymous.send('/api/dockledger/v1/session', {
      method: 'POST',
      headers: json,
      body: JSON.stringify(admin),
    });
    expect(await entries(console, 'login')).toMatchObject([
      { username: 'mallory', failure: true, status: 'failed login attempt' },
      { username: 'admin', failure: true },
      { username: 'admin', failure: false, status: 'successful login attempt' },
    ]);
  });

  it('holds every change with what changed, refused ones too, and never a password', async () => {
    await using console = await startTestConsole();
    const send = (method: string, path: string, body: unknown) =>
      console.api.send(path, { method, headers: json, body: JSON.stringify(body) });
    await send('PUT', '/api/v1/policies/docker', {
      rules: [{ name: 'no-create', effect: 'deny', action: ['container_create'] }],
    });
    await send('POST', '/api/v1/users', { username: 'olga', password: 'a long enough secret', role: 'auditor' });
    using olga = createTestClient(console.running.endpoints.console, console.ca, basic('olga', 'a long enough secret'));
    await olga.send('/api/v1/policies/docker', { method: 'PUT', headers: json, body: '{}' });
    const [change, refused] = await entries(console, 'rule');
    expect(refused).toMatchObject({ username: 'olga', failure: true, diff: '' });
    expect(change).toMatchObject({ username: 'admin', failure: false, api: 'PUT /api/v1/policies/docker' });
    expect(change?.diff).toContain('+ 1. {"action":["container_create"],"effect":"deny","name":"no-create"}');
    expect(change?.diff).toContain('- {"action":["*"]');
    const [user] = await entries(console, 'user');
    expect(user?.diff).toBe('+ {"username":"olga","role":"auditor","collections":[],"password":"changed"}');
  });

  it('holds who read the trail with which filter, merged', async () => {
    await using first = await startTestConsole();
    for (let page = 0; page < 3; page++) await first.api.send(`/api/v1/audits/access?user=alice&offset=${page * 50}`);
    await first.api.send('/api/v1/audits/access/download');
    await using second = await first.restart();
    await second.indexed();
    const { events } = (await second.api.send('/api/dockledger/v1/events?api=audits_read&order=oldest')).json<{
      events: { count: number; actor: { user: string }; target: { other: string }; details: { filter: string } }[];
    }>();
    expect(
      events.map(({ count, actor, target, details }) => [count, actor.user, target.other, details.filter]),
    ).toEqual([
      [3, 'admin', 'GET /api/v1/audits/access', 'user=alice'],
      [1, 'admin', 'GET /api/v1/audits/access/download', ''],
    ]);
  });

  it('holds each opening of the live tail', async () => {
    await using first = await startTestConsole();
    const { hostname, port } = new URL(first.running.endpoints.console);
    const opened = Promise.withResolvers<void>();
    const stream = request(
      {
        hostname,
        port,
        path: '/api/dockledger/v1/events/live?user=alice',
        ca: first.ca,
        headers: basic(admin.username, admin.password),
      },
      (incoming) => incoming.once('data', () => opened.resolve()),
    );
    stream.on('error', () => undefined);
    stream.end();
    await opened.promise;
    stream.destroy();
    await using second = await first.restart();
    await second.indexed();
    const events = (await second.api.send('/api/dockledger/v1/events?api=audits_read')).json<{
      events: { target: { other: string } }[];
    }>();
    expect(events.events.map(({ target }) => target.other)).toEqual(['GET /api/dockledger/v1/events/live']);
  });
});
