// Everything that the Events page shows, as its URL says it: filter, range, selected event, live or not.
// parseEventsQuery(formatEventsQuery(q)) equals q; anything unreadable in a link is passed over, never an error.
import { appendFilter, type EventFilter, parseFilter } from './event-filter.ts';
import { appendRange, parseRange, type TimeRange, toBounds } from './time-range.ts';

/** The state of the Events page. */
export interface EventsQuery {
  readonly filter: EventFilter;
  readonly range: TimeRange;
  /** Id of the event whose detail is open. */
  readonly selected?: string;
  /** False when the reader paused the live tail. Defaults to true. */
  readonly isLive: boolean;
}

/** The query string without `?`, empty for the default view. */
export function formatEventsQuery(query: EventsQuery): string {
  const params = new URLSearchParams();
  appendFilter(params, query.filter);
  appendRange(params, query.range);
  if (!query.isLive) params.set('live', 'off');
  if (query.selected !== undefined) params.set('event', query.selected);
  return params.toString();
}

/** Reads a query string (with or without `?`). `nowMs` completes half-open ranges. */
export function parseEventsQuery(search: string, nowMs: number): EventsQuery {
  const params = new URLSearchParams(search);
  const selected = params.get('event');
  return {
    filter: parseFilter(params),
    range: parseRange(params, nowMs),
    isLive: params.get('live') !== 'off',
    ...(selected !== null && selected !== '' && { selected }),
  };
}

/** The page's address for the query. */
export function toEventsHref(query: Partial<EventsQuery> & Pick<EventsQuery, 'filter'>, nowMs = 0): string {
  const search = formatEventsQuery({ range: parseRange(new URLSearchParams(), nowMs), isLive: true, ...query });
  return search === '' ? '/events' : `/events?${search}`;
}

/**
 * The filter and range as the API takes them. The Console's own records (sign-ins, reads, changes of settings) stay out unless
 * the filter speaks of kinds: the page answers who did what to the hosts.
 */
export function toApiParams(query: Pick<EventsQuery, 'filter' | 'range'>, nowMs: number): URLSearchParams {
  const params = new URLSearchParams();
  const { fromMs, toMs } = toBounds(query.range, nowMs);
  if (fromMs !== undefined) params.set('from', new Date(fromMs).toISOString());
  if (toMs !== undefined) params.set('to', new Date(toMs).toISOString());
  appendFilter(params, query.filter);
  if (!query.filter.some(({ field }) => field === 'type')) params.append('not.type', 'console');
  return params;
}

/** Everything of the hosts, of all time. */
export function toWholeParams(): URLSearchParams {
  return toApiParams({ filter: [], range: { kind: 'all' } }, 0);
}
