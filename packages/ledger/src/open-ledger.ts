// Opens a ledger and repairs what a crash left: the signed size is rebuilt exactly from settled files and the journal, files past it go.
// Invariant: nothing is appended and nothing signed before the rebuilt root equals the one that was signed last.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import { openJournal } from '@dockledger/journal';
import { AcceptedTail } from './accepted-tail.ts';
import { decodeBatch, type StoredEntry } from './batch-record.ts';
import { DurableFiles } from './durable-files.ts';
import { formatSnapshotPath, Integrator } from './integrator.ts';
import { KeyFiles } from './key-files.ts';
import type { Ledger } from './ledger.ts';
import { type LedgerState, saveLedgerState } from './ledger-state.ts';
import { nodeTreeHasher } from './node-crypto.ts';
import { OpenedLedger } from './opened-ledger.ts';
import { PayloadStore } from './payload-store.ts';
import { PublicTree } from './public-tree.ts';
import { emptyState, loadOrRecoverState } from './state-recovery.ts';
import { parseCheckpoint } from './tlog/checkpoint.ts';
import { parseEntryBundle } from './tlog/entry-bundle.ts';
import { MerkleTree } from './tlog/merkle-tree.ts';
import { isKeyName, parseNote } from './tlog/note.ts';
import { formatTilePath, tileWidth } from './tlog/tile-path.ts';
import { equalBytes, hashSize, toHex } from './tlog/tree-hash.ts';

/** Where a ledger lies and how it behaves. */
export interface LedgerOptions {
  /** The C2SP tlog-tiles directory. Made when missing. */
  readonly publicDir: string;
  /** Journal, payloads, state and signing keys. Made when missing, mode 0700. Same file system as `publicDir`. */
  readonly privateDir: string;
  /** Name in the checkpoints: a URL without scheme. Fixed at the first start. Defaults to `dockledger.local/` and a random id. */
  readonly origin?: string;
  /** Least milliseconds between two checkpoints. Defaults to 1000. */
  readonly publishEveryMs?: number;
  /** Least milliseconds between two rounds of syncing files and shortening the journal. Defaults to 5000. */
  readonly settleEveryMs?: number;
  /** How long superseded partial tiles stay, in milliseconds. Defaults to ten minutes. */
  readonly keepPartialsMs?: number;
  /** Entries in memory may take this much before appending waits. Defaults to 256 MiB. */
  readonly maxTailBytes?: number;
  /** Decompressed payload blocks kept. Defaults to 64 MiB. */
  readonly maxCacheBytes?: number;
  /** A clock in milliseconds that never goes back. Defaults to `performance.now`. */
  readonly now?: () => number;
  /** Told what went wrong without a caller to tell it to. Defaults to a process warning. */
  readonly onProblem?: (message: string, error: unknown) => void;
}

const journalSegmentBytes = 16 * 1024 * 1024;

/**
 * Opens the ledger, alone: throws `conflict` while another process has it open, `bad_setting` for an origin that is not the ledger's,
 * and `ledger_corrupt`, naming file and way out, when the signed size cannot be rebuilt.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const onProblem = options.onProblem ?? ((message, error) => process.emitWarning(`${message} ${String(error)}`));
  mkdirSync(options.privateDir, { recursive: true, mode: 0o700 });
  chmodSync(options.privateDir, 0o700);
  const journal = await openJournal(join(options.privateDir, 'journal'), {
    maxSegmentBytes: journalSegmentBytes,
    onSetAside: (message) => onProblem(message, undefined),
  });
  try {
    const publicFiles = new DurableFiles(options.publicDir, join(options.privateDir, 'staging-public'));
    const privateFiles = new DurableFiles(options.privateDir, join(options.privateDir, 'staging'), 0o700);
    const found = await loadOrRecoverState(publicFiles, privateFiles, journal, onProblem);
    const state = found ?? (await createState(privateFiles, options.origin));
    assertSameOrigin(state, options.origin);
    // As long as only the empty tree was signed, a new key cannot contradict anything.
    const keys = await KeyFiles.load({ privateFiles, publicFiles, origin: state.origin, isNew: state.size === 0 });
    const tail = await AcceptedTail.load(
      journal,
      journalSegmentBytes,
      state.settledSize - (state.settledSize % tileWidth),
      readSnapshot(privateFiles, state.settledSize),
    );
    const tree = await rebuildTree(publicFiles, state, tail);
    const payloads = new PayloadStore(privateFiles, {
      maxCacheBytes: options.maxCacheBytes ?? 64 * 1024 * 1024,
      onLost: (message) => onProblem(message, undefined),
    });
    const parts = { tail, tree, payloads, keys, publicFiles, privateFiles };
    const times = {
      publishEveryMs: options.publishEveryMs ?? 1000,
      settleEveryMs: options.settleEveryMs ?? 5000,
      keepPartialsMs: options.keepPartialsMs ?? 600_000,
      now: options.now ?? (() => performance.now()),
    };
    const integrator = new Integrator(parts, state, times, {
      published: () => ledger.onPublished(),
      problem: onProblem,
    });
    const ledger = new OpenedLedger({
      ...parts,
      integrator,
      maxTailBytes: options.maxTailBytes ?? 256 * 1024 * 1024,
      onProblem,
    });
    await integrator.publish();
    await integrator.integrate();
    return ledger;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function assertSameOrigin(state: LedgerState, wanted: string | undefined): void {
  if (wanted === undefined || wanted === state.origin) return;
  throw new AppError(
    'bad_setting',
    `The ledger's origin is "${state.origin}" and cannot become "${wanted}". Start a new ledger for a new origin.`,
  );
}

async function createState(privateFiles: DurableFiles, wantedOrigin: string | undefined): Promise<LedgerState> {
  const origin = wantedOrigin ?? `dockledger.local/${toHex(randomBytes(8))}`;
  if (!isKeyName(origin)) {
    throw new AppError(
      'bad_setting',
      `The ledger's origin "${origin}" must be a URL without scheme, spaces and plus signs.`,
    );
  }
  const state = emptyState(origin);
  await saveLedgerState(privateFiles, state);
  return state;
}

/** The entries between the last full block and `settledSize`. */
function readSnapshot(privateFiles: DurableFiles, settledSize: number): readonly StoredEntry[] {
  const width = settledSize % tileWidth;
  const current = formatSnapshotPath(settledSize);
  for (const name of readdirSync(privateFiles.root)) {
    if (name.startsWith('snapshot-') && name !== current) privateFiles.remove(name);
  }
  if (width === 0) return [];
  const path = privateFiles.path(current);
  const batch = existsSync(path) ? decodeBatch(readFileSync(path)) : undefined;
  if (batch?.firstIndex !== settledSize - width || batch.entries.length !== width) {
    throw new AppError(
      'ledger_corrupt',
      `${path} is missing or does not hold ${width} entries. Restore it from a backup.`,
    );
  }
  return batch.entries;
}

