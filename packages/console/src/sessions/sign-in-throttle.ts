// Slows guessing: after five wrong passwords in a row, a user name from one address waits, twice as long each time.
// An address that fails for many names waits as a whole. Bounded memory; a right password clears its own pair.
import { AppError } from '@dockledger/contract/error-code';

interface Failures {
  count: number;
  lastAt: number;
}

const free = 5;
const freePerAddress = 50;
const longestMs = 300_000;
const forgetAfterMs = 900_000;
const mostEntries = 20_000;

/** Counts failures per user and address. */
export class SignInThrottle {
  readonly #failures = new Map<string, Failures>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Throws `too_many_requests` with `retryAfterSeconds` while this user must wait at this address. */
  check(username: string, address: string): void {
    const wait = Math.max(this.#waitMs(pairKey(username, address), free), this.#waitMs(address, freePerAddress));
    if (wait <= 0) return;
    const retryAfterSeconds = Math.ceil(wait / 1000);
    throw new AppError('too_many_requests', `Too many failed sign-ins. Try again in ${retryAfterSeconds} s.`, {
      details: { retryAfterSeconds },
    });
  }

  /** Counts one wrong password. */
  failed(username: string, address: string): void {
    for (const key of [pairKey(username, address), address]) {
      const known = this.#failures.get(key);
      const fresh = known === undefined || this.#now() - known.lastAt > forgetAfterMs;
      // Set anew so that the map stays in the order of last failure and the oldest goes first.
      this.#failures.delete(key);
      this.#failures.set(key, { count: (fresh ? 0 : known.count) + 1, lastAt: this.#now() });
    }
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= mostEntries) break;
      this.#failures.delete(key);
    }
  }

  /** Clears what was counted for this pair. The address keeps its count: one known password must not reset guessing others. */
  succeeded(username: string, address: string): void {
    this.#failures.delete(pairKey(username, address));
  }

  #waitMs(key: string, allowance: number): number {
    const known = this.#failures.get(key);
    if (known === undefined || known.count < allowance) return 0;
    const pause = Math.min(1000 * 2 ** Math.min(known.count - allowance, 16), longestMs);
    return known.lastAt + pause - this.#now();
  }
}

function pairKey(username: string, address: string): string {
  return `${username}\0${address}`;
}
