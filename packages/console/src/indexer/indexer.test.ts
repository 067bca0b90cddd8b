import { AppError } from '@dockledger/contract/error-code';
import { createTempDir, until } from '@dockledger/testkit';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { AccessEventRange } from '../access-events/access-event-store.ts';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { toLedgerEntry } from '../ledger-routes/ledger-entry.ts';
import { MemoryAccessEventStore } from '../storage/memory/memory-access-event-store.ts';
import { openMerkleLedger } from '../storage/merkle-ledger/merkle-ledger.ts';
import { anEvent } from '../testing/an-event.ts';
import { startIndexer } from './indexer.ts';

const logger = pino({ level: 'silent' });

async function append(ledger: Ledger, from: number, to: number): Promise<void> {
  const events = Array.from({ length: to - from + 1 }, (_, offset) => anEvent({ seq: from + offset }));
  const received = { at: '2026-11-23T10:00:01.000Z', collections: ['All'] };
  await ledger.append(
    events.map((event) => toLedgerEntry({ event, bytes: Buffer.from(JSON.stringify(event)) }, received)),
  );
}

/** A store that is away at times: some writes fail before, some after they happened. */
class FlakyStore extends MemoryAccessEventStore {
  failures = ['before', 'after', 'before', 'after', 'after'];
  override async appendRange(range: AccessEventRange): Promise<{ readonly stored: number }> {
    const failure = this.failures.shift();
    if (failure === 'before') throw new AppError('store_unavailable', 'The event store is away.');
    const stored = await super.appendRange(range);
    if (failure === 'after') throw new AppError('store_unavailable', 'The event store went away.');
    return stored;
  }
}

describe('indexer', () => {
  it('carries every ledger entry into the store and to the live tail once, in order, over failures before and after a write', async () => {
    await using dir = await createTempDir();
    const ledger = await openMerkleLedger(dir.path, 'test/indexer');
    const store = new FlakyStore();
    const announced: number[] = [];
    const onIndexed = (events: readonly { readonly seq: number }[]) => announced.push(...events.map(({ seq }) => seq));
    const indexer = startIndexer({ ledger, store, logger, onIndexed, atOnce: 7 });
    await append(ledger, 1, 20);
    await append(ledger, 21, 50);
    await until('all is indexed', () => indexer.indexedSize === 50);
    expect(indexer.failure).toBeUndefined();
    const events = await store.page(
      { scope: null },
      { limit: 100, sort: { by: 'ledgerIndex', direction: 'ascending' } },
    );
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(announced).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    await indexer.close();
    await ledger.close();
  });

  it('goes on where the store is after a restart, and says why while it cannot', async () => {
    await using dir = await createTempDir();
    const ledger = await openMerkleLedger(dir.path, 'test/indexer');
    const store = new FlakyStore();
    store.failures = [];
    await append(ledger, 1, 10);
    const first = startIndexer({ ledger, store, logger, onIndexed: () => undefined });
    await until('the first ten are indexed', () => first.indexedSize === 10);
    await first.close();
    await append(ledger, 11, 12);
    store.failures = ['before', 'before'];
    const second = startIndexer({ ledger, store, logger, onIndexed: () => undefined });
    expect(await until('it tells the failure', () => second.failure)).toBe('The event store is away.');
    await until('the rest is indexed', () => second.indexedSize === 12);
    expect(await store.count({ scope: null })).toBe(12);
    await second.close();
    await ledger.close();
  });
});
