// Folds runs of neighbouring rows that say the same into one group, so that a health check does not bury a person.
// Only allowed, unfailed calls fold; refusals, failures, gaps and sudo always stand alone.
import type { StoredAccessEvent } from '@dockledger/contract';
import { toResult } from './event-sentence.ts';

/** One row, or a run of rows that differ only in time. `events` is never empty and keeps its order, newest first. */
export interface RowGroup {
  readonly events: readonly [StoredAccessEvent, ...StoredAccessEvent[]];
  /** How many calls the group stands for: the sum of the events' own counts. */
  readonly count: number;
}

/** Rows with the same key fold; undefined never folds. */
export function toFoldKey(event: StoredAccessEvent): string | undefined {
  if (event.type !== 'docker' || toResult(event) !== 'allowed') return undefined;
  const { actor, target, decision, host } = event;
  return JSON.stringify([
    actor.user,
    actor.effectiveUser,
    event.api,
    target.containerId ?? target.containerName ?? target.other ?? '',
    target.imageName,
    decision.rule,
    host.hostname,
  ]);
}

/** Folds runs of at least `least` (default 3) rows with the same key. Order is kept. */
export function foldRepeats(events: readonly StoredAccessEvent[], least = 3): RowGroup[] {
  const groups: RowGroup[] = [];
  let run: StoredAccessEvent[] = [];
  let runKey: string | undefined;
  const close = () => {
    const [first, ...rest] = run;
    if (first === undefined) return;
    if (run.length >= least) {
      groups.push({ events: [first, ...rest], count: run.reduce((sum, event) => sum + event.count, 0) });
    } else {
      for (const event of run) groups.push({ events: [event], count: event.count });
    }
  };
  for (const event of events) {
    const key = toFoldKey(event);
    if (key !== undefined && key === runKey) {
      run.push(event);
    } else {
      close();
      run = [event];
      runKey = key;
    }
  }
  close();
  return groups;
}
