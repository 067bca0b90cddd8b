import { request } from 'node:https';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { createTestClient, type TestClient } from '../testing/http-client.ts';
import { basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';

const json = { 'content-type': 'application/json' };
const password = 'a long enough secret';

/** Reads everything a reader can ask for under a filter, as one text. */
async function askEverything(client: TestClient, filter: { user?: string; text?: string }): Promise<string> {
  const compatible = new URLSearchParams({
    ...(filter.user && { user: filter.user }),
    ...(filter.text && { search: filter.text }),
    limit: '250',
  });
  const native = new URLSearchParams({
    ...(filter.user && { user: filter.user }),
    ...(filter.text && { text: filter.text }),
  });
  const answers = await Promise.all(
    [
      `/api/v31.00/audits/access?${compatible.toString()}&fields=time,user&collections=web,All`,
      `/api/v1/forensic/activities?${compatible.toString()}`,
      `/api/v1/forensic/activities/download?${compatible.toString()}`,
      `/api/v1/audits/access?${compatible.toString()}&limit=3&offset=2&reverse=true`,
      `/api/v1/current/collections`,
      `/api/v1/collections`,
      `/api/dockledger/v1/events?limit=7&order=oldest&${native.toString()}`,
      `/api/v1/audits/access?${compatible.toString()}`,
      `/api/v1/audits/access?${compatible.toString()}&sort=user&offset=1`,
      `/api/v1/audits/access/download?${compatible.toString()}`,
      `/api/v1/audits/access/filters?${compatible.toString()}`,
      `/api/v1/stats/events?${compatible.toString()}`,
      `/api/v1/stats/daily?${compatible.toString()}`,
      `/api/dockledger/v1/events?${native.toString()}`,
      `/api/dockledger/v1/events/count?${native.toString()}`,
      `/api/dockledger/v1/events/facets?columns=user,container,image,hostname,rule&${native.toString()}`,
      `/api/dockledger/v1/events/histogram?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z&${native.toString()}`,
    ].map((path) => client.send(path)),
  );
  return answers.map(({ status, headers, text }) => `${status} ${String(headers['total-count'])} ${text}`).join('\n');
}

describe('a reader limited to collections', () => {
  // Two Consoles: one holds visible and hidden events, the other only the visible ones. A limited reader must not be able to tell.
  let both: TestConsole;
  let visibleOnly: TestConsole;
  let clients: readonly [TestClient, TestClient];

  async function prepare(console: TestConsole, hidden: boolean): Promise<TestClient> {
    const post = (path: string, body: unknown) =>
      console.api.send(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
    expect((await post('/api/v1/collections', { name: 'web', containers: ['web*'] })).status).toBe(200);
    const permissions = [{ project: 'Central Console', collections: ['web'] }];
    expect(
      (await post('/api/v1/users', { username: 'olga', password, role: 'auditor', authType: 'basic', permissions }))
        .status,
    ).toBe(200);
    // Each kind comes from a Defender of its own, so that numbers agree on both Consoles.
    const visible = Array.from({ length: 30 }, (_, index) =>
      anEvent({
        seq: index + 1,
        time: new Date(Date.parse('2026-11-23T10:00:00.000Z') + index * 1000).toISOString(),
        actor: { user: index % 2 === 0 ? 'alice' : 'bob' },
        target: { containerName: `/web-${index % 3}`, imageName: 'nginx' },
      }),
    );
    await console.defender('host-1').send(visible);
    if (hidden) {
      const secret = visible.map((event, index) =>
        anEvent({
          defenderId: 'host-2',
          seq: index + 1,
          time: event.time,
          actor: { user: index % 2 === 0 ? 'alice' : 'mallory' },
          target: { containerName: '/secret', imageName: 'hidden' },
          decision: { effect: 'deny', rule: 'hidden, rule' },
        }),
      );
      await console.defender('host-2').send(secret);
    }
    await console.indexed();
    return createTestClient(console.running.endpoints.console, console.ca, basic('olga', password));
  }

  beforeAll(async () => {
    [both, visibleOnly] = await Promise.all([startTestConsole(), startTestConsole()]);
    clients = await Promise.all([prepare(both, true), prepare(visibleOnly, false)]);
  });
  afterAll(async () => {
    for (const client of clients) client[Symbol.dispose]();
    await Promise.all([both[Symbol.asyncDispose](), visibleOnly[Symbol.asyncDispose]()]);
  });

  it('gets the same answers whether hidden events exist or not', async () => {
    const receivedAt = /"(?:receivedAt|modified)":"[^"]*"/g;
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            user: fc.constantFrom('alice', 'bob', 'mallory', 'alice,mallory', 'hidden, rule'),
            text: fc.constantFrom('secret', 'hidden', 'web', 'a', 'mallory'),
          },
          { requiredKeys: [] },
        ),
        async (filter) => {
          const [withHidden, without] = await Promise.all(clients.map((client) => askEverything(client, filter)));
          expect(withHidden?.replaceAll(receivedAt, '')).toBe(without?.replaceAll(receivedAt, ''));
          expect(without).not.toContain(' 403 ');
        },
      ),
      { numRuns: 15 },
    );
  });

  it('walks the same pages by cursor, which names no place in the ledger', async () => {
    const walk = async (client: TestClient, order: string) => {
      const [pages, cursors]: [string[], string[]] = [[], []];
      for (let cursor = ''; ; ) {
        const page = (
          await client.send(`/api/dockledger/v1/events?limit=7&order=${order}${cursor && `&cursor=${cursor}`}`)
        ).json<{ events: { id: string; ledgerIndex?: number }[]; nextCursor?: string }>();
        for (const { id, ledgerIndex } of page.events) pages.push(`${id} ${String(ledgerIndex)}`);
        if (page.nextCursor === undefined) return { pages, cursors };
        cursor = page.nextCursor;
        cursors.push(cursor);
      }
    };
    for (const order of ['newest', 'oldest']) {
      const [withHidden, without] = await Promise.all(clients.map((client) => walk(client, order)));
      expect(withHidden).toEqual(without);
      expect(withHidden?.pages).toHaveLength(30);
      expect(withHidden?.pages.every((row) => row.endsWith(' undefined'))).toBe(true);
    }
    expect((await clients[0].send('/api/dockledger/v1/events/host-1.1.1')).text).not.toContain('ledgerIndex');
    expect((await clients[0].send('/api/dockledger/v1/events/host-1.1.1/evidence')).status).toBe(403);
    expect((await clients[0].send('/api/dockledger/v1/events/host-2.1.1/evidence')).status).toBe(404);
  });

  it('follows the live tail of the same events', async () => {
    // Both kinds arrive; only the visible ones come through, without their place.
    const event = (defenderId: string, containerName: string) =>
      anEvent({ defenderId, seq: 31, time: '2026-11-23T11:00:00.000Z', target: { containerName } });
    const { hostname, port } = new URL(both.running.endpoints.console);
    const { promise, resolve } = Promise.withResolvers<string>();
    const outgoing = request(
      { hostname, port, path: '/api/dockledger/v1/events/live', ca: both.ca, headers: basic('olga', password) },
      (incoming) => {
        let received = '';
        incoming.on('error', () => resolve(received));
        incoming.on('data', (chunk: Buffer) => {
          received += chunk.toString();
          if (received.startsWith(': open') && !isSent) {
            isSent = true;
            void both
              .defender('host-2')
              .send([event('host-2', '/secret')])
              .then(() => both.defender('host-1').send([event('host-1', '/web-9')]));
          }
          if (received.includes('web-9')) {
            resolve(received);
            incoming.destroy();
          }
        });
      },
    );
    let isSent = false;
    outgoing.on('error', () => undefined);
    outgoing.end();
    const received = await promise;
    expect(received).toContain('host-1.1.31');
    expect(received).not.toMatch(/secret|host-2|ledgerIndex/);
  });

  it('does not find a hidden event by its id, and may not administer', async () => {
    const [client] = clients;
    expect((await client.send('/api/dockledger/v1/events/host-1.1.1')).status).toBe(200);
    expect((await client.send('/api/dockledger/v1/events/host-2.1.1')).status).toBe(404);
    for (const [method, path] of [
      ['GET', '/api/v1/users'],
      ['PUT', '/api/v1/policies/docker'],
      ['POST', '/api/v1/collections'],
      ['GET', '/ledger/tile/entries/000.p/1'],
    ] as const) {
      const answer = await client.send(path, { method, headers: json });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });
});

