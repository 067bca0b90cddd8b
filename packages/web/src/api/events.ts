// The calls of the Events page. Parameters are those of lib/events-query.ts; all lists are newest first.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { FilterField } from '../lib/event-filter.ts';
import type { EventEvidence } from '../lib/event-proof.ts';
import type { HistogramBucket } from '../lib/histogram-shape.ts';
import { call } from './client.ts';

/** Where events are asked for. */
export const eventsPath = '/api/dockledger/v1/events';

/** One page of events, and the cursor for the next older page while there is one. */
export interface EventsPage {
  readonly events: readonly StoredAccessEvent[];
  readonly nextCursor?: string;
}

/** How many: `rows` as listed, `total` calls they stand for. */
export interface EventsCount {
  readonly rows: number;
  readonly total: number;
}

/** One value of a facet with the number of calls that have it. */
export interface FacetValue {
  readonly value: string;
  readonly count: number;
}

/** Values by field, most frequent first. */
export type Facets = Readonly<Partial<Record<FilterField, readonly FacetValue[]>>>;

function withParams(path: string, params: URLSearchParams, more: Readonly<Record<string, string>> = {}): string {
  const all = new URLSearchParams(params);
  for (const [name, value] of Object.entries(more)) all.set(name, value);
  const search = all.toString();
  return search === '' ? path : `${path}?${search}`;
}

/** One page of at most `limit` events; `cursor` from the page before it. */
export function loadEvents(
  params: URLSearchParams,
  options: { readonly limit: number; readonly cursor?: string; readonly signal?: AbortSignal },
): Promise<EventsPage> {
  const more = { limit: String(options.limit), ...(options.cursor !== undefined && { cursor: options.cursor }) };
  return call(withParams(eventsPath, params, more), options.signal === undefined ? {} : { signal: options.signal });
}

/** The number of all matches. */
export function loadCount(params: URLSearchParams, signal?: AbortSignal): Promise<EventsCount> {
  return call(withParams(`${eventsPath}/count`, params), signal === undefined ? {} : { signal });
}

type WireFacets = Partial<Record<FilterField, readonly { value: string; count?: number; events?: number }[]>>;

/** The at most `limit` most frequent values of the fields among all matches. */
export async function loadFacets(
  params: URLSearchParams,
  columns: readonly FilterField[],
  signal?: AbortSignal,
  limit = 20,
): Promise<Facets> {
  const path = withParams(`${eventsPath}/facets`, params, { columns: columns.join(','), limit: String(limit) });
  const { facets } = await call<{ facets: WireFacets }>(path, signal === undefined ? {} : { signal });
  const known: Partial<Record<FilterField, readonly FacetValue[]>> = {};
  for (const column of columns) {
    known[column] = (facets[column] ?? [])
      .map(({ value, count, events }) => ({ value, count: count ?? events ?? 0 }))
      .toSorted((a, b) => b.count - a.count);
  }
  return known;
}

type WireBucket = Partial<HistogramBucket> & { startMs?: number; endMs?: number };

function toInstantText(text: string | undefined, ms: number | undefined): string {
  return text ?? new Date(ms ?? 0).toISOString();
}

/** Counts over time in about `buckets` columns. */
export async function loadHistogram(
  params: URLSearchParams,
  buckets: number,
  signal?: AbortSignal,
): Promise<readonly HistogramBucket[]> {
  const path = withParams(`${eventsPath}/histogram`, params, { buckets: String(buckets) });
  const answer = await call<{ buckets: readonly WireBucket[] }>(path, signal === undefined ? {} : { signal });
  return answer.buckets.map((bucket) => ({
    start: toInstantText(bucket.start, bucket.startMs),
    end: toInstantText(bucket.end, bucket.endMs),
    allowed: bucket.allowed ?? 0,
    denied: bucket.denied ?? 0,
    gaps: bucket.gaps ?? 0,
  }));
}

/** One event by its id. */
export function loadEvent(id: string, signal?: AbortSignal): Promise<StoredAccessEvent> {
  return call(`${eventsPath}/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal });
}

/** The exact bytes that the ledger holds of an event. Throws `not-found` when they were erased or have expired. */
export function loadEvidence(id: string, signal?: AbortSignal): Promise<EventEvidence> {
  const path = `${eventsPath}/${encodeURIComponent(id)}/evidence`;
  return call(path, signal === undefined ? {} : { signal });
}
