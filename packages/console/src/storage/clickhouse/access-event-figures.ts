// The numbers over the matches of a filter: counts, facets, bars, sums. They read only the columns that they count.
import { type AccessEventColumn } from '../../access-events/access-event-columns.ts';
import type { AccessEventFilter } from '../../access-events/access-event-filter.ts';
import { bucketWidthMs, checkLimit, toBuckets } from '../../access-events/access-event-reading.ts';
import type {
  AccessEventDailySum,
  AccessEventSum,
  Facets,
  FacetValue,
  HistogramBucket,
  HistogramRequest,
  ReadOptions,
} from '../../access-events/access-event-store.ts';
import { tables } from './access-event-schema.ts';
import { toCondition, toSqlInteger } from './access-event-sql.ts';
import type { ClickHouseReader } from './clickhouse-reader.ts';

const dayMs = 86_400_000;
const mostValues = 10_000;

/** Counts and sums, each as the port's function of that name. */
export class AccessEventFigures {
  readonly #reader: ClickHouseReader;

  constructor(reader: ClickHouseReader) {
    this.#reader = reader;
  }

  async count(filter: AccessEventFilter, options?: ReadOptions): Promise<number> {
    const { where, params } = toCondition(filter);
    const query = `SELECT count() AS size FROM ${tables.events} WHERE ${where}`;
    const rows = await this.#reader.rows<{ size: number }>(query, params, options);
    return rows[0]?.size ?? 0;
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
       ORDER BY value ASC LIMIT ${checkLimit(limit, mostValues)}`,
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
}