async function rebuildTree(publicFiles: DurableFiles, state: LedgerState, tail: AcceptedTail): Promise<PublicTree> {
  const fail = (reason: string, cause?: unknown): AppError =>
    new AppError(
      'ledger_corrupt',
      `The ledger in ${publicFiles.root} cannot be rebuilt to its signed size ${state.size}: ${reason}.`,
      {
        cause,
      },
    );
  if (tail.acceptedSize < state.size) throw fail(`only ${tail.acceptedSize} entries are left in its files and journal`);
  const readFull = (level: number | 'entries', index: number): Uint8Array => {
    const path = publicFiles.path(formatTilePath({ level, index, width: tileWidth }));
    try {
      return readFileSync(path);
    } catch (cause) {
      throw fail(`${path} cannot be read`, cause);
    }
  };
  const edge = await MerkleTree.load(nodeTreeHasher, tail.start, async (level, index, width) => {
    const hashes = new Uint8Array(width * hashSize);
    for (let i = 0; i < width; i++) {
      hashes.set(nodeTreeHasher.fold(readFull(level - 1, index * tileWidth + i)), i * hashSize);
    }
    return hashes;
  });
  if (tail.start > 0) {
    const last = tail.start / tileWidth - 1;
    const leaves = parseEntryBundle(readFull('entries', last), tileWidth).map((entry) => nodeTreeHasher.leaf(entry));
    if (!equalBytes(Buffer.concat(leaves), readFull(0, last)))
      throw fail(`its last full bundle ${last} is not what its tile says`);
  }
  const tree = new PublicTree(publicFiles, edge);
  await tree.advance(state.size, (index) => tail.entry(index)?.envelope ?? new Uint8Array(0));
  if (toHex(tree.root()) !== state.root) throw fail(`the root is ${toHex(tree.root())}, but ${state.root} was signed`);
  assertExtendsPublished(publicFiles, state);
  await tree.write('compare');
  tree.deletePast(tail.acceptedSize);
  return tree;
}

/** The state is written before the checkpoint; a checkpoint ahead of it means that the private directory is from an older backup. */
function assertExtendsPublished(publicFiles: DurableFiles, state: LedgerState): void {
  const path = publicFiles.path('checkpoint');
  if (!existsSync(path)) return;
  let published: ReturnType<typeof parseCheckpoint>;
  try {
    published = parseCheckpoint(parseNote(readFileSync(path)).text);
  } catch {
    // Torn by a power cut, or damaged: the state on disk knows better, and the file is written anew.
    return;
  }
  const isForked = published.size === state.size && toHex(published.root) !== state.root;
  if (published.size > state.size || isForked) {
    throw new AppError(
      'ledger_corrupt',
      `${path} is for size ${published.size}, but the private state only knows size ${state.size}: the private directory is older. ` +
        'Restore both from the same backup; signing on from here would fork the ledger.',
    );
  }
}
