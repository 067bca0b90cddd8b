// The port of the event store: the index of the ledger that answers queries. The ledger is the truth; this can be cleared and refilled.
// Adapters under storage/ keep every promise below; storage/contract-suites/access-event-store.ts holds them to it.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventColumn } from './access-event-columns.ts';
import type { AccessEventFilter } from './access-event-filter.ts';

/** A stretch of the ledger, half-open: positions `from` (inclusive) to `to` (exclusive). */
export interface AccessEventRange {
  readonly from: number;
  readonly to: number;
  /** The stretch's events, in any order. Positions whose payload is gone (erased, expired) have none. */
  readonly events: readonly StoredAccessEvent[];
}

/** What a list can be sorted by: a text column, or one of the others. `allow` sorts refused before allowed. */
export type AccessEventSortKey =
  | AccessEventColumn
  | 'time'
  | 'receivedAt'
  | 'ledgerIndex'
  | 'count'
  | 'allow'
  | 'msg'
  | 'collections'
  | 'labels';

/** A total order. Ties are broken by newest first (time, then ledger position, then id); under `time` they follow the direction. */
export interface AccessEventSort {
  readonly by: AccessEventSortKey;
  readonly direction: 'ascending' | 'descending';
}

/** The order when none is asked for. */
export const newestFirst: AccessEventSort = { by: 'time', direction: 'descending' };

/** Which stretch of the sorted matches. */
export interface AccessEventPageRequest {
  /** Defaults to {@link newestFirst}. */
  readonly sort?: AccessEventSort;
  /** How many matches to pass over. Defaults to 0. */
  readonly offset?: number;
  /** At most this many events; an integer from 1 to 10,000. */
  readonly limit: number;
}

/** A place in the order of time: the place of one event. */
export interface AccessEventPosition {
  readonly timeMs: number;
  readonly ledgerIndex: number;
  readonly id: string;
}

/** A page that goes on after a position instead of an offset: it neither skips nor repeats while events arrive. */
export interface AccessEventKeysetRequest {
  /** The events strictly after this position. Defaults to the beginning. */
  readonly after?: AccessEventPosition;
  /** Defaults to `descending`: newest first. */
  readonly direction?: 'ascending' | 'descending';
  /** At most this many events; an integer from 1 to 10,000. */
  readonly limit: number;
}

/** Events in order, and where to go on: absent when there is nothing further at the moment. */
export interface AccessEventKeysetPage {
  readonly events: readonly StoredAccessEvent[];
  readonly next?: AccessEventPosition;
}

/** One value of a column. `rows` counts list rows, `events` counts calls (merged rows count each call they stand for). */
export interface FacetValue {
  readonly value: string;
  readonly rows: number;
  readonly events: number;
}

/** The most frequent values by column: most rows first, ties by value. */
export type Facets = { readonly [column in AccessEventColumn]?: readonly FacetValue[] };

/** The stretch of time to draw. Both ends in milliseconds since 1970; `toMs` inclusive and not before `fromMs`. */
export interface HistogramRequest {
  readonly fromMs: number;
  readonly toMs: number;
  /** How many bars, 1 to 1,000. */
  readonly buckets: number;
}

/** One bar: `startMs` inclusive, `endMs` exclusive. Allowed and refused count calls, not rows. */
export interface HistogramBucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly allowed: number;
  readonly denied: number;
}

/** Calls by type and verdict; `rows` counts list rows. */
export interface AccessEventSum {
  readonly type: string;
  readonly allow: boolean;
  readonly rows: number;
  readonly events: number;
}

/** The same per day of the event's time, UTC, `YYYY-MM-DD`. */
export interface AccessEventDailySum extends AccessEventSum {
  readonly day: string;
}

/** What to erase: one event, all of a type (only those of a time before `beforeMs`, at a ledger position before `beforeIndex`), or all. */
export type AccessEventErasure =
  | { readonly id: string }
  | { readonly type: string; readonly beforeMs?: number; readonly beforeIndex?: number }
  | 'all';

/** Where the store and the ledger do not say the same. `fields` names what differs in a changed row. */
export interface StoreDifference {
  /** `missing`: the ledger has the event, the store does not. `added`: the other way round. `changed`: both have it, not alike. */
  readonly kind: 'missing' | 'changed' | 'added';
  readonly ledgerIndex: number;
  readonly id: string;
  readonly fields?: readonly string[];
}

