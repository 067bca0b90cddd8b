// Reads the wide rows: the whole events of known keys, with what came of those that were still open.
import type { EventOutcome, StoredAccessEvent } from '@dockledger/contract';
import { awaitsOutcome, withOutcome } from '../../access-events/access-event-reading.ts';
import type { ReadOptions } from '../../access-events/access-event-store.ts';
import type { RowKey } from './access-event-keys.ts';
import { tables } from './access-event-schema.ts';
import { toSqlInteger } from './access-event-sql.ts';
import type { ClickHouseReader } from './clickhouse-reader.ts';

// Keys stand in the text of the query, whose size the engine bounds.
const keysPerQuery = 2000;

/** A row as it is selected: the event's JSON. */
export interface BodyRow {
  readonly body: string;
}

/** Loads whole events. */
export class AccessEventRows {
  readonly #reader: ClickHouseReader;

  constructor(reader: ClickHouseReader) {
    this.#reader = reader;
  }

  /** The wide rows of these keys, in their order. A row that was erased in between is left out. */
  async load(keys: readonly RowKey[], options?: ReadOptions): Promise<StoredAccessEvent[]> {
    const found = new Map<string, StoredAccessEvent>();
    for (let start = 0; start < keys.length; start += keysPerQuery) {
      const some = keys.slice(start, start + keysPerQuery);
      const times = some.map((key) => key.timeMs);
      const tuples = some.map((key) => `(${toSqlInteger(key.timeMs)},${toSqlInteger(key.ledgerIndex)})`);
      const rows = await this.#reader.rows<BodyRow>(
        `SELECT body FROM ${tables.events} WHERE timeMs >= ${Math.min(...times)} AND timeMs <= ${Math.max(...times)}
         AND (timeMs, ledgerIndex) IN (${tuples.join(',')})`,
        {},
        options,
      );
      for (const event of rows.map(toEvent)) found.set(event.id, event);
    }
    const events = keys.map((key) => found.get(key.id)).filter((event) => event !== undefined);
    return this.withOutcomes(events, options);
  }

  /** The events, the open ones with their outcome where one was told. */
  async withOutcomes(events: readonly StoredAccessEvent[], options?: ReadOptions): Promise<StoredAccessEvent[]> {
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

/** The event of a row. */
export function toEvent(row: BodyRow): StoredAccessEvent {
  return JSON.parse(row.body) as StoredAccessEvent;
}
