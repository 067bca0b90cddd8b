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
