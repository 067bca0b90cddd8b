// The query of the Events page as signals over the address bar, and the ways to change it.
import { computed } from '@preact/signals';
import { type EventFilter, type FilterTerm, hasTerm, withoutTerm, withTerm } from '../../lib/event-filter.ts';
import { type EventsQuery, formatEventsQuery, parseEventsQuery } from '../../lib/events-query.ts';
import type { TimeRange } from '../../lib/time-range.ts';
import { navigate, place } from '../../state/location.ts';

/** The query in the address bar. Half-open ranges are completed with the time of reading. */
export const query = computed<EventsQuery>(() => parseEventsQuery(place.value.search, Date.now()));

/** Address of this page with some of the query changed. */
export function hrefWith(change: Partial<EventsQuery>): string {
  const search = formatEventsQuery({ ...query.value, ...change });
  return search === '' ? '/events' : `/events?${search}`;
}

/** Address without a selected event. */
export function hrefWithoutSelection(change: Partial<EventsQuery> = {}): string {
  const { selected: _, ...rest } = { ...query.value, ...change };
  const search = formatEventsQuery(rest);
  return search === '' ? '/events' : `/events?${search}`;
}

/** Address that asks for the term as well. */
export function hrefWithTerm(term: FilterTerm): string {
  return hrefWith({ filter: withTerm(query.value.filter, term) });
}

/** Address with the term switched: added when absent, dropped when there. */
export function hrefToggling(term: FilterTerm): string {
  const { filter } = query.value;
  return hrefWith({ filter: hasTerm(filter, term) ? withoutTerm(filter, term) : withTerm(filter, term) });
}

/** Goes to the query with another filter. */
export function setFilter(filter: EventFilter): void {
  navigate(hrefWith({ filter }));
}

/** Goes to the query with another range. */
export function setRange(range: TimeRange): void {
  navigate(hrefWith({ range }));
}

/** Opens the detail of an event; moving from one to the next does not fill the history. */
export function select(id: string): void {
  navigate(hrefWith({ selected: id }), query.value.selected === undefined ? 'push' : 'replace');
}

/** Closes the detail. */
export function deselect(): void {
  navigate(hrefWithoutSelection());
}
