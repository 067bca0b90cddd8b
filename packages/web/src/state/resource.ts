// Loads something for as long as a component is shown: keeps the last good answer while it loads again or fails,
// gives up what a newer question replaced, and tries again by itself when the Console does not answer.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiFailure, isAbort, toShownFailure } from '../api/client.ts';
import { sessionNumber } from './session.ts';

/** What is known so far. `data` survives failures; `retryAtMs` is set while another try is planned. */
export interface Resource<T> {
  readonly data: T | undefined;
  readonly failure: ApiFailure | undefined;
  readonly isLoading: boolean;
  readonly retryAtMs: number | undefined;
  readonly reload: () => void;
}

const firstPauseMs = 2000;
const longestPauseMs = 30_000;

/**
 * Loads when `key` changes, after a sign-in, and every `everyMs` when given (not while the tab is hidden).
 * `load` must stop at the signal's abort.
 */
export function useResource<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  options: { readonly everyMs?: number } = {},
): Resource<T> {
  const [known, setKnown] = useState<Omit<Resource<T>, 'reload'>>({
    data: undefined,
    failure: undefined,
    isLoading: true,
    retryAtMs: undefined,
  });
  const [attempt, setAttempt] = useState(0);
  const pause = useRef(firstPauseMs);
  const everyMs = options.everyMs ?? 0;
  const signedIn = sessionNumber.value;
  useEffect(() => {
    const controller = new AbortController();
    let timer = 0;
    const plan = (ms: number) => {
      timer = window.setTimeout(() => setAttempt((count) => count + 1), ms);
    };
    setKnown((before) => ({ ...before, isLoading: true }));
    const run = async () => {
      try {
        const data = await load(controller.signal);
        if (controller.signal.aborted) return;
        pause.current = firstPauseMs;
        setKnown({ data, failure: undefined, isLoading: false, retryAtMs: undefined });
        if (everyMs > 0) plan(document.hidden ? Math.max(everyMs, longestPauseMs) : everyMs);
      } catch (error) {
        if (controller.signal.aborted || isAbort(error)) return;
        const failure = toShownFailure(error);
        const isPassing = failure.kind === 'offline' || failure.kind === 'failed';
        const retryAtMs = isPassing ? Date.now() + pause.current : undefined;
        setKnown((before) => ({ data: before.data, failure, isLoading: false, retryAtMs }));
        if (!isPassing) return;
        plan(pause.current);
        pause.current = Math.min(pause.current * 2, longestPauseMs);
      }
    };
    void run();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
    // `load` is a new function on every render; `key` says when it asks something else.
  }, [key, attempt, signedIn, everyMs]);
  return { ...known, reload: () => setAttempt((count) => count + 1) };
}
