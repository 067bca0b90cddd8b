// One-time marks on what the proxy lets through, so that the authorization plugin neither judges nor records it again.
// Invariant: a mark holds for one method and one target, once, for a minute, and is known to this process only.
import { randomBytes } from 'node:crypto';

/** Makes and takes marks. */
export interface PassMarks {
  /** A fresh mark for exactly this request. */
  issue(method: string, target: string): string;
  /** True the first time that the mark comes with its own method and target. A mark is gone after any attempt. */
  consume(mark: string, method: string, target: string): boolean;
}

/** The engine asks its plugins before it reads a streamed body, so a mark is never needed for long. */
const defaultLifetimeMs = 60_000;
/** Bounds memory while the engine does not ask the plugin at all. */
const maxIssued = 100_000;

/** `now` is milliseconds since 1970. */
export function createPassMarks({ now = Date.now, lifetimeMs = defaultLifetimeMs } = {}): PassMarks {
  const issued = new Map<string, { readonly request: string; readonly until: number }>();
  return {
    issue: (method, target) => {
      const at = now();
      // Oldest first: what was refused by the engine before its plugins were asked is never consumed.
      for (const [mark, { until }] of issued) {
        if (until > at && issued.size < maxIssued) break;
        issued.delete(mark);
      }
      const mark = randomBytes(16).toString('base64url');
      issued.set(mark, { request: `${method} ${target}`, until: at + lifetimeMs });
      return mark;
    },
    consume: (mark, method, target) => {
      const found = issued.get(mark);
      issued.delete(mark);
      return found !== undefined && found.until > now() && found.request === `${method} ${target}`;
    },
  };
}
