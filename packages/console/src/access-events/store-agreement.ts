// Does the event store still say what the ledger says? Compared stretch by stretch, every column of every row, so that an edited,
// deleted or inserted row is named. The ledger is believed; whether the ledger itself holds is for `dockledger verify`.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@dockledger/contract/error-code';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { toStoredEvent } from '../ledger-routes/ledger-entry.ts';
import type { AccessEventStore, StoreDifference } from './access-event-store.ts';

/** What one stretch was found to be. `to` is where to go on; it equals `from` when the store is not filled that far yet. */
export interface StretchAgreement {
  readonly from: number;
  readonly to: number;
  readonly ledgerSize: number;
  readonly indexedSize: number;
  readonly differences: readonly StoreDifference[];
}

/** Compares the ledger from a position on, at most `limit` entries. At the end also what the store has beyond the ledger. */
export type CompareStretch = (from: number, limit: number) => Promise<StretchAgreement>;

// An erasure takes an event first from the ledger and then from the store; what differs only in between is no difference.
const secondLookMs = 300;
const looksAtMost = 5;

/** Makes the store say again what the ledger says, where it does not. `differences` are those that were found and mended. */
export type RepairStretch = CompareStretch;

/** Puts the repair together: compares, and replaces what differs. Readers of other stretches notice nothing. */
export function createStoreRepair(
  ledger: Ledger,
  store: AccessEventStore,
  compareStretch: CompareStretch,
): RepairStretch {
  async function mend(from: number, { to, differences }: StretchAgreement): Promise<void> {
    const indexes = differences.map(({ ledgerIndex }) => ledgerIndex);
    const beyond = indexes.filter((index) => index >= to);
    if (beyond.length < indexes.length) {
      const entries = await ledger.read(from, to - from);
      const events = entries.flatMap((entry, offset) => toStoredEvent(entry, from + offset) ?? []);
      await store.replaceRange({ from, to: from + entries.length, events });
    }
    if (beyond.length > 0)
      await store.replaceRange({ from: Math.min(...beyond), to: Number.MAX_SAFE_INTEGER, events: [] });
  }

  return async (from, limit) => {
    const found = await compareStretch(from, limit);
    // An event that is erased while its stretch is replaced would be back: so it is looked at again.
    for (let left = found, turn = 0; left.differences.length > 0; left = await compareStretch(from, limit), turn++) {
      if (turn === looksAtMost)
        throw new AppError(
          'unavailable',
          `The event store does not agree with the ledger from ${from} on, however often it is mended.`,
        );
      await mend(from, left);
    }
    return found;
  };
}

/** Puts the comparison together. `indexedSize` says up to which position the store is filled. */
export function createStoreAgreement(
  ledger: Ledger,
  store: AccessEventStore,
  indexedSize: () => number,
): CompareStretch {
  async function compare(from: number, limit: number): Promise<StretchAgreement> {
    const ledgerSize = ledger.size;
    const indexed = Math.min(indexedSize(), ledgerSize);
    const entries = from < indexed ? await ledger.read(from, Math.min(limit, indexed - from)) : [];
    const to = from + entries.length;
    const events = entries.flatMap((entry, offset) => toStoredEvent(entry, from + offset) ?? []);
    const differences = entries.length === 0 ? [] : [...(await store.compareRange({ from, to, events }))];
    if (to >= indexed) {
      const beyond = await store.compareRange({ from: to, to: Number.MAX_SAFE_INTEGER, events: [] });
      // What the ledger has, too, was accepted since then and belongs to the next stretch.
      differences.push(...beyond.filter(({ ledgerIndex }) => ledgerIndex >= ledger.size));
    }
    return { from, to, ledgerSize, indexedSize: indexed, differences };
  }

  return async (from, limit) => {
    const first = await compare(from, limit);
    if (first.differences.length === 0) return first;
    await delay(secondLookMs);
    const second = await compare(from, limit);
    const before = new Set(first.differences.map(nameOf));
    return { ...second, differences: second.differences.filter((difference) => before.has(nameOf(difference))) };
  };
}

function nameOf({ kind, ledgerIndex, id }: StoreDifference): string {
  return `${kind} ${ledgerIndex} ${id}`;
}
