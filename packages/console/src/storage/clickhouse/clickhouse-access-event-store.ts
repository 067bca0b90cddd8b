// The event store on ClickHouse, embedded or by URL: the same SQL for both. Rows hold the whole event as JSON beside the columns
// that are filtered and sorted by; reads find keys first and fetch the wide rows for those keys only.
import type { ClickHouseClient } from '@clickhouse/client';
import type { StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventColumn } from '../../access-events/access-event-columns.ts';
import type { AccessEventFilter } from '../../access-events/access-event-filter.ts';
import { checkLimit } from '../../access-events/access-event-reading.ts';
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
  type HistogramBucket,
  type HistogramRequest,
  newestFirst,
  type ReadOptions,
  type StoreDifference,
} from '../../access-events/access-event-store.ts';
import { compareWithRange } from './access-event-comparison.ts';
import { AccessEventFigures } from './access-event-figures.ts';
import { findKeys } from './access-event-keys.ts';
import { AccessEventRows, type BodyRow, toEvent } from './access-event-rows.ts';
import { daysPerOutcomePartition, schemaStatements, tables } from './access-event-schema.ts';
import { toCondition, toOrderBy, toSqlInteger } from './access-event-sql.ts';
import { AccessEventWriter } from './access-event-writer.ts';
import { type ClickHouseConnection, createClickHouseClient } from './clickhouse-connection.ts';
import { ClickHouseReader, type ClickHouseReaderOptions } from './clickhouse-reader.ts';

const dayMs = 86_400_000;
const largestPage = 10_000;

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
  readonly #rows: AccessEventRows;
  readonly #figures: AccessEventFigures;

  constructor(client: ClickHouseClient, options: ClickHouseReaderOptions) {
    this.#client = client;
    this.#reader = new ClickHouseReader(client, options);
    this.#writer = new AccessEventWriter(client, this.#reader);
    this.#rows = new AccessEventRows(this.#reader);
    this.#figures = new AccessEventFigures(this.#reader);
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
    return this.#rows.load(await findKeys(this.#reader, filter, { sort, offset, limit }, options), options);
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
    const events = await this.#rows.load(keys.slice(0, limit), options);
    const last = keys[limit - 1];
    return last === undefined || keys.length <= limit ? { events } : { events, next: last };
  }

  async byId(id: string, filter: AccessEventFilter, options?: ReadOptions): Promise<StoredAccessEvent | undefined> {
    const { where, params } = toCondition(filter);
    const rows = await this.#reader.rows<BodyRow>(
      `SELECT body FROM ${tables.events} WHERE id = {id:String} AND ${where} LIMIT 1`,
      { ...params, id: id.toWellFormed() },
      options,
    );
    const [event] = await this.#rows.withOutcomes(rows.map(toEvent), options);
    return event;
  }

  count(filter: AccessEventFilter, options?: ReadOptions): Promise<number> {
    return this.#figures.count(filter, options);
  }

  facets(
    filter: AccessEventFilter,
    columns: readonly AccessEventColumn[],
    limit: number,
    options?: ReadOptions,
  ): Promise<Facets> {
    return this.#figures.facets(filter, columns, limit, options);
  }

  histogram(
    filter: AccessEventFilter,
    request: HistogramRequest,
    options?: ReadOptions,
  ): Promise<readonly HistogramBucket[]> {
    return this.#figures.histogram(filter, request, options);
  }

  distinct(
    column: AccessEventColumn,
    filter: AccessEventFilter,
    limit: number,
    options?: ReadOptions,
  ): Promise<readonly string[]> {
    return this.#figures.distinct(column, filter, limit, options);
  }

  sums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventSum[]> {
    return this.#figures.sums(filter, options);
  }

  dailySums(filter: AccessEventFilter, options?: ReadOptions): Promise<readonly AccessEventDailySum[]> {
    return this.#figures.dailySums(filter, options);
  }

  async *stream(
    filter: AccessEventFilter,
    sort: AccessEventSort = newestFirst,
    options?: ReadOptions,
  ): AsyncGenerator<StoredAccessEvent, void> {
    const { where, params } = toCondition(filter);
    const query = `SELECT body FROM ${tables.events} WHERE ${where} ORDER BY ${toOrderBy(sort)}`;
    for await (const block of this.#reader.blocks<BodyRow>(query, params, options)) {
      yield* await this.#rows.withOutcomes(block.map(toEvent), options);
    }
  }

  compareRange(range: AccessEventRange, options?: ReadOptions): Promise<readonly StoreDifference[]> {
    return compareWithRange(this.#reader, range, options);
  }

  replaceRange(range: AccessEventRange): Promise<void> {
    return this.#writer.replaceRange(range);
  }

  async erase(erasure: AccessEventErasure): Promise<{ readonly erased: number }> {
    const [where, params] =
      erasure === 'all'
        ? ['true', {}]
        : 'id' in erasure
          ? ['id = {value:String}', { value: erasure.id.toWellFormed() }]
          : [typeCondition(erasure), { value: erasure.type.toWellFormed() }];
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

function typeCondition({
  beforeMs,
  beforeIndex,
}: {
  readonly beforeMs?: number;
  readonly beforeIndex?: number;
}): string {
  const parts = ['type = {value:String}'];
  if (beforeMs !== undefined) parts.push(`timeMs < ${toSqlInteger(beforeMs)}`);
  if (beforeIndex !== undefined) parts.push(`ledgerIndex < ${toSqlInteger(beforeIndex)}`);
  return parts.join(' AND ');
}