describe('users', () => {
  it('lose their sign-ins when their password changes, and the last administrator stays', async () => {
    await using console = await startTestConsole();
    const send = (method: string, path: string, body?: unknown) =>
      console.api.send(path, { method, headers: json, ...(body !== undefined && { body: JSON.stringify(body) }) });
    await send('POST', '/api/v1/users', { username: 'olga', password, role: 'operator' });
    using olga = createTestClient(console.running.endpoints.console, console.ca, basic('olga', password));
    expect((await olga.send('/api/v1/audits/access')).status).toBe(200);
    expect(
      (await send('PUT', '/api/v1/users', { username: 'olga', password: 'another long secret', role: 'operator' }))
        .status,
    ).toBe(200);
    expect((await olga.send('/api/v1/audits/access')).status).toBe(401);
    expect((await send('POST', '/api/v1/users', { username: 'olga', password, role: 'ci' })).status).toBe(409);
    expect((await send('POST', '/api/v1/users', { username: 'x', password: 'short', role: 'ci' })).status).toBe(400);
    expect((await send('POST', '/api/v1/users', { username: 'x', password, role: 'king' })).status).toBe(400);
    expect((await send('DELETE', '/api/v1/users/admin')).json()).toEqual({
      err: '"admin" is the last administrator. Make another one first.',
    });
    expect((await send('DELETE', '/api/v1/users/olga')).status).toBe(200);
    expect((await send('GET', '/api/v1/users')).text).not.toMatch(/argon2|password/);
  });
});
