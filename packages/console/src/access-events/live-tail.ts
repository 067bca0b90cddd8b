// Hands newly indexed events to open live streams. A reader that does not keep up is cut off, never the others slowed.
import type { StoredAccessEvent } from '@dockledger/contract';
import { type AccessEventFilter, matchesFilter } from './access-event-filter.ts';

/** Where events enter and streams listen. */
export class LiveTail {
  readonly #listeners = new Set<(events: readonly StoredAccessEvent[]) => void>();
  readonly #closers = new Set<() => void>();

  /** Passes events on, in their order. */
  publish(events: readonly StoredAccessEvent[]): void {
    for (const listener of this.#listeners) listener(events);
  }

  /** Ends all streams. */
  close(): void {
    for (const end of this.#closers) end();
  }

  /** Calls `listener` with each group of events that pass the filter, until the returned function is called. `end` is called by {@link close}. */
  follow(
    filter: AccessEventFilter,
    listener: (events: readonly StoredAccessEvent[]) => void,
    end: () => void,
  ): () => void {
    const filtered = (events: readonly StoredAccessEvent[]) => {
      const matching = events.filter((event) => matchesFilter(event, filter));
      if (matching.length > 0) listener(matching);
    };
    this.#listeners.add(filtered);
    this.#closers.add(end);
    return () => {
      this.#listeners.delete(filtered);
      this.#closers.delete(end);
    };
  }
}
