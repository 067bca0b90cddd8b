// The list behind the events table: pages of older events at its end, live events at its head, each event once.
// While `isHeld` new events wait outside, so that the list never jumps under the reader; memory stays bounded.
import type { StoredAccessEvent } from '@dockledger/contract';
import { signal } from '@preact/signals';
import { type ApiFailure, isAbort, toShownFailure } from '../api/client.ts';
import { loadEvents } from '../api/events.ts';
import { followEvents } from '../api/live-tail.ts';
import { mergeNewest } from '../lib/merge-newest.ts';

const pageSize = 100;
/** Above this the list begins anew from its newest page instead of growing in an endless live tail. */
const mostLiveRows = 3000;
const mostWaiting = 2000;
/** How often is asked while the live stream cannot be opened. */
const pollMs = 3000;

/** How the live tail is. */
export type TailState = 'off' | 'opening' | 'open' | 'broken';

/** Opens a list for one question. Call `close` before opening the next. */
export class EventList {
  /** Newest first. */
  readonly rows = signal<readonly StoredAccessEvent[]>([]);
  /** Newer events that wait until the reader asks for them. */
  readonly waiting = signal<readonly StoredAccessEvent[]>([]);
  readonly isLoading = signal(true);
  readonly isLoadingMore = signal(false);
  readonly hasMore = signal(false);
  readonly failure = signal<ApiFailure | undefined>(undefined);
  readonly tail = signal<TailState>('off');
  /** Grows with every batch of live events, for whoever shows sums. */
  readonly arrivals = signal(0);

  readonly #params: URLSearchParams;
  readonly #controller = new AbortController();
  #cursor: string | undefined;
  #stopTail: (() => void) | undefined;
  #poll = 0;
  #retry = 0;
  #isHeld = false;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  /** Loads the first page and, when `follows`, the live tail. */
  open(options: { readonly follows: boolean }): void {
    void this.#restart();
    if (!options.follows) return;
    this.tail.value = 'opening';
    const params = new URLSearchParams(this.#params);
    params.delete('from');
    params.delete('to');
    this.#stopTail = followEvents(params, {
      onEvents: (events) => this.#take(events),
      onOpen: () => {
        this.tail.value = 'open';
        window.clearInterval(this.#poll);
        this.#poll = 0;
        void this.#catchUp();
      },
      onBreak: () => {
        this.tail.value = 'broken';
        if (this.#poll !== 0) return;
        this.#poll = window.setInterval(() => void this.#catchUp(), pollMs);
        void this.#catchUp();
      },
    });
  }

  /** Says whether new events must wait (the reader is scrolled down or points at a row). */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  /** Puts the waiting events into the list. */
  showWaiting(): void {
    const waiting = this.waiting.peek();
    this.waiting.value = [];
    if (waiting.length >= mostWaiting) void this.#restart();
    else this.#insert(waiting);
  }

  /** Loads the next older page, if there is one and none is under way. */
  async loadMore(): Promise<void> {
    if (this.#cursor === undefined || this.isLoadingMore.peek()) return;
    this.isLoadingMore.value = true;
    try {
      const signal = this.#controller.signal;
      const page = await loadEvents(this.#params, { limit: pageSize * 2, cursor: this.#cursor, signal });
      if (signal.aborted) return;
      this.rows.value = mergeNewest(this.rows.peek(), page.events);
      this.#setCursor(page.nextCursor);
      this.failure.value = undefined;
    } catch (error) {
      this.#fail(error);
    } finally {
      this.isLoadingMore.value = false;
    }
  }

  /** Asks again after a failure. */
  retry(): void {
    void this.#restart();
  }

  /** Ends the live tail and gives up calls under way. */
  close(): void {
    this.#controller.abort();
    this.#stopTail?.();
    window.clearInterval(this.#poll);
    window.clearTimeout(this.#retry);
  }

  #setCursor(cursor: string | undefined): void {
    this.#cursor = cursor === '' ? undefined : cursor;
    this.hasMore.value = this.#cursor !== undefined;
  }

  #fail(error: unknown): void {
    if (isAbort(error)) return;
    this.failure.value = toShownFailure(error);
  }

  async #restart(): Promise<void> {
    this.isLoading.value = true;
    window.clearTimeout(this.#retry);
    try {
      const signal = this.#controller.signal;
      const page = await loadEvents(this.#params, { limit: pageSize, signal });
      if (signal.aborted) return;
      this.rows.value = mergeNewest([], page.events);
      this.#setCursor(page.nextCursor);
      this.failure.value = undefined;
      this.isLoading.value = false;
    } catch (error) {
      if (this.#controller.signal.aborted) return;
      this.#fail(error);
      this.isLoading.value = false;
      const kind = this.failure.peek()?.kind;
      if (kind === 'offline' || kind === 'failed') this.#retry = window.setTimeout(() => void this.#restart(), pollMs);
    }
  }

  async #catchUp(): Promise<void> {
    if (this.isLoading.peek()) return;
    try {
      const signal = this.#controller.signal;
      const page = await loadEvents(this.#params, { limit: pageSize, signal });
      if (signal.aborted) return;
      const known = new Set([...this.rows.peek(), ...this.waiting.peek()].map((event) => event.id));
      const missed = page.events.filter((event) => !known.has(event.id));
      this.failure.value = undefined;
      if (missed.length === 0) return;
      // Nothing in common: more was missed than one page holds, so the list begins anew rather than showing a hole.
      if (known.size > 0 && missed.length === page.events.length && !this.#isHeld) void this.#restart();
      else this.#take(missed);
      if (known.size === 0) this.#setCursor(page.nextCursor);
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(events: readonly StoredAccessEvent[]): void {
    const outcomes = events.filter((event) => event.type === 'outcome' && event.ofEvent !== undefined);
    if (outcomes.length > 0) this.#settle(outcomes);
    const fresh = events.filter((event) => event.type !== 'outcome');
    if (fresh.length === 0) return;
    this.arrivals.value += 1;
    if (this.#isHeld) this.waiting.value = mergeNewest(this.waiting.peek(), fresh).slice(0, mostWaiting);
    else this.#insert([...fresh, ...this.waiting.peek()]);
  }

  #insert(events: readonly StoredAccessEvent[]): void {
    this.waiting.value = [];
    const merged = mergeNewest(this.rows.peek(), events);
    if (merged.length > mostLiveRows && !this.#isHeld) void this.#restart();
    else this.rows.value = merged;
  }

  /** Puts outcomes that came later into the rows they belong to. */
  #settle(outcomes: readonly StoredAccessEvent[]): void {
    const byId = new Map(outcomes.map((event) => [event.ofEvent, event.outcome]));
    this.rows.value = this.rows.peek().map((row) => {
      const outcome = byId.get(row.id);
      return outcome === undefined ? row : { ...row, outcome };
    });
  }
}
