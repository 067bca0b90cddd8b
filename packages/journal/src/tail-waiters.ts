// Callers that wait for a record that is not there yet. Costs an append nothing while nobody waits.
// Invariant: each waiter is settled exactly once and leaves no abort listener behind.

interface Waiter {
  readonly kind: 'written' | 'durable';
  readonly index: number;
  readonly settle: (error?: unknown) => void;
}

/** Waits for records by index. */
export class TailWaiters {
  #waiters: Waiter[] = [];

  /** Resolves when record `index` is of that kind; rejects with the signal's reason when it aborts. */
  wait(kind: 'written' | 'durable', index: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        kind,
        index,
        settle: (error) => {
          signal?.removeEventListener('abort', onAbort);
          if (error === undefined) resolve();
          else reject(error instanceof Error ? error : new Error('Waiting was aborted.', { cause: error }));
        },
      };
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((candidate) => candidate !== waiter);
        waiter.settle(signal?.reason);
      };
      if (signal?.aborted === true) return waiter.settle(signal.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** All records below `next` are written. */
  writtenTo(next: number): void {
    if (this.#waiters.length > 0) this.#settle((waiter) => waiter.kind === 'written' && waiter.index < next);
  }

  /** All records below `next` are on the disk. */
  durableTo(next: number): void {
    if (this.#waiters.length > 0) this.#settle((waiter) => waiter.kind === 'durable' && waiter.index < next);
  }

  /** Rejects everybody who waits for that kind. */
  fail(error: Error, kinds: readonly ('written' | 'durable')[] = ['written', 'durable']): void {
    this.#settle((waiter) => kinds.includes(waiter.kind), error);
  }

  #settle(isDue: (waiter: Waiter) => boolean, error?: Error): void {
    const due = this.#waiters.filter(isDue);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter));
    for (const waiter of due) waiter.settle(error);
  }
}
