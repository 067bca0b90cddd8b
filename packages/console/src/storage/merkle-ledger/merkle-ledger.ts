// The Merkle log of @dockledger/ledger behind the Console's ledger port.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openLedger } from '@dockledger/ledger';
import type { Ledger } from '../../ledger-routes/ledger.ts';

const readAtOnce = 1000;

/** Opens the log: tiles and checkpoints in `<directory>/ledger`, keys, journal and payloads in `<directory>/ledger-private`. */
export async function openMerkleLedger(directory: string, origin: string): Promise<Ledger> {
  const publicDir = join(directory, 'ledger');
  const privateDir = join(directory, 'ledger-private');
  for (const path of [publicDir, privateDir]) await mkdir(path, { recursive: true, mode: 0o700 });
  const ledger = await openLedger({ publicDir, privateDir, origin });
  return {
    get size() {
      return ledger.sizes.accepted;
    },
    append: (entries) => ledger.append(entries),
    read: async (from, limit) => {
      const entries = await ledger.read(from, limit);
      return entries.map(({ envelope, salt, payload }) => ({
        envelope,
        salt: payload === null ? undefined : salt,
        payload: payload ?? undefined,
      }));
    },
    grownBeyond: async (size, signal) => {
      if (ledger.sizes.accepted > size || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const unsubscribe = ledger.subscribe(({ accepted }) => accepted > size && resolve());
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      unsubscribe();
    },
    erase: (index) => ledger.erase(index),
    eraseWhere: async (to, isChosen) => {
      // Whole settled blocks at once; what is left at the end one by one.
      const { dropped } = await ledger.dropPayloads({ to, shouldDrop: ({ envelope }) => isChosen(envelope) });
      let erased = dropped;
      for (let from = 0; from < to; ) {
        const entries = await ledger.read(from, Math.min(readAtOnce, to - from));
        if (entries.length === 0) break;
        for (const { index, payload, envelope } of entries) {
          if (payload === null || !isChosen(envelope)) continue;
          await ledger.erase(index);
          erased += 1;
        }
        from += entries.length;
      }
      return erased;
    },
    close: () => ledger.close(),
  };
}
