// Ties event lists to components: opened while shown, closed with them, opened anew after a sign-in.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { loadCount } from '../api/events.ts';
import { toWholeParams } from '../lib/events-query.ts';
import { EventList } from './event-list.ts';
import { useResource } from './resource.ts';
import { sessionNumber } from './session.ts';

const refreshMs = 4000;

/** The list for one question; a new one when `key` changes. */
export function useEventList(key: string, params: () => URLSearchParams, follows: boolean): EventList {
  const list = useMemo(() => new EventList(params()), [key, sessionNumber.value]);
  useEffect(() => {
    list.open({ follows });
    return () => list.close();
  }, [list]);
  return list;
}

/** Counts again a while after events came, and at once after the first. */
export function useArrivalTicks(list: EventList): number {
  const [tick, setTick] = useState(0);
  const timer = useRef(0);
  const arrivals = list.arrivals.value;
  useEffect(() => {
    if (arrivals === 0 || timer.current !== 0) return;
    timer.current = window.setTimeout(
      () => {
        timer.current = 0;
        setTick((count) => count + 1);
      },
      arrivals === 1 ? 300 : refreshMs,
    );
  }, [arrivals]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return tick;
}

/** True once the Console said that it holds no event at all: the very first minutes. */
export function useEverEmpty(list: EventList): boolean {
  const isEmpty = !list.isLoading.value && list.failure.value === undefined && list.rows.value.length === 0;
  const total = useResource(`any event ${isEmpty}`, async (signal) =>
    isEmpty ? (await loadCount(toWholeParams(), signal)).rows : 1,
  );
  return isEmpty && total.data === 0;
}
