import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventFilter, type FilterTerm, filterFields, toTerm, withTerm } from './event-filter.ts';
import { formatEventsQuery, parseEventsQuery, toApiParams, toEventsHref } from './events-query.ts';
import type { TimeRange } from './time-range.ts';

const nowMs = Date.parse('2026-11-23T15:00:00.000Z');

const anyTerm: fc.Arbitrary<FilterTerm> = fc
  .tuple(fc.constantFrom(...filterFields), fc.string({ minLength: 1, unit: 'grapheme' }), fc.boolean())
  .map(([field, value, isNegated]) => toTerm(field, value, isNegated));
const anyFilter: fc.Arbitrary<EventFilter> = fc
  .array(anyTerm, { maxLength: 8 })
  .map((terms) => terms.reduce<EventFilter>((filter, term) => withTerm(filter, term), []));
const anyInstant = fc.integer({ min: -8_000_000_000_000, max: 8_000_000_000_000 });
const anyRange: fc.Arbitrary<TimeRange> = fc.oneof(
  fc.integer({ min: 1, max: 999_999 }).map((minutes): TimeRange => ({ kind: 'last', minutes })),
  fc
    .tuple(anyInstant, fc.integer({ min: 1, max: 1_000_000_000 }))
    .map(([fromMs, length]): TimeRange => ({ kind: 'between', fromMs, toMs: fromMs + length })),
  fc.constant<TimeRange>({ kind: 'all' }),
);

describe('the address of the Events page', () => {
  it('says everything that is shown: parsing what was formatted gives the same query', () => {
    const anyQuery = fc.tuple(
      anyFilter,
      anyRange,
      fc.boolean(),
      fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined }),
    );
    fc.assert(
      fc.property(anyQuery, ([filter, range, isLive, selected]) => {
        const query = { filter, range, isLive, ...(selected !== undefined && { selected }) };
        expect(parseEventsQuery(`?${formatEventsQuery(query)}`, nowMs)).toEqual(query);
      }),
    );
  });

  it('is read without an error whatever stands in it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (search) => void parseEventsQuery(search, nowMs)));
  });

  it('is bare for the default view', () => {
    expect(toEventsHref({ filter: [] })).toBe('/events');
  });

  it('opens links that use the names of the compatible API and of older pages', () => {
    const { filter } = parseEventsQuery('?host=web-3&containerName=/db&result=refused&q=psql', nowMs);
    expect(filter).toEqual([
      toTerm('hostname', 'web-3'),
      toTerm('container', '/db'),
      toTerm('allow', 'false'),
      toTerm('text', 'psql'),
    ]);
  });

  it('passes over parameters that make no sense', () => {
    const query = parseEventsQuery('?from=tomorrow&last=-3h&user=&nonsense=1&not.text=x', nowMs);
    expect(query).toEqual({ filter: [], range: { kind: 'last', minutes: 1440 }, isLive: true });
  });

  it('keeps a range whose end is missing, up to now', () => {
    const { range } = parseEventsQuery('?from=2026-11-23T14:00:00Z', nowMs);
    expect(range).toEqual({ kind: 'between', fromMs: nowMs - 3_600_000, toMs: nowMs });
  });
});

describe('the parameters of the API', () => {
  it('give alternatives as repeated keys and exclusions with not.', () => {
    const filter = [toTerm('user', 'alice'), toTerm('user', 'bob'), toTerm('hostname', 'ci-1', true)];
    expect(toApiParams({ filter, range: { kind: 'all' } }, nowMs).toString()).toBe(
      'user=alice&user=bob&not.hostname=ci-1&not.type=console',
    );
  });

  it('leave the end open while the range still grows', () => {
    const params = toApiParams({ filter: [], range: { kind: 'last', minutes: 60 } }, nowMs);
    expect(Object.fromEntries(params)).toEqual({ from: '2026-11-23T14:00:00.000Z', 'not.type': 'console' });
  });

  it('leave out the Console’s own records until kinds are asked for', () => {
    const params = toApiParams({ filter: [toTerm('type', 'console')], range: { kind: 'all' } }, nowMs);
    expect(params.toString()).toBe('type=console');
  });
});
