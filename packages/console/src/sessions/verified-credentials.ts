// Remembers for a few seconds which Basic credentials were verified, so that argon2 does not run on every request.
// Keyed by an HMAC under a random key of this process: the memory holds no password and no reusable hash.
import { createHmac, randomBytes } from 'node:crypto';

/** The cache. Bounded; entries of a user are dropped when their credentials change. */
export class VerifiedCredentials {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<string, { readonly username: string; readonly until: number }>();
  readonly #lifetimeMs: number;
  readonly #now: () => number;

  /** `lifetimeMs` defaults to 10 s. */
  constructor({ lifetimeMs = 10_000, now = Date.now }: { lifetimeMs?: number; now?: () => number } = {}) {
    this.#lifetimeMs = lifetimeMs;
    this.#now = now;
  }

  /** What to remember a pair of name and password by. Names cannot hold U+0000, so pairs never collide. */
  keyOf(username: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${username}\0${password}`).digest('base64');
  }

  /** True when this pair was verified within the lifetime. */
  has(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    if (entry.until > this.#now()) return true;
    this.#entries.delete(key);
    return false;
  }

  /** Remembers a verified pair. */
  add(key: string, username: string): void {
    if (this.#entries.size >= 10_000) this.#entries.clear();
    this.#entries.set(key, { username, until: this.#now() + this.#lifetimeMs });
  }

  /** Forgets what was verified for this user. */
  forget(username: string): void {
    for (const [key, entry] of this.#entries) if (entry.username === username) this.#entries.delete(key);
  }
}
