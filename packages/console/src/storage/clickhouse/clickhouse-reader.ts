// Runs statements for the store: reads are retried over the moment in which the engine restarts, failures become the port's.

import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { ReadOptions } from '../../access-events/access-event-store.ts';
import { toStoreError } from './clickhouse-errors.ts';

/** Settings of the reader. */
export interface ClickHouseReaderOptions {
  /** How long a read waits for an engine that is away, in milliseconds. Defaults to 5,000. */
  readonly patienceMs?: number;
}

const retryEveryMs = 50;
// A page that takes longer helps nobody; an export has an hour.
const readSeconds = 30;
const exportSeconds = 3600;

/** Reads and commands on one client. */
export class ClickHouseReader {
  readonly #client: ClickHouseClient;
  readonly #patienceMs: number;

  constructor(client: ClickHouseClient, options: ClickHouseReaderOptions = {}) {
    this.#client = client;
    this.#patienceMs = options.patienceMs ?? 5000;
  }

  /** All rows of a read. */
  async rows<T>(query: string, params: Readonly<Record<string, unknown>>, options?: ReadOptions): Promise<T[]> {
    return this.#patiently(options, async () => {
      const answer = await this.#open(query, params, options, {});
      return await answer.json<T>();
    });
  }

  /** The rows of a long read, in blocks as they come, at constant memory. Stop reading to end it. */
  async *blocks<T>(
    query: string,
    params: Readonly<Record<string, unknown>>,
    options?: ReadOptions,
  ): AsyncGenerator<readonly T[], void> {
    const settings = { max_execution_time: exportSeconds, max_block_size: '4096' };
    const answer = await this.#patiently(options, () => this.#open(query, params, options, settings));
    try {
      for await (const block of answer.stream<T>()) yield block.map((row) => row.json());
    } catch (error) {
      throw toStoreError(error);
    } finally {
      answer.close();
    }
  }

  /** Runs a statement that returns nothing. Never retried. */
  async command(query: string, params: Readonly<Record<string, unknown>> = {}): Promise<void> {
    try {
      await this.#client.command({
        query,
        query_params: { ...params },
        clickhouse_settings: { max_execution_time: 3600, mutations_sync: '1' },
      });
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #open(
    query: string,
    params: Readonly<Record<string, unknown>>,
    options: ReadOptions | undefined,
    settings: Record<string, string | number>,
  ) {
    return this.#client.query({
      query,
      query_params: { ...params },
      format: 'JSONEachRow',
      // Positions and counts stay far below 2^53.
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, max_execution_time: readSeconds, ...settings },
      ...(options?.signal && { abort_signal: options.signal }),
    });
  }

  async #patiently<T>(options: ReadOptions | undefined, read: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        options?.signal?.throwIfAborted();
        return await read();
      } catch (error) {
        const failure = toStoreError(error);
        if (failure.code !== 'store_unavailable' || performance.now() > deadline) throw failure;
        await delay(retryEveryMs, undefined, options?.signal && { signal: options.signal }).catch(() => undefined);
      }
    }
  }
}
