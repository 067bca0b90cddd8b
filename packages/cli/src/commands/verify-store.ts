// Asks the running Console whether its event store still says what the ledger says. What cannot be asked is "not-checked", with the reason.
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsoleClient } from '../console-client.ts';

/** A row of the event store that is not what the ledger says. */
export interface StoreDifference {
  readonly kind: 'missing' | 'changed' | 'added';
  readonly ledgerIndex: number;
  readonly id: string;
  readonly fields?: readonly string[];
}

/** The verdict on the event store. */
export interface StoreVerdict {
  readonly store: 'agrees' | 'differs' | 'not-checked';
  /** Why it was not checked; empty otherwise. */
  readonly storeReason: string;
  /** Ledger entries compared. */
  readonly storeChecked: number;
  /** The first 100. */
  readonly storeDifferences: readonly StoreDifference[];
  readonly storeDifferenceCount: number;
}

const behindWithinMs = 60_000;
const listedAtMost = 100;

/** The verdict when nobody was asked. */
export function notChecked(storeReason: string): StoreVerdict {
  return { store: 'not-checked', storeReason, storeChecked: 0, storeDifferences: [], storeDifferenceCount: 0 };
}

/** Compares all that the ledger holds now, stretch by stretch. Waits for a store that is still being filled. */
export async function verifyStore(
  client: ConsoleClient,
  onProgress: (checked: number, size: number) => void,
): Promise<StoreVerdict> {
  const listed: StoreDifference[] = [];
  let count = 0;
  let from = 0;
  let size: number | undefined;
  let deadline = Date.now() + behindWithinMs;
  try {
    do {
      const stretch: { to: number; ledgerSize: number; differences: StoreDifference[] } = await client.json(
        `/api/dockledger/v1/ledger/store-agreement?from=${from}`,
      );
      size ??= stretch.ledgerSize;
      count += stretch.differences.length;
      listed.push(...stretch.differences.slice(0, listedAtMost - listed.length));
      if (stretch.to > from) deadline = Date.now() + behindWithinMs;
      else if (from < size) {
        if (Date.now() > deadline) return notChecked(`the event store is filled up to ${from} of ${size} only`);
        await delay(100);
      }
      from = stretch.to;
      onProgress(from, size);
    } while (from < size);
  } catch (error) {
    return notChecked(error instanceof Error ? error.message : String(error));
  }
  return {
    store: count === 0 ? 'agrees' : 'differs',
    storeReason: '',
    storeChecked: from,
    storeDifferences: listed,
    storeDifferenceCount: count,
  };
}

/** One sentence about a difference. */
export function toSentence({ kind, ledgerIndex, id, fields }: StoreDifference): string {
  if (kind === 'missing') return `event ${id} (entry ${ledgerIndex}) is missing from the event store`;
  if (kind === 'added') return `the event store holds ${id} at ${ledgerIndex}, which the ledger does not`;
  return `event ${id} (entry ${ledgerIndex}) was changed in the event store: ${(fields ?? []).join(', ')}`;
}
