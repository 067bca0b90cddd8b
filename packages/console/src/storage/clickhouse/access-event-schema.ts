// The event store's tables and how an event becomes a row. The tables are an index of the ledger: another version gets other names
// and is filled anew from the ledger, so there are no migrations.
import type { StoredAccessEvent } from '@dockledger/contract';
import {
  type AccessEventColumn,
  accessEventColumns,
  collectionsOf,
  columnValue,
  labelsText,
  messageOf,
  partitionDayOf,
  searchText,
  timeMsOf,
} from '../../access-events/access-event-columns.ts';

/** The tables' names. The number is the version of this file's layout. */
export const tables = { events: 'events_v1', outcomes: 'outcomes_v1', progress: 'progress_v1' } as const;

const distinctValues: readonly AccessEventColumn[] = ['containerName', 'containerId', 'sourceIP', 'sessionId'];

// Acknowledged means on disk, also for what a merge rewrites.
const durability =
  'fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1';
const onceOnly = 'non_replicated_deduplication_window = 1000';

/** The statements that make the tables where they are missing. */
export function schemaStatements(): readonly string[] {
  const columns = accessEventColumns.map(
    (column) => `${column} ${distinctValues.includes(column) ? 'String CODEC(ZSTD(1))' : 'LowCardinality(String)'}`,
  );
  const indexed = ['id', 'user', ...distinctValues];
  const indexes = indexed.map((column) => `INDEX by_${column} ${column} TYPE bloom_filter(0.01) GRANULARITY 4`);
  indexes.push('INDEX by_ledgerIndex ledgerIndex TYPE minmax GRANULARITY 4');
  return [
    `CREATE TABLE IF NOT EXISTS ${tables.events} (
      day Int32 CODEC(ZSTD(1)), timeMs Int64 CODEC(DoubleDelta, ZSTD(1)), ledgerIndex UInt64 CODEC(DoubleDelta, ZSTD(1)), id String CODEC(ZSTD(1)),
      receivedMs Int64 CODEC(DoubleDelta, ZSTD(1)), calls UInt64 CODEC(T64, ZSTD(1)), allow Bool,
      ${columns.join(', ')},
      collections Array(LowCardinality(String)), labels String CODEC(ZSTD(1)), msg String CODEC(ZSTD(1)),
      searchText String CODEC(ZSTD(1)), body String CODEC(ZSTD(1)),
      ${indexes.join(', ')}
    ) ENGINE = MergeTree PARTITION BY day ORDER BY (timeMs, ledgerIndex, id)
    SETTINGS index_granularity = 1024, old_parts_lifetime = 60, ${onceOnly}, ${durability}`,
    `CREATE TABLE IF NOT EXISTS ${tables.outcomes} (
      month Int32, eventId String, ledgerIndex UInt64, outcome String CODEC(ZSTD(1))
    ) ENGINE = ReplacingMergeTree(ledgerIndex) PARTITION BY month ORDER BY eventId
    SETTINGS index_granularity = 1024, old_parts_lifetime = 60, ${onceOnly}, ${durability}`,
    // Deliberately without fsync: progress that is lost is found again by looking at what the events' table holds.
    `CREATE TABLE IF NOT EXISTS ${tables.progress} (
      indexedTo SimpleAggregateFunction(max, UInt64)
    ) ENGINE = AggregatingMergeTree ORDER BY tuple() SETTINGS old_parts_lifetime = 60`,
  ];
}

/** Days that share a partition of the outcomes. */
export const daysPerOutcomePartition = 30;

/** The row of an event that is one of the list. */
export function toEventRow(event: StoredAccessEvent): Record<string, unknown> {
  const row: Record<string, unknown> = {
    day: partitionDayOf(event),
    timeMs: timeMsOf(event),
    ledgerIndex: event.ledgerIndex,
    id: event.id,
    receivedMs: Date.parse(event.receivedAt),
    calls: event.count,
    allow: event.decision.effect === 'allow',
    collections: collectionsOf(event),
    labels: labelsText(event),
    msg: messageOf(event),
    searchText: searchText(event),
    body: JSON.stringify(event),
  };
  for (const column of accessEventColumns) row[column] = columnValue(event, column);
  return row;
}

/** The row of an outcome event. */
export function toOutcomeRow(event: StoredAccessEvent): Record<string, unknown> {
  return {
    month: Math.floor(partitionDayOf(event) / daysPerOutcomePartition),
    eventId: event.ofEvent ?? '',
    ledgerIndex: event.ledgerIndex,
    outcome: JSON.stringify(event.outcome),
  };
}
