// The Merkle log of @dockledger/ledger behind the Console's ledger port.
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LedgerEntry as Entry, openLedger } from '@dockledger/ledger';
import type { Ledger, LedgerEntry } from '../../ledger-routes/ledger.ts';

const readAtOnce = 1000;

/** Opens the log: tiles and checkpoints in `<directory>/ledger`, keys, journal and payloads in `<directory>/ledger-private`. */
export async function openMerkleLedger(directory: string, origin: string): Promise<Ledger> {
  const publicDir = join(directory, 'ledger');
  const privateDir = join(directory, 'ledger-private');
  for (const path of [publicDir, privateDir]) await mkdir(path, { recursive: true, mode: 0o700 });
  const ledger = await openLedger({ publicDir, privateDir, origin });
  return {
    proofs: {
      origin: ledger.origin,
      get publishedSize() {
        return ledger.sizes.published;
      },
      publishNow: () => ledger.publishNow(),
      publishedRoot: () => ledger.checkpoint().root,
      inclusionProof: (index, size) => ledger.inclusionProof(index, size),
      consistencyProof: (oldSize, size) => ledger.consistencyProof(oldSize, size),
      keyHistory: () => ledger.keyHistory(),
      rotateKey: () => ledger.rotateKey(),
      retireOldKeys: () => ledger.retireOldKeys(),
    },
    get size() {
      return ledger.sizes.accepted;
    },
    append: (entries) => ledger.append(entries),
    read: async (from, limit) => (await ledger.read(from, limit)).map(toPortEntry),
    readEnvelopes: async (from, limit) => (await ledger.readEnvelopes(from, limit)).map(({ envelope }) => envelope),
    grownBeyond: async (size, signal) => {
      if (ledger.sizes.accepted > size || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const unsubscribe = ledger.subscribe(({ accepted }) => accepted > size && resolve());
      const onAbort = () => resolve();
      signal.addEventListener('abort', onAbort, { once: true });
      await promise;
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
    },
    erase: (indexes) => ledger.erase(indexes),
    eraseWhere: async ({ from, to }, isChosen) => {
      // Settled blocks one by one; what is left at the end all at once.
      let next = from;
      const shouldDrop = (entry: Entry) => {
        next = entry.index + 1;
        return isChosen(toPortEntry(entry), entry.index);
      };
      const { dropped, bytes } = await ledger.dropPayloads({ from, to, shouldDrop });
      const rest: number[] = [];
      let restBytes = 0;
      while (next < to) {
        const entries = await ledger.read(next, Math.min(readAtOnce, to - next));
        if (entries.length === 0) break;
        next += entries.length;
        for (const entry of entries) {
          if (entry.payload === null || !isChosen(toPortEntry(entry), entry.index)) continue;
          rest.push(entry.index);
          restBytes += entry.payload.length;
        }
      }
      await ledger.erase(rest);
      return { erased: dropped + rest.length, bytes: bytes + restBytes };
    },
    payloadBlockBytes: () => listBlockBytes(join(privateDir, 'payloads')),
    close: () => ledger.close(),
  };
}

function toPortEntry({ envelope, salt, payload }: Entry): LedgerEntry {
  return { envelope, salt: payload === null ? undefined : salt, payload: payload ?? undefined };
}

/** Blocks lie in two levels of directories by number, so sorted paths are in order. */
async function listBlockBytes(directory: string): Promise<number[]> {
  const names = (await readdir(directory, { recursive: true }).catch(() => [])).filter((name) => name.endsWith('.zst'));
  const sizes: number[] = [];
  for (const name of names.toSorted()) sizes.push((await stat(join(directory, name))).size);
  return sizes;
}
