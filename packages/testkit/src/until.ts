// Waiting in tests means awaiting a condition with a deadline; nothing in a test sleeps and hopes.
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with the first truthy value of `condition`, asked every 10 ms. Throws after `withinMs` (default 10,000)
 * naming `what`, with the last error or value seen.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = 10_000, everyMs = 10 }: { withinMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false | 0 | ''>>> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as NonNullable<Exclude<T, false | 0 | ''>>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`Waited ${withinMs} ms in vain until ${what}; last seen: ${seen}`);
    }
    await delay(everyMs);
  }
}
