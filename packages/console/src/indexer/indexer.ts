// Carries the ledger into the event store, in order, forever. The store knows how far it is and takes each position once,
// so a crash or a failed write is answered by trying the same stretch again. Never holds up intake.
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredAccessEvent } from '@dockledger/contract';
import type { FastifyBaseLogger } from 'fastify';
import type { AccessEventStore } from '../access-events/access-event-store.ts';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { toStoredEvent } from '../ledger-routes/ledger-entry.ts';

/** The running indexer. */
export interface Indexer {
  /** Ledger position up to which (exclusive) the store answered last. */
  readonly indexedSize: number;
  /** Why the last try failed, or undefined while all is well. */
  readonly failure: string | undefined;
  /** Stops after the stretch in work. */
  close(): Promise<void>;
}

/** What {@link startIndexer} needs. */
export interface IndexerParts {
  readonly ledger: Ledger;
  readonly store: AccessEventStore;
  readonly logger: FastifyBaseLogger;
  /** Called with the events of each stretch once the store has them. Must not throw. */
  readonly onIndexed: (events: readonly StoredAccessEvent[]) => void;
  /** Most entries of one stretch. Defaults to 8,192. */
  readonly atOnce?: number;
}

const longestPauseMs = 5000;

/** Starts carrying. The caller closes it before ledger and store. */
export function startIndexer({ ledger, store, logger, onIndexed, atOnce = 8192 }: IndexerParts): Indexer {
  const stop = new AbortController();
  let indexedSize = 0;
  let failure: string | undefined;

  let announcedTo: number | undefined;

  async function load(from: number, limit: number) {
    const entries = await ledger.read(from, limit);
    const events = entries.flatMap((entry, offset) => toStoredEvent(entry, from + offset) ?? []);
    return { to: from + entries.length, events };
  }

  /** Announces what a write stored although it reported a failure, so that no open stream misses it. */
  async function announceUpTo(indexed: number): Promise<void> {
    while (announcedTo !== undefined && announcedTo < indexed) {
      const { to, events } = await load(announcedTo, Math.min(atOnce, indexed - announcedTo));
      onIndexed(events);
      announcedTo = to;
    }
    announcedTo = indexed;
  }

  async function carryOn(): Promise<void> {
    let from = await store.indexedTo();
    await announceUpTo(from);
    for (;;) {
      indexedSize = from;
      failure = undefined;
      if (stop.signal.aborted) return;
      await ledger.grownBeyond(from, stop.signal);
      if (stop.signal.aborted) return;
      const { to, events } = await load(from, atOnce);
      await store.appendRange({ from, to, events });
      onIndexed(events);
      announcedTo = to;
      from = to;
    }
  }

  async function run(): Promise<void> {
    let pauseMs = 50;
    while (!stop.signal.aborted) {
      const before = indexedSize;
      try {
        await carryOn();
      } catch (error) {
        if (indexedSize > before) pauseMs = 50;
        failure = error instanceof Error ? error.message : String(error);
        logger.warn(
          { err: error, indexedSize },
          'event store does not take events; the ledger keeps them, trying again',
        );
        await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  }

  const running = run();
  return {
    get indexedSize() {
      return indexedSize;
    },
    get failure() {
      return failure;
    },
    close: async () => {
      stop.abort();
      await running;
    },
  };
}
