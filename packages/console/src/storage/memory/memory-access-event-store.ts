// The event store in memory: product-grade semantics without an engine, for tests and as the plain reading of the port.
// Every read is a filter, a sort and a slice over one array, so what it answers is right by inspection.
import { AppError, type StoredAccessEvent } from '@dockledger/contract';
import {
  type AccessEventColumn,
  collectionsOf,
  columnValue,
  compareText,
  labelsText,
  messageOf,
  partitionDayOf,
  timeMsOf,
} from '../../access-events/access-event-columns.ts';
import { type AccessEventFilter, matchesFilter } from '../../access-events/access-event-filter.ts';
import {
  bucketWidthMs,
  checkLimit,
  checkRange,
  toBuckets,
  withOutcome,
} from '../../access-events/access-event-reading.ts';
import {
  type AccessEventDailySum,
  type AccessEventErasure,
  type AccessEventKeysetPage,
  type AccessEventKeysetRequest,
  type AccessEventPageRequest,
  type AccessEventRange,
  type AccessEventSort,
  type AccessEventStore,
  type AccessEventSum,
  type Facets,
  type FacetValue,
  type HistogramBucket,
  type HistogramRequest,
  newestFirst,
  type ReadOptions,
  type StoreDifference,
} from '../../access-events/access-event-store.ts';

const dayMs = 86_400_000;

/** An {@link AccessEventStore} that forgets everything when it is closed. */
export class MemoryAccessEventStore implements AccessEventStore {
  #rows = new Map<number, StoredAccessEvent>();
  #outcomes = new Map<string, StoredAccessEvent>();
  #indexedTo = 0;