/** Settings of one read. */
export interface ReadOptions {
  /** Ends the read, in the engine too; the read then fails with code `timeout`. */
  readonly signal?: AbortSignal;
}

/**
 * Reads and writes fail with `store_unavailable` while the engine is away (a write may then have happened or not: retry the same range),
 * `disk_full` when it cannot write, `timeout` when a read took too long, `too_large` when a read needs more memory than it may have.
 */
export interface AccessEventStore {
  /**
   * Stores the events of one stretch of the ledger and moves {@link indexedTo} to `to`. Each ledger position is stored once, however
   * often and with whatever cut the stretch is retried, also after a crash in the middle. Resolves when durable. One writer at a time.
   * Until a failed stretch is retried, readers may see a part of it.
   * Outcome events do not become rows: they are attached to their event when it is read.
   * Fails with `conflict` (details.indexedTo) when `from` lies beyond {@link indexedTo}, `bad_record` when an event lies outside the stretch.
   */
  appendRange(range: AccessEventRange): Promise<{ readonly stored: number }>;
  /** The ledger position up to which (exclusive) everything is stored. 0 for an empty store. Where an indexer goes on. */
  indexedTo(): Promise<number>;

  /** One page by offset. Past the end: empty. */
  page(
    filter: AccessEventFilter,
    request: AccessEventPageRequest,
    options?: ReadOptions,
  ): Promise<readonly StoredAccessEvent[]>;
  /** One page by position, in order of time. */
  pageAfter(
    filter: AccessEventFilter,
    request: AccessEventKeysetRequest,
    options?: ReadOptions,
  ): Promise<AccessEventKeysetPage>;
  /** How many rows match. */
  count(filter: AccessEventFilter, options?: ReadOptions): Promise<number>;
  /** The event of this id when it passes the filter (whose scope is the reader's). */
  byId(id: string, filter: AccessEventFilter, options?: ReadOptions): Promise<StoredAccessEvent | undefined>;
  /** The most frequent values of each column, at most `limit` (1 to 1,000) a column. */
  facets(
    filter: AccessEventFilter,
    columns: readonly AccessEventColumn[],
    limit: number,
    options?: ReadOptions,
  ): Promise<Facets>;
  /** All buckets, empty ones too, in order of time. Buckets have equal width, the last one may be narrower. */
  histogram(
    filter: AccessEventFilter,
    request: HistogramRequest,
    options?: ReadOptions,
  ): Promise<readonly HistogramBucket[]>;
  /** The values of a column among the matches, sorted, without the empty one, at most `limit`. */
  distinct(
    column: AccessEventColumn,
    filter: AccessEventFilter,
    limit: number,
    options?: ReadOptions,
  ): Promise<readonly string[]>;
  /** Calls by type and verdict, sorted by type, refused first. */
  sums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventSum[]>;
  /** Calls by day, type and verdict, sorted by day, type, refused first. */
  dailySums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventDailySum[]>;
  /** All matches in order, at constant memory, as of the moment of the first read. Stop reading to end it. */
  stream(filter: AccessEventFilter, sort?: AccessEventSort, options?: ReadOptions): AsyncIterable<StoredAccessEvent>;

  /**
   * Says where the store's rows of a stretch are not those that {@link appendRange} makes of its events, in order of position. Empty when they
   * agree. The stretch must lie below {@link indexedTo}, or hold no events: then every row in it is `added`. Outcomes of events
   * that the store does not hold are not looked at.
   */
  compareRange(range: AccessEventRange, options?: ReadOptions): Promise<readonly StoreDifference[]>;

  /**
   * Makes the rows of a stretch below {@link indexedTo} those of its events, whatever they were; beyond it, with no events, removes them.
   * Other stretches are read undisturbed meanwhile. Safe to repeat after a crash. Resolves when durable.
   */
  replaceRange(range: AccessEventRange): Promise<void>;

  /** Removes events for good, their outcomes too: no read shows them once it resolves, and their bytes leave the disk within minutes. {@link indexedTo} stays. Resolves to how many rows went. */
  erase(erasure: AccessEventErasure): Promise<{ readonly erased: number }>;
  /** Retention: drops whole days that ended before this instant (milliseconds since 1970). Works on a full disk. */
  dropDaysBefore(ms: number): Promise<void>;
  /** Empties the store, {@link indexedTo} becomes 0: the beginning of a rebuild from the ledger. */
  clear(): Promise<void>;
  /** Releases what the store holds. Does not stop an engine that it did not start. */
  close(): Promise<void>;
}
