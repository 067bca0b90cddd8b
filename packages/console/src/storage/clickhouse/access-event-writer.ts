// Writes stretches of the ledger to the tables, each ledger position once. Chunks carry a token that names their stretch, so the engine
// drops what it already has; what an interrupted write left behind under another cut is looked up before the next write.
import { randomUUID } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import type { StoredAccessEvent } from '@dockledger/contract';
import { checkRange } from '../../access-events/access-event-reading.ts';
import type { AccessEventRange } from '../../access-events/access-event-store.ts';
import { tables, toEventRow, toOutcomeRow } from './access-event-schema.ts';
import { toSqlInteger } from './access-event-sql.ts';
import { toStoreError } from './clickhouse-errors.ts';
import type { ClickHouseReader } from './clickhouse-reader.ts';

// Small enough to be one block of the engine: a block is stored whole or not at all per day, which is what the token vouches for.
const chunkRows = 10_000;

interface WriterState {
  readonly indexedTo: number;
  /** Positions at or beyond `indexedTo` that an interrupted write stored. */
  readonly leftovers: ReadonlySet<number>;
}

/** The one writer of a store. */
export class AccessEventWriter {
  readonly #client: ClickHouseClient;
  readonly #reader: ClickHouseReader;
  #state: WriterState | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: ClickHouseClient, reader: ClickHouseReader) {
    this.#client = client;
    this.#reader = reader;
  }

  /** As the port's appendRange. Calls run one after the other. */
  appendRange(range: AccessEventRange): Promise<{ readonly stored: number }> {
    return this.#inTurn(() => this.#append(range));
  }

  /** As the port's indexedTo. */
  async indexedTo(): Promise<number> {
    return (await this.#inTurn(() => this.#loadState())).indexedTo;
  }

  /** Runs a task of the store between two writes; what the writer knew is looked up anew after it. */
  exclusively(task: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = undefined;
      await task();
    });
  }

  /** As the port's replaceRange. */
  replaceRange({ from, to, events }: AccessEventRange): Promise<void> {
    return this.exclusively(async () => {
      const inRange = `ledgerIndex >= ${toSqlInteger(from)} AND ledgerIndex < ${toSqlInteger(to)}`;
      for (const table of [tables.events, tables.outcomes])
        await this.#reader.command(`ALTER TABLE ${table} DELETE WHERE ${inRange}`);
      // The engine remembers what it was given under the token of the stretch, and would drop it as known.
      const anew = `anew-${randomUUID()}`;
      const outcomes = events.filter((event) => event.type === 'outcome' && event.ofEvent !== undefined);
      const rows = events.filter((event) => event.type !== 'outcome');
      try {
        for (const [part, chunk] of toChunks(outcomes).entries())
          await this.#insert(tables.outcomes, chunk, toOutcomeRow, `${anew}-${part}`);
        for (const [part, chunk] of toChunks(rows).entries())
          await this.#insert(tables.events, chunk, toEventRow, `${anew}-${part}`);
      } catch (error) {
        throw toStoreError(error);
      }
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #append(range: AccessEventRange): Promise<{ readonly stored: number }> {
    const { indexedTo, leftovers } = await this.#loadState();
    checkRange(range, indexedTo);
    if (range.to <= indexedTo) return { stored: 0 };
    const events = range.events
      .filter((event) => event.ledgerIndex >= indexedTo)
      .toSorted((a, b) => a.ledgerIndex - b.ledgerIndex);
    // Until the end is reached, a failure leaves open what was stored: it is looked up before the next write.
    this.#state = undefined;
    let stored = 0;
    try {
      const outcomes = events.filter((event) => event.type === 'outcome' && event.ofEvent !== undefined);
      for (const chunk of toChunks(outcomes)) await this.#insert(tables.outcomes, chunk, toOutcomeRow);
      for (const chunk of toChunks(events.filter((event) => event.type !== 'outcome'))) {
        const missing = leftovers.size === 0 ? chunk : chunk.filter((event) => !leftovers.has(event.ledgerIndex));
        await this.#insert(tables.events, missing, toEventRow, tokenOf(chunk));
        stored += chunk.length;
      }
      await this.#client.insert({ table: tables.progress, values: [{ indexedTo: range.to }], format: 'JSONEachRow' });
    } catch (error) {
      throw toStoreError(error);
    }
    this.#state = {
      indexedTo: range.to,
      leftovers: leftovers.size === 0 ? leftovers : new Set([...leftovers].filter((index) => index >= range.to)),
    };
    return { stored };
  }

  async #insert(
    table: string,
    events: readonly StoredAccessEvent[],
    toRow: (event: StoredAccessEvent) => Record<string, unknown>,
    token = tokenOf(events),
  ): Promise<void> {
    if (events.length === 0) return;
    await this.#client.insert({
      table,
      values: events.map(toRow),
      format: 'JSONEachRow',
      clickhouse_settings: {
        insert_deduplication_token: token,
        async_insert: 0,
        input_format_parallel_parsing: 0,
        // A backlog or a rebuild may span more days than the engine allows by default.
        max_partitions_per_insert_block: '0',
        max_execution_time: 300,
      },
    });
  }

  async #loadState(): Promise<WriterState> {
    if (this.#state !== undefined) return this.#state;
    const progress = await this.#reader.rows<{ indexedTo: number }>(
      `SELECT max(indexedTo) AS indexedTo FROM ${tables.progress}`,
      {},
    );
    const indexedTo = progress[0]?.indexedTo ?? 0;
    const leftovers = await this.#reader.rows<{ ledgerIndex: number }>(
      `SELECT ledgerIndex FROM ${tables.events} WHERE ledgerIndex >= ${indexedTo}`,
      {},
    );
    this.#state = { indexedTo, leftovers: new Set(leftovers.map((row) => row.ledgerIndex)) };
    return this.#state;
  }
}

function toChunks(events: readonly StoredAccessEvent[]): readonly (readonly StoredAccessEvent[])[] {
  const chunks: StoredAccessEvent[][] = [];
  for (let start = 0; start < events.length; start += chunkRows) chunks.push(events.slice(start, start + chunkRows));
  return chunks;
}

/** Names the chunk's content: the ledger holds the same events at the same positions for ever. */
function tokenOf(events: readonly StoredAccessEvent[]): string {
  return `${events[0]?.ledgerIndex ?? 0}-${events.at(-1)?.ledgerIndex ?? 0}-${events.length}`;
}
