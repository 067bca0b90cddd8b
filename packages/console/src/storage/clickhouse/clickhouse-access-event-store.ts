// The event store on ClickHouse, embedded or by URL: the same SQL for both. Rows hold the whole event as JSON beside the columns
// that are filtered and sorted by; reads find keys first and fetch the wide rows for those keys only.
import type { ClickHouseClient } from '@clickhouse/client';
import type { EventOutcome, StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventColumn } from '../../access-events/access-event-columns.ts';
import type { AccessEventFilter } from '../../access-events/access-event-filter.ts';
import {
  awaitsOutcome,
  bucketWidthMs,
  checkLimit,
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
} from '../../access-events/access-event-store.ts';
import { findKeys, type RowKey } from './access-event-keys.ts';
import { daysPerOutcomePartition, schemaStatements, tables } from './access-event-schema.ts';
import { toCondition, toOrderBy, toSqlInteger } from './access-event-sql.ts';
import { AccessEventWriter } from './access-event-writer.ts';
import { type ClickHouseConnection, createClickHouseClient } from './clickhouse-connection.ts';
import { ClickHouseReader, type ClickHouseReaderOptions } from './clickhouse-reader.ts';

const dayMs = 86_400_000;
const largestPage = 10_000;
// Keys stand in the text of the query, whose size the engine bounds.
const keysPerQuery = 2000;

/** Opens the store, making its tables where they are missing. Throws `store_unavailable` when ClickHouse does not answer. */
export async function openClickHouseAccessEventStore(
  connection: ClickHouseConnection,
  options: ClickHouseReaderOptions = {},
): Promise<AccessEventStore> {
  const client = createClickHouseClient(connection);
  const store = new ClickHouseAccessEventStore(client, options);
  try {
    await store.makeTables();
  } catch (error) {
    await client.close();
    throw error;
  }
  return store;
}

class ClickHouseAccessEventStore implements AccessEventStore {
  readonly #client: ClickHouseClient;
  readonly #reader: ClickHouseReader;
  readonly #writer: AccessEventWriter;

  constructor(client: ClickHouseClient, options: ClickHouseReaderOptions) {
    this.#client = client;
    this.#reader = new ClickHouseReader(client, options);
    this.#writer = new AccessEventWriter(client, this.#reader);
  }

  async makeTables(): Promise<void> {
    for (const statement of schemaStatements()) await this.#reader.command(statement);
  }

  appendRange(range: AccessEventRange): Promise<{ readonly stored: number }> {
    return this.#writer.appendRange(range);
  }

  indexedTo(): Promise<number> {
    return this.#writer.indexedTo();
  }

  async page(
    filter: AccessEventFilter,
    request: AccessEventPageRequest,
    options?: ReadOptions,
  ): Promise<readonly StoredAccessEvent[]> {
    const { sort = newestFirst, offset = 0 } = request;
    const limit = checkLimit(request.limit, largestPage);
    return this.#load(await findKeys(this.#reader, filter, { sort, offset, limit }, options), options);
  }

  async pageAfter(
    filter: AccessEventFilter,
    request: AccessEventKeysetRequest,
    options?: ReadOptions,
  ): Promise<AccessEventKeysetPage> {
    const { after, direction = 'descending' } = request;
    const limit = checkLimit(request.limit, largestPage);
    const bounded = after === undefined ? filter : boundedBy(filter, after.timeMs, direction);
    const keys = await findKeys(
      this.#reader,
      after === undefined ? bounded : { ...bounded, after: { position: after, direction } },
      // One more than asked for tells whether there is anything further.
      { sort: { by: 'time', direction }, offset: 0, limit: limit + 1 },
      options,
    );
    const events = await this.#load(keys.slice(0, limit), options);
    const last = keys[limit - 1];
    return last === undefined || keys.length <= limit ? { events } : { events, next: last };
  }

  async count(filter: AccessEventFilter, options?: ReadOptions): Promise<number> {
    const { where, params } = toCondition(filter);
    const query = `SELECT count() AS size FROM ${tables.events} WHERE ${where}`;
    const rows = await this.#reader.rows<{ size: number }>(query, params, options);
    return rows[0]?.size ?? 0;
  }

