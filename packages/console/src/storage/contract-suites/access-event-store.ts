// The promises of AccessEventStore as tests. Every adapter runs them all; none may be skipped.
import type { StoredAccessEvent } from '@dockledger/contract';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessEventColumns } from '../../access-events/access-event-columns.ts';
import { type AccessEventFilter, unrestricted } from '../../access-events/access-event-filter.ts';
import type {
  AccessEventPosition,
  AccessEventSortKey,
  AccessEventStore,
} from '../../access-events/access-event-store.ts';
import { newestFirst } from '../../access-events/access-event-store.ts';
import { anEvent, awkwardEvents, awkwardText, awkwardTexts, awkwardTime, baseMs } from './event-builders.ts';
import { plainRows, plainSelect } from './plain-oracle.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How thorough the property tests are. */
export interface SuiteOptions {
  /** Filters tried against the plain reading. Defaults to 25. */
  readonly propertyRuns?: number;
}

/** Runs the promises against what `open` gives. It is opened once, emptied before each test, and closed by the suite. */
export function describeAccessEventStore(
  name: string,
  open: () => Promise<AccessEventStore>,
  options: SuiteOptions = {},
): void {
  describe(`access event store: ${name}`, () => {
    let store: AccessEventStore;
    beforeAll(async () => {
      store = await open();
    }, 30_000);
    afterAll(() => store.close());

    async function fill(events: readonly StoredAccessEvent[]): Promise<void> {
      const from = await store.indexedTo();
      const to = Math.max(...events.map((event) => event.ledgerIndex)) + 1;
      await store.appendRange({ from, to, events });
    }
    const idsOf = (events: readonly StoredAccessEvent[]): string[] => events.map((event) => event.id);

    describe('appending', () => {
      beforeEach(() => store.clear());

      it('begins at 0 and moves on with each stretch, also one without events', async () => {
        expect(await store.indexedTo()).toBe(0);
        await store.appendRange({ from: 0, to: 2, events: [anEvent({ ledgerIndex: 0 }), anEvent({ ledgerIndex: 1 })] });
        await store.appendRange({ from: 2, to: 5, events: [] });
        expect(await store.indexedTo()).toBe(5);
        expect(await store.count(unrestricted)).toBe(2);
      });

      it('stores a retried stretch once', async () => {
        const range = { from: 0, to: 3, events: [0, 1, 2].map((ledgerIndex) => anEvent({ ledgerIndex })) };
        await store.appendRange(range);
        await store.appendRange(range);
        expect(await store.count(unrestricted)).toBe(3);
        expect(await store.indexedTo()).toBe(3);
      });

      it('stores only what is new of a stretch that overlaps', async () => {
        const events = [0, 1, 2, 3].map((ledgerIndex) => anEvent({ ledgerIndex }));
        await store.appendRange({ from: 0, to: 2, events: events.slice(0, 2) });
        expect(await store.appendRange({ from: 1, to: 4, events: events.slice(1) })).toEqual({ stored: 2 });
        expect(idsOf(await store.page(unrestricted, { limit: 10 }))).toEqual(idsOf(events.toReversed()));
      });

      it('refuses a stretch that would leave a hole, and says where to go on', async () => {
        await expect(
          store.appendRange({ from: 1, to: 2, events: [anEvent({ ledgerIndex: 1 })] }),
        ).rejects.toMatchObject({
          code: 'conflict',
          details: { indexedTo: 0 },
        });
      });

      it('refuses an event that lies outside its stretch', async () => {
        await expect(
          store.appendRange({ from: 0, to: 1, events: [anEvent({ ledgerIndex: 7 })] }),
        ).rejects.toMatchObject({
          code: 'bad_record',
        });
        expect(await store.indexedTo()).toBe(0);
      });

      it('keeps appends in order that were called at once', async () => {
        const events = Array.from({ length: 6 }, (_, ledgerIndex) => anEvent({ ledgerIndex }));
        await Promise.all(
          events.map((event, index) => store.appendRange({ from: index, to: index + 1, events: [event] })),
        );
        expect(await store.indexedTo()).toBe(6);
        expect(await store.count(unrestricted)).toBe(6);
      });

      it('gives back every field of the event as it was stored', async () => {
        const event: StoredAccessEvent = {
          ...anEvent({
            ledgerIndex: 0,
            raw: 'line\n\nwith \u0000 and \uD800',
            labels: { 'a"b': "c'd" },
            collections: ['All', 'x'],
          }),
          request: { method: 'POST', route: '/containers/{name}/start', summary: { deep: [1, { two: null }] } },
          details: { 'sshd.method': 'publickey', n: 1.5 },
        };
        await fill([event]);
        expect(await store.byId(event.id, unrestricted)).toEqual(event);
      });

      it('takes events of more days at once than an engine likes, and of wrong years', async () => {
        const events = Array.from({ length: 102 }, (_, ledgerIndex) =>
          anEvent({ ledgerIndex, timeMs: baseMs - ledgerIndex * dayMs }),
        );
        events.push(anEvent({ ledgerIndex: 102, timeMs: Date.UTC(2099, 0, 1), receivedMs: baseMs }));
        await fill(events);
        expect(await store.count(unrestricted)).toBe(103);
        expect(idsOf(await store.page(unrestricted, { limit: 1 }))).toEqual(['def-1.1.103']);
      });
    });

    describe('outcomes', () => {
      beforeEach(() => store.clear());

      it('shows what came of a pending event once it is told, and never as a row', async () => {
        await fill([anEvent({ ledgerIndex: 0, outcome: { state: 'pending' } })]);
        expect(await store.page(unrestricted, { limit: 1 })).toMatchObject([{ outcome: { state: 'pending' } }]);
        await fill([
          anEvent({
            ledgerIndex: 1,
            type: 'outcome',
            ofEvent: 'def-1.1.1',
            outcome: { state: 'failed', status: 500, error: 'no' },
          }),
        ]);
        const told = { outcome: { state: 'failed', status: 500, error: 'no' } };
        expect(await store.page(unrestricted, { limit: 9 })).toMatchObject([told]);
        expect(await store.byId('def-1.1.1', unrestricted)).toMatchObject(told);
        expect(await collect(store.stream(unrestricted))).toMatchObject([told]);
        expect(await store.count(unrestricted)).toBe(1);
        expect(await store.byId('def-1.1.2', unrestricted)).toBeUndefined();
      });
    });

    describe('reading', () => {
      const events = [
        anEvent({ ledgerIndex: 0, timeMs: baseMs - 3 * dayMs, user: 'alice', allow: false, count: 1 }),
        anEvent({ ledgerIndex: 1, timeMs: baseMs - 2 * hourMs, user: 'bob', count: 4, collections: ['prod'] }),
        anEvent({ ledgerIndex: 2, timeMs: baseMs, user: 'alice', count: 2, type: 'sudo', api: 'sudo id' }),
        anEvent({ ledgerIndex: 3, timeMs: baseMs, user: '', containerName: '/web' }),
      ];
      const [first, second, third, fourth] = idsOf(events);
      beforeAll(async () => {
        await store.clear();
        await fill(events);
      });

      it('shows the newest first, ties by ledger position', async () => {
        expect(idsOf(await store.page(unrestricted, { limit: 50 }))).toEqual([fourth, third, second, first]);
      });

      it('answers an empty page past the end', async () => {
        expect(await store.page(unrestricted, { limit: 50, offset: 4 })).toEqual([]);
        expect(await store.page(unrestricted, { limit: 50, offset: 100_000 })).toEqual([]);
      });

      it('refuses a limit that is no positive integer', async () => {
        await expect(store.page(unrestricted, { limit: 0 })).rejects.toMatchObject({ code: 'bad_parameter' });
        await expect(store.page(unrestricted, { limit: 1.5 })).rejects.toMatchObject({ code: 'bad_parameter' });
      });

      it('takes both ends of the time range as part of it', async () => {
        const filter = { scope: null, fromMs: baseMs - 3 * dayMs, toMs: baseMs - 2 * hourMs };
        expect(idsOf(await store.page(filter, { limit: 9 }))).toEqual([second, first]);
      });

      it('shows a scoped reader only events of its collections, by every way of reading', async () => {
        const filter: AccessEventFilter = { scope: ['prod', 'other'] };
        expect(idsOf(await store.page(filter, { limit: 9 }))).toEqual([second]);
        expect(idsOf(await collect(store.stream(filter)))).toEqual([second]);
        expect(await store.count(filter)).toBe(1);
        expect(await store.byId(first ?? '', filter)).toBeUndefined();
        expect(await store.facets(filter, ['user'], 9)).toEqual({ user: [{ value: 'bob', rows: 1, events: 4 }] });
        expect(await store.distinct('user', filter, 9)).toEqual(['bob']);
        expect(await store.sums(filter)).toEqual([{ type: 'docker', allow: true, rows: 1, events: 4 }]);
        expect(await store.count({ scope: [] })).toBe(0);
      });

      it('takes an empty list of values for the empty set', async () => {
        expect(await store.count({ scope: null, include: { user: [] } })).toBe(0);
        expect(await store.count({ scope: null, exclude: { user: [] } })).toBe(4);
      });

      it('takes thousands of values for one column', async () => {
        const user = Array.from({ length: 20_000 }, (_, index) => `some-quite-long-user-name-${index}`);
        expect(await store.count({ scope: null, include: { user: [...user, 'alice'] } })).toBe(2);
      });

      it('attaches outcomes to thousands of pending events at once', async () => {
        const base = await store.indexedTo();
        const outcome = { state: 'pending' } as const;
        await fill(
          Array.from({ length: 5000 }, (_, index) => anEvent({ ledgerIndex: base + index, outcome, user: 'many' })),
        );
        expect(await store.page({ scope: null, include: { user: ['many'] } }, { limit: 5000 })).toHaveLength(5000);
        await store.erase('all');
        await fill(events.map((event) => ({ ...event, ledgerIndex: base + 5000 + event.ledgerIndex })));
      });

      it('counts rows and calls of each value, most rows first, ties by value', async () => {
        expect(await store.facets(unrestricted, ['user', 'type'], 2)).toEqual({
          user: [
            { value: 'alice', rows: 2, events: 3 },
            { value: '', rows: 1, events: 1 },
          ],
          type: [
            { value: 'docker', rows: 3, events: 6 },
            { value: 'sudo', rows: 1, events: 2 },
          ],
        });
      });

      it('lists the values of a column sorted, without the empty one', async () => {
        expect(await store.distinct('user', unrestricted, 10)).toEqual(['alice', 'bob']);
        expect(await store.distinct('user', unrestricted, 1)).toEqual(['alice']);
      });

      it('sums calls by type and verdict, also by day', async () => {
        expect(await store.sums(unrestricted)).toEqual([
          { type: 'docker', allow: false, rows: 1, events: 1 },
          { type: 'docker', allow: true, rows: 2, events: 5 },
          { type: 'sudo', allow: true, rows: 1, events: 2 },
        ]);
        const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
        expect(await store.dailySums({ scope: null, toMs: baseMs - dayMs })).toEqual([
          { day: dayOf(baseMs - 3 * dayMs), type: 'docker', allow: false, rows: 1, events: 1 },
        ]);
      });

      it('draws all bars of a histogram, empty ones too, counting calls', async () => {
        const bars = await store.histogram(unrestricted, { fromMs: baseMs - 3 * hourMs, toMs: baseMs, buckets: 3 });
        expect(bars).toEqual([
          { startMs: baseMs - 3 * hourMs, endMs: baseMs - 2 * hourMs + 1, allowed: 4, denied: 0 },
          { startMs: baseMs - 2 * hourMs + 1, endMs: baseMs - hourMs + 2, allowed: 0, denied: 0 },
          { startMs: baseMs - hourMs + 2, endMs: baseMs + 1, allowed: 3, denied: 0 },
        ]);
      });

      it('ends a read when its signal says so', async () => {
        await expect(store.count(unrestricted, { signal: AbortSignal.abort() })).rejects.toMatchObject({
          code: 'timeout',
        });
      });
    });

    describe('erasing', () => {
      beforeEach(async () => {
        await store.clear();
        await fill([
          anEvent({ ledgerIndex: 0, user: 'alice', timeMs: baseMs - 40 * dayMs, outcome: { state: 'pending' } }),
          anEvent({ ledgerIndex: 1, user: 'bob', type: 'sudo' }),
          anEvent({ ledgerIndex: 2, user: 'carol' }),
        ]);
      });

      it('erases one event by id and keeps its place as indexed', async () => {
        expect(await store.erase({ id: 'def-1.1.1' })).toEqual({ erased: 1 });
        expect(await store.erase({ id: 'def-1.1.1' })).toEqual({ erased: 0 });
        expect(await store.distinct('user', unrestricted, 9)).toEqual(['bob', 'carol']);
        expect(await store.indexedTo()).toBe(3);
      });

      it('erases all of a type', async () => {
        expect(await store.erase({ type: 'sudo' })).toEqual({ erased: 1 });
        expect(await store.distinct('type', unrestricted, 9)).toEqual(['docker']);
      });

      it('erases of a type only what lies before an instant or a ledger position', async () => {
        expect(await store.erase({ type: 'docker', beforeMs: baseMs - 40 * dayMs })).toEqual({ erased: 0 });
        expect(await store.erase({ type: 'docker', beforeMs: baseMs - 40 * dayMs + 1 })).toEqual({ erased: 1 });
        expect(await store.erase({ type: 'docker', beforeIndex: 2 })).toEqual({ erased: 0 });
        expect(await store.erase({ type: 'docker', beforeIndex: 3 })).toEqual({ erased: 1 });
        expect(await store.distinct('user', unrestricted, 9)).toEqual(['bob']);
      });

      it('takes new events after everything was erased', async () => {
        expect(await store.erase('all')).toEqual({ erased: 3 });
        await fill([anEvent({ ledgerIndex: 3 })]);
        expect(idsOf(await store.page(unrestricted, { limit: 9 }))).toEqual(['def-1.1.4']);
      });

      it('drops whole days by age', async () => {
        await store.dropDaysBefore(baseMs - 30 * dayMs);
        expect(await store.distinct('user', unrestricted, 9)).toEqual(['bob', 'carol']);
        expect(await store.indexedTo()).toBe(3);
      });
    });

    describe('comparing with the events that it was made of', () => {
      const later = (ledgerIndex: number, ofEvent: string) =>
        anEvent({ ledgerIndex, type: 'outcome', ofEvent, outcome: { state: 'done', status: 200 + ledgerIndex } });
      beforeEach(() => store.clear());

      it('agrees with whatever was stored, outcomes that were replaced and awkward texts included', async () => {
        const awkward = fc.sample(awkwardEvents(40), 1)[0] ?? [];
        const size = awkward.length;
        const pending = anEvent({ ledgerIndex: size, outcome: { state: 'pending' } });
        const events = [...awkward, pending, later(size + 1, pending.id), later(size + 2, pending.id)];
        await fill(events);
        expect(await store.compareRange({ from: 0, to: size + 3, events })).toEqual([]);
        expect(await store.compareRange({ from: size + 3, to: Number.MAX_SAFE_INTEGER, events: [] })).toEqual([]);
      });

      it('names what is missing, added and changed', async () => {
        const events = [0, 1, 2].map((ledgerIndex) => anEvent({ ledgerIndex }));
        await store.appendRange({ from: 0, to: 4, events: [...events.slice(0, 2), anEvent({ ledgerIndex: 3 })] });
        const changed = anEvent({ ledgerIndex: 1, user: 'mallory' });
        const found = await store.compareRange({
          from: 0,
          to: 4,
          events: [events[0], changed, events[2]].flatMap((event) => event ?? []),
        });
        expect(found).toMatchObject([
          { kind: 'changed', ledgerIndex: 1, id: 'def-1.1.2' },
          { kind: 'missing', ledgerIndex: 2, id: 'def-1.1.3' },
          { kind: 'added', ledgerIndex: 3, id: 'def-1.1.4' },
        ]);
        expect(found[0]?.fields).toContain('body');
        expect(await store.compareRange({ from: 3, to: Number.MAX_SAFE_INTEGER, events: [] })).toMatchObject([
          { kind: 'added' },
        ]);
      });

      it('agrees again once the stretch is replaced, and goes on where it was', async () => {
        const pending = anEvent({ ledgerIndex: 0, outcome: { state: 'pending' } });
        const events = [pending, later(1, pending.id), anEvent({ ledgerIndex: 2 }), anEvent({ ledgerIndex: 3 })];
        await fill([
          anEvent({ ledgerIndex: 0, user: 'mallory' }),
          anEvent({ ledgerIndex: 2 }),
          anEvent({ ledgerIndex: 4 }),
        ]);
        await store.replaceRange({ from: 0, to: 4, events });
        await store.replaceRange({ from: 0, to: 4, events });
        await store.replaceRange({ from: 4, to: Number.MAX_SAFE_INTEGER, events: [] });
        expect(await store.compareRange({ from: 0, to: Number.MAX_SAFE_INTEGER, events })).toEqual([]);
        expect(await store.indexedTo()).toBe(5);
        expect((await store.byId(pending.id, unrestricted))?.outcome.state).toBe('done');
        await fill([anEvent({ ledgerIndex: 5 })]);
        expect(await store.count(unrestricted)).toBe(4);
      });

      it('says nothing of an outcome whose event was erased', async () => {
        const pending = anEvent({ ledgerIndex: 0, outcome: { state: 'pending' } });
        await fill([pending, later(1, pending.id)]);
        await store.erase({ id: pending.id });
        expect(await store.compareRange({ from: 0, to: 2, events: [later(1, pending.id)] })).toEqual([]);
      });
    });

    describe('paging while events arrive', () => {
      beforeEach(() => store.clear());

      it('neither skips nor repeats an event by position, in either direction', async () => {
        const old = Array.from({ length: 30 }, (_, ledgerIndex) =>
          anEvent({ ledgerIndex, timeMs: baseMs + Math.floor(ledgerIndex / 7) }),
        );
        await fill(old);
        for (const direction of ['descending', 'ascending'] as const) {
          const seen: string[] = [];
          let after: AccessEventPosition | undefined;
          for (let guard = 0; guard < 50; guard++) {
            const page = await store.pageAfter(unrestricted, { limit: 7, direction, ...(after && { after }) });
            seen.push(...idsOf(page.events));
            if (page.next === undefined) break;
            after = page.next;
            const next = await store.indexedTo();
            if (next < 34) await fill([anEvent({ ledgerIndex: next, timeMs: baseMs + 1000 })]);
          }
          const ids = new Set(idsOf(old));
          const inOrder = direction === 'ascending' ? old : old.toReversed();
          expect(seen.filter((id) => ids.has(id))).toEqual(idsOf(inOrder));
          expect(new Set(seen).size).toBe(seen.length);
        }
      });

      it('neither skips nor repeats by offset below a fixed end of time', async () => {
        await fill(Array.from({ length: 20 }, (_, ledgerIndex) => anEvent({ ledgerIndex, timeMs: baseMs })));
        const filter = { scope: null, toMs: baseMs };
        const seen: string[] = [];
        for (let offset = 0; offset < 20; offset += 6) {
          seen.push(...idsOf(await store.page(filter, { limit: 6, offset })));
          await fill([anEvent({ ledgerIndex: await store.indexedTo(), timeMs: baseMs + 1 })]);
        }
        expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => `def-1.1.${20 - index}`));
      });
    });

    describe('deep in a long list', () => {
      // Most within one hour, many in the same second, some elsewhere.
      const events = Array.from({ length: 7500 }, (_, ledgerIndex) =>
        anEvent({
          ledgerIndex,
          timeMs: ledgerIndex % 10 === 0 ? baseMs - ledgerIndex * 300_000 : baseMs - Math.floor(ledgerIndex / 40) * 900,
          receivedMs: ledgerIndex % 10 === 0 ? baseMs - ledgerIndex * 300_000 : baseMs,
          user: ledgerIndex % 3 === 0 ? 'alice' : 'bob',
        }),
      );
      beforeAll(async () => {
        await store.clear();
        await fill(events);
      });

      it.each(['descending', 'ascending'] as const)('gives the same page as a plain slice, %s', async (direction) => {
        const sort = { by: 'time', direction } as const;
        for (const filter of [unrestricted, { scope: null, include: { user: ['bob'] }, toMs: baseMs - 1000 }]) {
          const expected = idsOf(plainSelect(events, filter, sort));
          for (const offset of [1999, 2001, 4700, 6200, expected.length - 20, expected.length]) {
            const page = await store.page(filter, { sort, offset, limit: 50 });
            expect(idsOf(page)).toEqual(expected.slice(offset, offset + 50));
          }
        }
      });
    });

    describe('against a plain filter, sort and slice over the same events', () => {
      const [events = []] = fc.sample(awkwardEvents(240), { numRuns: 1, seed: 20_261_123 });
      beforeAll(async () => {
        await store.clear();
        for (let from = 0; from < events.length; from += 80) {
          await store.appendRange({ from, to: from + 80, events: events.slice(from, from + 80) });
        }
      });

      const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
        fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, { arbitrary, weight: 1 });
      const columns = fc.dictionary(
        fc.constantFrom(...accessEventColumns, 'collections'),
        fc.oneof(
          fc.subarray([...awkwardTexts, 'docker', 'sshd', 'allow', 'prod', "it's"]),
          fc.array(awkwardText, { maxLength: 3 }),
        ),
        { maxKeys: 2 },
      );
      // Most filters are wide, so that their answers are long enough to be in a wrong order.
      const filters: fc.Arbitrary<AccessEventFilter> = fc
        .record({
          scope: fc.oneof(
            { arbitrary: fc.constant(null), weight: 2 },
            { arbitrary: fc.subarray(['All', 'prod', "it's", 'ÉCOLE', 'absent']), weight: 1 },
          ),
          fromMs: sometimes(awkwardTime),
          toMs: sometimes(awkwardTime),
          allow: sometimes(fc.boolean()),
          include: sometimes(columns),
          exclude: sometimes(columns),
          text: sometimes(awkwardText),
        })
        .map(({ scope, ...rest }) => ({
          scope,
          ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
        }));
      const keys: readonly AccessEventSortKey[] = [
        'time',
        'receivedAt',
        'ledgerIndex',
        'count',
        'allow',
        'msg',
        'collections',
        'labels',
        ...accessEventColumns,
      ];
      const sorts = fc.record({
        by: fc.oneof(fc.constant<AccessEventSortKey>('time'), fc.constantFrom(...keys)),
        direction: fc.constantFrom('ascending', 'descending'),
      });

      it('answers the same pages, counts and sums for every filter and order', { timeout: 120_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(
            filters,
            sorts,
            fc.nat({ max: 60 }),
            fc.integer({ min: 1, max: 60 }),
            async (filter, sort, offset, limit) => {
              const expected = plainSelect(events, filter, sort);
              expect(await store.page(filter, { sort, offset, limit })).toEqual(expected.slice(offset, offset + limit));
              expect(await store.count(filter)).toBe(expected.length);
              expect(idsOf(await collect(store.stream(filter, sort)))).toEqual(idsOf(expected));
              const calls = expected.reduce((sum, event) => sum + event.count, 0);
              expect((await store.sums(filter)).reduce((sum, row) => sum + row.events, 0)).toBe(calls);
              const bars = await store.histogram(filter, {
                fromMs: baseMs - 50 * dayMs,
                toMs: baseMs + 5 * dayMs,
                buckets: 11,
              });
              const drawn = expected.filter(
                (event) =>
                  Date.parse(event.time) >= baseMs - 50 * dayMs && Date.parse(event.time) <= baseMs + 5 * dayMs,
              );
              expect(bars.reduce((sum, bar) => sum + bar.allowed + bar.denied, 0)).toBe(
                drawn.reduce((sum, event) => sum + event.count, 0),
              );
            },
          ),
          { numRuns: options.propertyRuns ?? 25 },
        );
      });

      it('goes through all matches by position, in either direction', { timeout: 60_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(filters, fc.constantFrom('ascending', 'descending'), async (filter, direction) => {
            const seen: string[] = [];
            let after: AccessEventPosition | undefined;
            do {
              const request = { limit: 50, direction };
              const page = await store.pageAfter(filter, after === undefined ? request : { ...request, after });
              seen.push(...idsOf(page.events));
              after = page.next;
            } while (after !== undefined);
            expect(seen).toEqual(idsOf(plainSelect(events, filter, { by: 'time', direction })));
          }),
          { numRuns: Math.ceil((options.propertyRuns ?? 25) / 5) },
        );
      });

      it('finds each row by its id, and counts its value in every column', { timeout: 60_000 }, async () => {
        const rows = plainRows(events);
        for (const row of rows.filter((_, index) => index % 20 === 0))
          expect(await store.byId(row.id, unrestricted)).toEqual(row);
        const facets = await store.facets(unrestricted, accessEventColumns, 1000);
        for (const column of accessEventColumns) {
          expect(facets[column]?.reduce((sum, value) => sum + value.rows, 0)).toBe(rows.length);
          const distinct = await store.distinct(column, unrestricted, 10_000);
          expect(new Set(distinct)).toEqual(
            new Set(facets[column]?.map(({ value }) => value).filter((value) => value !== '')),
          );
        }
        expect(await collect(store.stream(unrestricted, newestFirst))).toEqual(
          plainSelect(events, unrestricted, newestFirst),
        );
      });
    });
  });
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