  async appendRange(range: AccessEventRange): Promise<{ readonly stored: number }> {
    checkRange(range, this.#indexedTo);
    let stored = 0;
    for (const event of range.events) {
      if (event.ledgerIndex < this.#indexedTo) continue;
      if (event.type === 'outcome') this.#addOutcome(event);
      else {
        // A copy, so that a caller who goes on with its objects does not change the record.
        this.#rows.set(event.ledgerIndex, structuredClone(event));
        stored += 1;
      }
    }
    this.#indexedTo = Math.max(this.#indexedTo, range.to);
    return { stored };
  }

  async indexedTo(): Promise<number> {
    return this.#indexedTo;
  }

  async page(
    filter: AccessEventFilter,
    request: AccessEventPageRequest,
    options?: ReadOptions,
  ): Promise<readonly StoredAccessEvent[]> {
    const offset = request.offset ?? 0;
    return this.#sorted(filter, request.sort ?? newestFirst, options)
      .slice(offset, offset + checkLimit(request.limit, 10_000))
      .map((event) => this.#read(event));
  }

  async pageAfter(
    filter: AccessEventFilter,
    request: AccessEventKeysetRequest,
    options?: ReadOptions,
  ): Promise<AccessEventKeysetPage> {
    const direction = request.direction ?? 'descending';
    const limit = checkLimit(request.limit, 10_000);
    const { after } = request;
    const sign = direction === 'ascending' ? 1 : -1;
    const rest = this.#sorted(filter, { by: 'time', direction }, options).filter(
      (event) =>
        after === undefined ||
        sign *
          (timeMsOf(event) - after.timeMs || event.ledgerIndex - after.ledgerIndex || compareText(event.id, after.id)) >
          0,
    );
    const events = rest.slice(0, limit).map((event) => this.#read(event));
    const last = events.at(-1);
    if (last === undefined || rest.length <= limit) return { events };
    return { events, next: { timeMs: timeMsOf(last), ledgerIndex: last.ledgerIndex, id: last.id } };
  }

  async count(filter: AccessEventFilter, options?: ReadOptions): Promise<number> {
    return this.#matching(filter, options).length;
  }

  async byId(id: string, filter: AccessEventFilter, options?: ReadOptions): Promise<StoredAccessEvent | undefined> {
    const found = this.#matching(filter, options).find((event) => event.id === id);
    return found && this.#read(found);
  }

  async facets(
    filter: AccessEventFilter,
    columns: readonly AccessEventColumn[],
    limit: number,
    options?: ReadOptions,
  ): Promise<Facets> {
    const matches = this.#matching(filter, options);
    const most = checkLimit(limit, 1000);
    return Object.fromEntries(
      columns.map((column) => [column, countValues(matches, (event) => columnValue(event, column)).slice(0, most)]),
    );
  }

  async histogram(
    filter: AccessEventFilter,
    request: HistogramRequest,
    options?: ReadOptions,
  ): Promise<readonly HistogramBucket[]> {
    const width = bucketWidthMs(request);
    const sums = new Map<number, { allowed: number; denied: number }>();
    for (const event of this.#matching(filter, options)) {
      const timeMs = timeMsOf(event);
      if (timeMs < request.fromMs || timeMs > request.toMs) continue;
      const index = Math.floor((timeMs - request.fromMs) / width);
      const sum = sums.get(index) ?? { allowed: 0, denied: 0 };
      sum[event.decision.effect === 'allow' ? 'allowed' : 'denied'] += event.count;
      sums.set(index, sum);
    }
    return toBuckets(request, sums);
  }

  async distinct(
    column: AccessEventColumn,
    filter: AccessEventFilter,
    limit: number,
    options?: ReadOptions,
  ): Promise<readonly string[]> {
    const values = new Set(this.#matching(filter, options).map((event) => columnValue(event, column)));
    values.delete('');
    return [...values].sort(compareText).slice(0, checkLimit(limit, 10_000));
  }

  async sums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventSum[]> {
    const sums = sumBy(this.#matching(filter, options), () => '');
    return sums.map(({ type, allow, rows, events }) => ({ type, allow, rows, events }));
  }

  async dailySums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventDailySum[]> {
    return sumBy(this.#matching(filter, options), (event) => event.time.slice(0, 10));
  }

  async *stream(
    filter: AccessEventFilter,
    sort?: AccessEventSort,
    options?: ReadOptions,
  ): AsyncIterable<StoredAccessEvent> {
    for (const event of this.#sorted(filter, sort ?? newestFirst, options)) yield this.#read(event);
  }

  async compareRange(range: AccessEventRange): Promise<readonly StoreDifference[]> {
    const isInside = ({ ledgerIndex }: StoredAccessEvent) => ledgerIndex >= range.from && ledgerIndex < range.to;
    const held = new Set([...this.#rows.values()].map(({ id }) => id));
    const isOfHeld = ({ ofEvent }: StoredAccessEvent) => ofEvent !== undefined && held.has(ofEvent);
    const stored = new Map(
      [...this.#rows.values(), ...[...this.#outcomes.values()].filter(isOfHeld)]
        .filter(isInside)
        .map((event) => [event.ledgerIndex, event]),
    );
    const differences: StoreDifference[] = [];
    for (const event of range.events) {
      const { ledgerIndex, id } = event;
      const row = stored.get(ledgerIndex);
      stored.delete(ledgerIndex);
      const newest = event.ofEvent === undefined ? undefined : this.#outcomes.get(event.ofEvent);
      const isSuperseded = newest !== undefined && newest.ledgerIndex > ledgerIndex;
      if (row !== undefined) {
        if (JSON.stringify(row) !== JSON.stringify(event))
          differences.push({ kind: 'changed', ledgerIndex, id, fields: ['body'] });
      } else if (event.type !== 'outcome' || (isOfHeld(event) && !isSuperseded)) {
        differences.push({ kind: 'missing', ledgerIndex, id });
      }
    }
    for (const { ledgerIndex, id } of stored.values()) differences.push({ kind: 'added', ledgerIndex, id });
    return differences.toSorted((a, b) => a.ledgerIndex - b.ledgerIndex);
  }

  async replaceRange(range: AccessEventRange): Promise<void> {
    for (const index of this.#rows.keys()) if (index >= range.from && index < range.to) this.#rows.delete(index);
    for (const event of range.events) {
      if (event.type === 'outcome') this.#addOutcome(event);
      else this.#rows.set(event.ledgerIndex, structuredClone(event));
    }
  }

  async erase(erasure: AccessEventErasure): Promise<{ readonly erased: number }> {
    const isErased = (event: StoredAccessEvent): boolean => {
      if (erasure === 'all') return true;
      if ('id' in erasure) return event.id === erasure.id;
      const { type, beforeMs = Number.POSITIVE_INFINITY, beforeIndex = Number.POSITIVE_INFINITY } = erasure;
      return event.type === type && timeMsOf(event) < beforeMs && event.ledgerIndex < beforeIndex;
    };
    const gone = [...this.#rows.values()].filter(isErased);
    this.#drop(gone);
    return { erased: gone.length };
  }

  async dropDaysBefore(ms: number): Promise<void> {
    const firstKept = Math.floor(ms / dayMs);
    this.#drop([...this.#rows.values()].filter((event) => partitionDayOf(event) < firstKept));
  }

  async clear(): Promise<void> {
    this.#rows.clear();
    this.#outcomes.clear();
    this.#indexedTo = 0;
  }

  async close(): Promise<void> {
    await this.clear();
  }

  #addOutcome(event: StoredAccessEvent): void {
    if (event.ofEvent === undefined) return;
    const known = this.#outcomes.get(event.ofEvent);
    if (known === undefined || known.ledgerIndex < event.ledgerIndex)
      this.#outcomes.set(event.ofEvent, structuredClone(event));
  }

  #drop(events: readonly StoredAccessEvent[]): void {
    for (const event of events) {
      this.#rows.delete(event.ledgerIndex);
      this.#outcomes.delete(event.id);
    }
  }

  #read(event: StoredAccessEvent): StoredAccessEvent {
    return structuredClone(withOutcome(event, this.#outcomes.get(event.id)?.outcome));
  }

  #matching(filter: AccessEventFilter, options: ReadOptions | undefined): StoredAccessEvent[] {
    if (options?.signal?.aborted === true) throw new AppError('timeout', 'The search was given up.');
    return [...this.#rows.values()].filter((event) => matchesFilter(event, filter));
  }

  #sorted(filter: AccessEventFilter, sort: AccessEventSort, options: ReadOptions | undefined): StoredAccessEvent[] {
    return this.#matching(filter, options).sort((a, b) => compareEvents(a, b, sort));
  }
}

// The total order of the port.
function compareEvents(a: StoredAccessEvent, b: StoredAccessEvent, sort: AccessEventSort): number {
  const sign = sort.direction === 'ascending' ? 1 : -1;
  const byTime = timeMsOf(a) - timeMsOf(b) || a.ledgerIndex - b.ledgerIndex || compareText(a.id, b.id);
  return sign * compareBy(a, b, sort) || (sort.by === 'time' ? sign : -1) * byTime;
}

function compareBy(a: StoredAccessEvent, b: StoredAccessEvent, { by }: AccessEventSort): number {
  switch (by) {
    case 'time':
      return 0;
    case 'receivedAt':
      return Date.parse(a.receivedAt) - Date.parse(b.receivedAt);
    case 'ledgerIndex':
      return a.ledgerIndex - b.ledgerIndex;
    case 'count':
      return a.count - b.count;
    case 'allow':
      return Number(a.decision.effect === 'allow') - Number(b.decision.effect === 'allow');
    case 'msg':
      return compareText(messageOf(a), messageOf(b));
    case 'labels':
      return compareText(labelsText(a), labelsText(b));
    case 'collections':
      return compareText(collectionsOf(a).join(','), collectionsOf(b).join(','));
    default:
      return compareText(columnValue(a, by), columnValue(b, by));
  }
}

function countValues(
  events: readonly StoredAccessEvent[],
  valueOf: (event: StoredAccessEvent) => string,
): FacetValue[] {
  const counts = new Map<string, { value: string; rows: number; events: number }>();
  for (const event of events) {
    const value = valueOf(event);
    const count = counts.get(value) ?? { value, rows: 0, events: 0 };
    count.rows += 1;
    count.events += event.count;
    counts.set(value, count);
  }
  return [...counts.values()].sort((a, b) => b.rows - a.rows || compareText(a.value, b.value));
}

function sumBy(
  events: readonly StoredAccessEvent[],
  dayOf: (event: StoredAccessEvent) => string,
): AccessEventDailySum[] {
  const sums = new Map<string, { day: string; type: string; allow: boolean; rows: number; events: number }>();
  for (const event of events) {
    const day = dayOf(event);
    const allow = event.decision.effect === 'allow';
    const key = `${day}|${event.type}|${allow}`;
    const sum = sums.get(key) ?? { day, type: event.type, allow, rows: 0, events: 0 };
    sum.rows += 1;
    sum.events += event.count;
    sums.set(key, sum);
  }
  return [...sums.values()].sort(
    (a, b) => compareText(a.day, b.day) || compareText(a.type, b.type) || Number(a.allow) - Number(b.allow),
  );
}
