// Runs asynchronous actions one after the other, in the order in which they were asked for.

/** A queue of one. A failed action fails for its caller only. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `action` when all asked for before have ended. */
  run<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(action, action);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Waits for all, also when some fail, and then throws the first failure: nothing goes on behind the caller's back. */
export async function allSettled(actions: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(actions);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
