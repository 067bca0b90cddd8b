// The live tail: server-sent events read through fetch, because EventSource hides why it failed.
// Reconnects by itself with growing pauses; whoever listens learns of every break, so that it can fetch what was missed.
import type { StoredAccessEvent } from '@dockledger/contract';
import { createSseParser } from '../lib/sse.ts';
import { isAbort, send, toShownFailure } from './client.ts';
import { eventsPath } from './events.ts';

/** What a listener is told. */
export interface LiveTailListener {
  /** New events in the order they came; batched per animation frame. */
  onEvents(events: readonly StoredAccessEvent[]): void;
  /** A stream is open. Called again after every reconnect: events of the time between must be fetched. */
  onOpen(): void;
  /** The stream broke; the next try is at `retryAtMs`. */
  onBreak(retryAtMs: number): void;
}

const firstPauseMs = 1000;
const longestPauseMs = 30_000;
/** The server sends at least a comment this often; a silent stream is a dead one. */
const silenceMs = 60_000;

function toEvents(data: string): StoredAccessEvent[] {
  const body: unknown = JSON.parse(data);
  if (typeof body !== 'object' || body === null) return [];
  if (Array.isArray(body)) return body as StoredAccessEvent[];
  return 'id' in body && 'decision' in body ? [body as StoredAccessEvent] : [];
}

async function readStream(response: Response, signal: AbortSignal, onEvents: (events: StoredAccessEvent[]) => void) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parser = createSseParser();
  let timer = 0;
  const watch = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void reader?.cancel(), silenceMs);
  };
  try {
    for (;;) {
      watch();
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done || signal.aborted) return;
      const events = parser.push(chunk.value).flatMap((message) => toEvents(message.data));
      if (events.length > 0) onEvents(events);
    }
  } finally {
    clearTimeout(timer);
    await reader?.cancel().catch(() => undefined);
  }
}

/** Follows new events that match the parameters until the returned function is called. */
export function followEvents(params: URLSearchParams, listener: LiveTailListener): () => void {
  const controller = new AbortController();
  let waiting: StoredAccessEvent[] = [];
  let frame = 0;
  const deliver = () => {
    frame = 0;
    const events = waiting;
    waiting = [];
    listener.onEvents(events);
  };
  const onEvents = (events: StoredAccessEvent[]) => {
    waiting.push(...events);
    // A hidden tab has no animation frames; a timer keeps its buffer small there too.
    if (frame === 0) frame = window.setTimeout(deliver, document.hidden ? 1000 : 50);
  };
  const run = async () => {
    let pauseMs = firstPauseMs;
    while (!controller.signal.aborted) {
      try {
        const search = params.toString();
        const response = await send(`${eventsPath}/live${search === '' ? '' : `?${search}`}`, {
          headers: { accept: 'text/event-stream' },
          signal: controller.signal,
        });
        pauseMs = firstPauseMs;
        listener.onOpen();
        await readStream(response, controller.signal, onEvents);
      } catch (error) {
        if (isAbort(error) || toShownFailure(error).kind === 'unauthenticated') return;
      }
      if (controller.signal.aborted) return;
      listener.onBreak(Date.now() + pauseMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  void run();
  return () => {
    controller.abort();
    clearTimeout(frame);
  };
}
