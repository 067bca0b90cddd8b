// Remembers for a few seconds which Basic credentials were verified, so that argon2 does not run on every request.
// Keyed by an HMAC under a random key of this process: the memory holds no password and no reusable hash.
import { createHmac, randomBytes } from 'node:crypto';

/** The cache. Bounded; entries of a user are dropped when their credentials change. */
export class VerifiedCredentials {
  readonly #key = randomBytes(32);
  readonly #entries = new Map<
    string,
    { readonly username: string; readonly credentialsVersion: number; readonly until: number }
  >();
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

  /** The user's credentials version for which this pair was verified within the lifetime, else undefined. */
  versionOf(key: string): number | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.until > this.#now()) return entry?.credentialsVersion;
    this.#entries.delete(key);
    return undefined;
  }

  /** Remembers a verified pair. It counts only as long as the user's credentials version is this one. */
  add(key: string, username: string, credentialsVersion: number): void {
    if (this.#entries.size >= 10_000) this.#entries.clear();
    this.#entries.set(key, { username, credentialsVersion, until: this.#now() + this.#lifetimeMs });
  }

  /** Forgets what was verified for this user. */
  forget(username: string): void {
    for (const [key, entry] of this.#entries) if (entry.username === username) this.#entries.delete(key);
  }
}
