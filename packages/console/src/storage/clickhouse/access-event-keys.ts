// Finds which rows make a page, reading only key columns: bounded by time and widened for the newest, by counting ahead for deep offsets.
// Measured: an unbounded search opens every day's parts; an hour's takes a tenth of the time.
import type { AccessEventSort, ReadOptions } from '../../access-events/access-event-store.ts';
import { tables } from './access-event-schema.ts';
import { type RowFilter, toCondition, toOrderBy, toSqlInteger } from './access-event-sql.ts';
import type { ClickHouseReader } from './clickhouse-reader.ts';

/** What names a row. */
export interface RowKey {
  readonly timeMs: number;
  readonly ledgerIndex: number;
  readonly id: string;
}

const hourMs = 3_600_000;
// Spans that are searched one after the other, each only beyond the one before, until the page is full.
const spansMs = [hourMs, 24 * hourMs, 14 * 24 * hourMs];
// Beyond this many rows, counting ahead is cheaper than passing over them.
const deepOffset = 2000;
// Beyond this many rows in one bucket it is divided further.
const fullBucket = 5000;

/** The keys of `limit` matches after `offset`, in order. */
export async function findKeys(
  reader: ClickHouseReader,
  filter: RowFilter,
  request: { readonly sort: AccessEventSort; readonly offset: number; readonly limit: number },
  options?: ReadOptions,
): Promise<readonly RowKey[]> {
  const { sort, offset, limit } = request;
  if (sort.by !== 'time') return selectKeys(reader, filter, sort, offset, limit, options);
  if (offset > deepOffset) {
    const place = await locate(reader, filter, sort, offset, limit, options);
    if (place === undefined) return [];
    return selectKeys(reader, place.filter, sort, place.offset, limit, options);
  }
  const keys: RowKey[] = [];
  for (const span of toSpans(filter, sort.direction, Date.now())) {
    const found = await selectKeys(reader, span, sort, 0, offset + limit - keys.length, options);
    keys.push(...found);
    if (keys.length >= offset + limit) break;
  }
  return keys.slice(offset, offset + limit);
}

/** The filter cut into adjoining stretches of time, in the order in which a page needs them. */
export function toSpans(
  filter: RowFilter,
  direction: AccessEventSort['direction'],
  nowMs: number,
): readonly RowFilter[] {
  const fromMs = filter.fromMs ?? Number.NEGATIVE_INFINITY;
  const toMs = filter.toMs ?? Number.POSITIVE_INFINITY;
  const isNewestFirst = direction === 'descending';
  // Oldest first with no beginning: reading in key order from the start is already the shortest way.
  if (!isNewestFirst && filter.fromMs === undefined) return [filter];
  const edges = isNewestFirst
    ? spansMs.map((span) => Math.min(toMs, nowMs) - span).filter((edge) => edge > fromMs)
    : spansMs.map((span) => fromMs + span).filter((edge) => edge < toMs);
  const spans: RowFilter[] = [];
  let rest: RowFilter = filter;
  for (const edge of edges) {
    spans.push(isNewestFirst ? { ...rest, fromMs: edge + 1 } : { ...rest, toMs: edge - 1 });
    rest = isNewestFirst ? { ...rest, toMs: edge } : { ...rest, fromMs: edge };
  }
  return [...spans, rest];
}

function selectKeys(
  reader: ClickHouseReader,
  filter: RowFilter,
  sort: AccessEventSort,
  offset: number,
  limit: number,
  options?: ReadOptions,
): Promise<readonly RowKey[]> {
  const { where, params } = toCondition(filter);
  const query = `SELECT timeMs, ledgerIndex, id FROM ${tables.events} WHERE ${where} ORDER BY ${toOrderBy(sort)}
    LIMIT ${toSqlInteger(limit)} OFFSET ${toSqlInteger(offset)}`;
  return reader.rows<RowKey>(query, params, options);
}

/** The stretch of time that holds the page, and the offset within it. Undefined when the page lies past the end. */
async function locate(
  reader: ClickHouseReader,
  filter: RowFilter,
  sort: AccessEventSort,
  offset: number,
  limit: number,
  options?: ReadOptions,
  bucketMs = hourMs,
): Promise<{ readonly filter: RowFilter; readonly offset: number } | undefined> {
  const { where, params } = toCondition(filter);
  const direction = sort.direction === 'ascending' ? 'ASC' : 'DESC';
  const buckets = await reader.rows<{ bucket: number; size: number; before: number }>(
    `SELECT bucket, size, before FROM (
       SELECT bucket, size, sum(size) OVER (ORDER BY bucket ${direction}) - size AS before FROM (
         SELECT toInt64(floor(timeMs / ${bucketMs})) AS bucket, count() AS size FROM ${tables.events} WHERE ${where} GROUP BY bucket))
     WHERE before < ${toSqlInteger(offset + limit)} AND before + size > ${toSqlInteger(offset)}
     ORDER BY bucket ${direction}`,
    params,
    options,
  );
  const first = buckets[0];
  const last = buckets.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const low = Math.min(first.bucket, last.bucket) * bucketMs;
  const high = (Math.max(first.bucket, last.bucket) + 1) * bucketMs - 1;
  const within: RowFilter = {
    ...filter,
    fromMs: Math.max(filter.fromMs ?? low, low),
    toMs: Math.min(filter.toMs ?? high, high),
  };
  const rest = offset - first.before;
  if (bucketMs > 1000 && rest > fullBucket) return locate(reader, within, sort, rest, limit, options, 1000);
  return { filter: within, offset: rest };
}
