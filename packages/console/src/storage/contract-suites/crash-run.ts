// Kills the event engine again and again while an indexer writes, as an indexer does: retry what failed, with whatever cut comes next.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type StoredAccessEvent } from '@dockledger/contract';
import { unrestricted } from '../../access-events/access-event-filter.ts';
import type { AccessEventStore } from '../../access-events/access-event-store.ts';
import type { EventEngine, EventEngineState } from '../../event-engine/event-engine.ts';
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
  const append = async (size: number): Promise<void> => {
    const from = await store.indexedTo();
    const to = from + size;
    await store.appendRange({ from, to, events: Array.from({ length: size }, (_, index) => eventAt(from + index)) });
  };
  const write = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        // Deliberately another cut each time: a retry need not be the same stretch.
        await append(1 + Math.floor(random() * rangeSize));
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
      if (engine.state.state !== 'ready') continue;
      const isGone = untilNot(engine, engine.state.pid);
      process.kill(engine.state.pid, 'SIGKILL');
      await isGone;
    }
    await untilReady(engine);
    await delay(100);
  } finally {
    over.abort();
    await writing;
  }
  // The last kill may have left a part of a stretch: this one reaches beyond it.
  await append(rangeSize);
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
  return until(engine, (state) => state.state === 'ready');
}

/** Resolves when the engine is no longer this process. */
function untilNot(engine: EventEngine, pid: number): Promise<void> {
  return until(engine, (state) => state.state !== 'ready' || state.pid !== pid);
}

function until(engine: EventEngine, holds: (state: EventEngineState) => boolean): Promise<void> {
  if (holds(engine.state)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = engine.onState((state) => {
      if (!holds(state)) return;
      end();
      resolve();
    });
  });
}
