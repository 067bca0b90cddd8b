import { request as httpsRequest } from 'node:https';
import type { StoredAccessEvent } from '@dockledger/contract';
import { until } from '@dockledger/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { admin, basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';
import { formatCursor, parseCursor } from './native-query.ts';

const path = '/api/dockledger/v1/events';

interface Page {
  readonly events: readonly StoredAccessEvent[];
  readonly nextCursor?: string;
}

const numbers = (from: number, to: number, overrides: Parameters<typeof anEvent>[0] = {}) =>
  Array.from({ length: to - from + 1 }, (_, offset) => anEvent({ ...overrides, seq: from + offset }));

/** Opens the live stream and collects the events it brings. */
function openLive(
  console: TestConsole,
  query = '',
): {
  readonly events: StoredAccessEvent[];
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  close(): void;
} {
  const { hostname, port } = new URL(console.running.endpoints.console);
  const events: StoredAccessEvent[] = [];
  const [opened, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const outgoing = httpsRequest(
    { hostname, port, path: `${path}/live${query}`, ca: console.ca, headers: basic(admin.username, admin.password) },
    (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => {
        opened.resolve();
        text += chunk.toString('utf8');
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = text
            .slice(0, end)
            .split('\n')
            .find((line) => line.startsWith('data: '));
          if (data !== undefined) events.push(JSON.parse(data.slice(6)) as StoredAccessEvent);
          text = text.slice(end + 2);
        }
      });
      incoming.on('error', () => undefined);
      incoming.on('close', () => ended.resolve());
    },
  );
  outgoing.on('error', () => ended.resolve());
  outgoing.end();
  return { events, opened: opened.promise, ended: ended.promise, close: () => outgoing.destroy() };
}

describe('native events', () => {
  it('walks by cursor without skipping or repeating while new events arrive', async () => {
    await using console = await startTestConsole();
    const defender = console.defender();
    await defender.send(numbers(1, 50));
    await console.indexed();
    const seen: number[] = [];
    let next = 51;
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Page = (await console.api.send(`${path}?limit=7${cursor && `&cursor=${cursor}`}`)).json<Page>();
      seen.push(...page.events.map(({ seq }) => seq));
      cursor = page.nextCursor;
      await defender.send(numbers(next, next + 2, { time: '2026-11-23T11:00:00.000Z' }));
      next += 3;
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => 50 - index));
  });

  it('filters by any field, excludes with not., and refuses what it does not know', async () => {
    await using console = await startTestConsole();
    await console.defender().send([
      anEvent({ seq: 1, target: { containerName: '/db' } }),
      anEvent({ seq: 2, actor: { user: 'bob' }, decision: { effect: 'deny' } }),
      anEvent({
        seq: 3,
        actor: { user: 'carol' },
        api: 'container_exec_create',
        decision: { text: 'Entered /db as root' },
      }),
    ]);
    await console.indexed();
    const numbersOf = async (query: string) =>
      (await console.api.send(`${path}?${query}`)).json<Page>().events.map(({ seq }) => seq);
    expect(await numbersOf('user=bob&user=carol')).toEqual([3, 2]);
    expect(await numbersOf('not.user=bob')).toEqual([3, 1]);
    expect(await numbersOf('container=%2Fdb')).toEqual([1]);
    expect(await numbersOf('allow=false')).toEqual([2]);
    expect(await numbersOf('text=ENTERED')).toEqual([3]);
    expect(await numbersOf('order=oldest')).toEqual([1, 2, 3]);
    for (const query of ['usr=bob', 'limit=0', 'limit=1001', 'cursor=abc', 'allow=maybe', 'order=up', 'from=soon']) {
      const answer = await console.api.send(`${path}?${query}`);
      expect([query, answer.status, answer.json<{ code: string }>().code]).toEqual([query, 400, 'bad_parameter']);
    }
  });

  it('counts calls in totals, facets and bars, and rows beside them', async () => {
    await using console = await startTestConsole();
    await console
      .defender()
      .send([
        anEvent({ seq: 1 }),
        anEvent({ seq: 2, count: 9, time: '2026-11-23T10:00:01.000Z', lastTime: '2026-11-23T10:00:02.000Z' }),
        anEvent({ seq: 3, actor: { user: 'bob' }, decision: { effect: 'deny' }, time: '2026-11-23T10:00:03.000Z' }),
        anEvent({ seq: 4, type: 'gap', api: 'spool_overflow', time: '2026-11-23T10:00:03.000Z' }),
      ]);
    await console.indexed();
    expect((await console.api.send(`${path}/count?type=docker`)).json()).toEqual({ rows: 3, total: 11 });
    expect((await console.api.send(`${path}/facets?columns=user,allow&type=docker`)).json()).toEqual({
      facets: {
        user: [
          { value: 'alice', count: 10, rows: 2 },
          { value: 'bob', count: 1, rows: 1 },
        ],
        allow: [
          { value: 'true', count: 10, rows: 2 },
          { value: 'false', count: 1, rows: 1 },
        ],
      },
    });
    const { buckets } = (
      await console.api.send(`${path}/histogram?buckets=2&from=2026-11-23T10:00:00Z&to=2026-11-23T10:00:03.999Z`)
    ).json<{ buckets: unknown[] }>();
    expect(buckets).toMatchObject([
      { start: '2026-11-23T10:00:00.000Z', allowed: 10, denied: 0, gaps: 0 },
      { allowed: 0, denied: 1, gaps: 1 },
    ]);
  });

  it('shows the outcome of a pending call once it is known', async () => {
    await using console = await startTestConsole();
    const pending = anEvent({ seq: 1, api: 'container_stop', outcome: { state: 'pending' } });
    await console.defender().send([pending]);
    await console.indexed();
    const outcome = anEvent({ seq: 2, type: 'outcome', ofEvent: pending.id, outcome: { state: 'done', status: 204 } });
    await console.defender().send([outcome]);
    await console.indexed();
    const { events } = (await console.api.send(path)).json<Page>();
    expect(events.map((event) => [event.seq, event.outcome])).toEqual([[1, { state: 'done', status: 204 }]]);
  });

  it('sends new events to open streams within two seconds, filtered, and ends the streams when it closes', async () => {
    const console = await startTestConsole();
    const [all, refused] = [openLive(console), openLive(console, '?allow=false')];
    await Promise.all([all.opened, refused.opened]);
    const sentAt = Date.now();
    await console.defender().send([anEvent({ seq: 1 }), anEvent({ seq: 2, decision: { effect: 'deny' } })]);
    await until('both arrive', () => all.events.length === 2 && refused.events.length === 1);
    expect(Date.now() - sentAt).toBeLessThan(2000);
    expect(refused.events.map(({ seq }) => seq)).toEqual([2]);
    await console[Symbol.asyncDispose]();
    await Promise.all([all.ended, refused.ended]);
  });

  it('reads back the cursors that it gives, and only those', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(), fc.string({ maxLength: 100 }), (timeMs, ledgerIndex, id) => {
        expect(parseCursor(formatCursor({ timeMs, ledgerIndex, id }))).toEqual({ timeMs, ledgerIndex, id });
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseCursor(text);
        } catch (error) {
          expect(String(error)).toContain('Parameter cursor');
        }
      }),
    );
  });
});
