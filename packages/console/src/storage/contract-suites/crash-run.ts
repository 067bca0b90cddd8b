// Kills the event engine again and again while an indexer writes, as an indexer does: retry what failed, with whatever cut comes next.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type StoredAccessEvent } from '@dockledger/contract';
import { unrestricted } from '../../access-events/access-event-filter.ts';
import type { AccessEventStore } from '../../access-events/access-event-store.ts';
import type { EventEngine } from '../../event-engine/event-engine.ts';
import { anEvent, baseMs } from './event-builders.ts';

/** How hard the run is. */
export interface CrashRunOptions {
  readonly kills: number;
  /** Events of one stretch, spread over three days. */
  readonly rangeSize: number;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
}

/** What the store held at the end, and what it should hold. */
export interface CrashRunResult {
  readonly expected: number;
  readonly rows: number;
  readonly distinctIds: number;
  readonly missing: readonly number[];
  readonly failedAppends: number;
}

const dayMs = 86_400_000;
const eventAt = (ledgerIndex: number): StoredAccessEvent =>
  anEvent({ ledgerIndex, timeMs: baseMs - (ledgerIndex % 3) * dayMs + ledgerIndex, receivedMs: baseMs - dayMs });

/** Writes while the engine is killed `kills` times, then reads everything back. */
export async function runWithCrashes(
  engine: EventEngine,
  store: AccessEventStore,
  options: CrashRunOptions,
): Promise<CrashRunResult> {
  const { random, rangeSize } = options;
  const over = new AbortController();
  let failedAppends = 0;
  const write = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const from = await store.indexedTo();
        // Deliberately another cut each time: a retry need not be the same stretch.
        const to = from + 1 + Math.floor(random() * rangeSize);
        const events = Array.from({ length: to - from }, (_, index) => eventAt(from + index));
        await store.appendRange({ from, to, events });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'store_unavailable') throw error;
        failedAppends += 1;
      }
    }
  };
  const writing = write();
  try {
    for (let kill = 0; kill < options.kills; kill++) {
      await untilReady(engine);
      await delay(20 + random() * 150);
      if (engine.state.state === 'ready') process.kill(engine.state.pid, 'SIGKILL');
    }
    await untilReady(engine);
    await delay(100);
  } finally {
    over.abort();
    await writing;
  }
  const expected = await store.indexedTo();
  const seen = new Set<string>();
  let rows = 0;
  for await (const event of store.stream(unrestricted)) {
    rows += 1;
    seen.add(event.id);
  }
  const missing = Array.from({ length: expected }, (_, index) => index).filter((index) => !seen.has(eventAt(index).id));
  return { expected, rows, distinctIds: seen.size, missing, failedAppends };
}

/** Resolves when the engine serves. */
function untilReady(engine: EventEngine): Promise<void> {
  if (engine.state.state === 'ready') return Promise.resolve();
  return new Promise((resolve) => {
    const end = engine.onState((state) => {
      if (state.state !== 'ready') return;
      end();
      resolve();
    });
  });
}