  async byId(id: string, filter: AccessEventFilter, options?: ReadOptions): Promise<StoredAccessEvent | undefined> {
    const { where, params } = toCondition(filter);
    const rows = await this.#reader.rows<{ body: string }>(
      `SELECT body FROM ${tables.events} WHERE id = {id:String} AND ${where} LIMIT 1`,
      { ...params, id: id.toWellFormed() },
      options,
    );
    const [event] = await this.#withOutcomes(rows.map(toEvent), options);
    return event;
  }

  async facets(
    filter: AccessEventFilter,
    columns: readonly AccessEventColumn[],
    limit: number,
    options?: ReadOptions,
  ): Promise<Facets> {
    const { where, params } = toCondition(filter);
    const most = checkLimit(limit, 1000);
    // One query a column: together (UNION ALL, GROUPING SETS) they measured slower.
    const facets = await Promise.all(
      columns.map(async (column) => {
        const rows = await this.#reader.rows<FacetValue>(
          `SELECT ${column} AS value, count() AS rows, sum(calls) AS events FROM ${tables.events} WHERE ${where}
           GROUP BY value ORDER BY rows DESC, value ASC LIMIT ${most}`,
          params,
          options,
        );
        return [column, rows.map((row) => ({ value: row.value, rows: row.rows, events: row.events }))] as const;
      }),
    );
    return Object.fromEntries(facets);
  }

  async histogram(
    filter: AccessEventFilter,
    request: HistogramRequest,
    options?: ReadOptions,
  ): Promise<readonly HistogramBucket[]> {
    const width = bucketWidthMs(request);
    const fromMs = Math.max(request.fromMs, filter.fromMs ?? request.fromMs);
    const toMs = Math.min(request.toMs, filter.toMs ?? request.toMs);
    const { where, params } = toCondition({ ...filter, fromMs, toMs });
    const rows = await this.#reader.rows<{ bar: number; allowed: number; denied: number }>(
      `SELECT intDiv(timeMs - ${toSqlInteger(request.fromMs)}, ${width}) AS bar, sumIf(calls, allow) AS allowed, sumIf(calls, NOT allow) AS denied
       FROM ${tables.events} WHERE ${where} GROUP BY bar`,
      params,
      options,
    );
    const sums = rows.map((row) => [row.bar, { allowed: row.allowed, denied: row.denied }] as const);
    return toBuckets(request, new Map(sums));
  }

  async distinct(
    column: AccessEventColumn,
    filter: AccessEventFilter,
    limit: number,
    options?: ReadOptions,
  ): Promise<readonly string[]> {
    const { where, params } = toCondition(filter);
    const rows = await this.#reader.rows<{ value: string }>(
      `SELECT DISTINCT ${column} AS value FROM ${tables.events} WHERE ${where} AND ${column} != ''
       ORDER BY value ASC LIMIT ${checkLimit(limit, largestPage)}`,
      params,
      options,
    );
    return rows.map((row) => row.value);
  }

  async sums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventSum[]> {
    const sums = await this.#sumBy("''", filter, options);
    return sums.map(({ type, allow, rows, events }) => ({ type, allow, rows, events }));
  }

  dailySums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventDailySum[]> {
    return this.#sumBy(`toInt32(floor(timeMs / ${dayMs}))`, filter, options);
  }

  async *stream(
    filter: AccessEventFilter,
    sort: AccessEventSort = newestFirst,
    options?: ReadOptions,
  ): AsyncGenerator<StoredAccessEvent, void> {
    const { where, params } = toCondition(filter);
    const query = `SELECT body FROM ${tables.events} WHERE ${where} ORDER BY ${toOrderBy(sort)}`;
    for await (const block of this.#reader.blocks<{ body: string }>(query, params, options)) {
      yield* await this.#withOutcomes(block.map(toEvent), options);
    }
  }

  async erase(erasure: AccessEventErasure): Promise<{ readonly erased: number }> {
    const [where, params] =
      erasure === 'all'
        ? ['true', {}]
        : 'id' in erasure
          ? ['id = {value:String}', { value: erasure.id.toWellFormed() }]
          : ['type = {value:String}', { value: erasure.type.toWellFormed() }];
    let erased = 0;
    await this.#writer.exclusively(async () => {
      const rows = await this.#reader.rows<{ size: number }>(
        `SELECT count() AS size FROM ${tables.events} WHERE ${where}`,
        params,
      );
      erased = rows[0]?.size ?? 0;
      if (erased === 0) return;
      await this.#reader.command(
        `ALTER TABLE ${tables.outcomes} DELETE WHERE eventId IN (SELECT id FROM ${tables.events} WHERE ${where})`,
        params,
      );
      await this.#reader.command(`ALTER TABLE ${tables.events} DELETE WHERE ${where}`, params);
    });
    return { erased };
  }

  dropDaysBefore(ms: number): Promise<void> {
    const firstKept = Math.floor(ms / dayMs);
    return this.#writer.exclusively(async () => {
      await this.#dropPartitions(tables.events, 'day', firstKept);
      await this.#dropPartitions(tables.outcomes, 'month', Math.floor(firstKept / daysPerOutcomePartition));
    });
  }

  clear(): Promise<void> {
    return this.#writer.exclusively(async () => {
      for (const table of Object.values(tables)) await this.#reader.command(`DROP TABLE IF EXISTS ${table} SYNC`);
      await this.makeTables();
    });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #dropPartitions(table: string, column: string, firstKept: number): Promise<void> {
    const rows = await this.#reader.rows<{ partition: number }>(
      `SELECT DISTINCT ${column} AS partition FROM ${table} WHERE ${column} < ${toSqlInteger(firstKept)}`,
      {},
    );
    for (const row of rows) {
      await this.#reader.command(`ALTER TABLE ${table} DROP PARTITION ${toSqlInteger(row.partition)}`);
    }
  }

  async #sumBy(day: string, filter: AccessEventFilter, options?: ReadOptions): Promise<AccessEventDailySum[]> {
    const { where, params } = toCondition(filter);
    const rows = await this.#reader.rows<{ day: number; type: string; allow: boolean; rows: number; events: number }>(
      `SELECT ${day} AS day, type, allow, count() AS rows, sum(calls) AS events FROM ${tables.events} WHERE ${where}
       GROUP BY day, type, allow ORDER BY day, type, allow`,
      params,
      options,
    );
    return rows.map((row) => ({
      day: new Date(row.day * dayMs).toISOString().slice(0, 10),
      type: row.type,
      allow: row.allow,
      rows: row.rows,
      events: row.events,
    }));
  }

  /** The wide rows of these keys, in their order. A row that was erased in between is left out. */
  async #load(keys: readonly RowKey[], options?: ReadOptions): Promise<StoredAccessEvent[]> {
    const found = new Map<string, StoredAccessEvent>();
    for (let start = 0; start < keys.length; start += keysPerQuery) {
      const some = keys.slice(start, start + keysPerQuery);
      const times = some.map((key) => key.timeMs);
      const tuples = some.map((key) => `(${toSqlInteger(key.timeMs)},${toSqlInteger(key.ledgerIndex)})`);
      const rows = await this.#reader.rows<{ body: string }>(
        `SELECT body FROM ${tables.events} WHERE timeMs >= ${Math.min(...times)} AND timeMs <= ${Math.max(...times)}
         AND (timeMs, ledgerIndex) IN (${tuples.join(',')})`,
        {},
        options,
      );
      for (const event of rows.map(toEvent)) found.set(event.id, event);
    }
    const events = keys.map((key) => found.get(key.id)).filter((event) => event !== undefined);
    return this.#withOutcomes(events, options);
  }

  async #withOutcomes(events: readonly StoredAccessEvent[], options?: ReadOptions): Promise<StoredAccessEvent[]> {
    const open = events.filter(awaitsOutcome).map((event) => event.id.toWellFormed());
    if (open.length === 0) return [...events];
    const rows = await this.#reader.rows<{ eventId: string; latest: string }>(
      `SELECT eventId, argMax(outcome, ledgerIndex) AS latest FROM ${tables.outcomes}
       WHERE eventId IN {ids:Array(String)} GROUP BY eventId`,
      { ids: open },
      options,
    );
    const outcomes = new Map(rows.map((row) => [row.eventId, JSON.parse(row.latest) as EventOutcome]));
    return events.map((event) => withOutcome(event, outcomes.get(event.id.toWellFormed())));
  }
}

function toEvent(row: { readonly body: string }): StoredAccessEvent {
  return JSON.parse(row.body) as StoredAccessEvent;
}

/** The filter, narrowed to what can lie after a position. */
function boundedBy(
  filter: AccessEventFilter,
  timeMs: number,
  direction: AccessEventSort['direction'],
): AccessEventFilter {
  return direction === 'descending'
    ? { ...filter, toMs: Math.min(filter.toMs ?? timeMs, timeMs) }
    : { ...filter, fromMs: Math.max(filter.fromMs ?? timeMs, timeMs) };
}
