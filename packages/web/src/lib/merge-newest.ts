// Merges lists of events into one, newest first, each event once. Ties of time are broken by ledger position, newest first.
import type { StoredAccessEvent } from '@dockledger/contract';

/** Both lists as one. Where both hold an event, the one of `more` is kept. */
export function mergeNewest(
  rows: readonly StoredAccessEvent[],
  more: readonly StoredAccessEvent[],
): readonly StoredAccessEvent[] {
  const byId = new Map(rows.map((event) => [event.id, event]));
  for (const event of more) byId.set(event.id, event);
  return [...byId.values()].sort(
    (a, b) =>
      (a.time < b.time ? 1 : a.time > b.time ? -1 : 0) ||
      b.ledgerIndex - a.ledgerIndex ||
      (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
}
