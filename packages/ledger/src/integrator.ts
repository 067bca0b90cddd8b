// Moves accepted entries into files and signs: bundles and tiles, then the private state, then the signature, then `checkpoint`.
// Invariant: the journal keeps every entry until all of its files were synced, and no signature leaves before its size is in the state on disk.
import { setTimeout as scheduleTimeout } from 'node:timers';
import { AppError } from '@dockledger/contract/error-code';
import type { AcceptedTail } from './accepted-tail.ts';
import { encodeBatch } from './batch-record.ts';
import type { DurableFiles } from './durable-files.ts';
import { allSettled, Exclusive } from './exclusive.ts';
import type { KeyFiles } from './key-files.ts';
import { type LedgerState, saveLedgerState } from './ledger-state.ts';
import type { PayloadStore } from './payload-store.ts';
import type { PublicTree } from './public-tree.ts';
import { signNote } from './signing-key.ts';
import { formatCheckpoint } from './tlog/checkpoint.ts';
import { formatNote } from './tlog/note.ts';
import { tileWidth } from './tlog/tile-path.ts';
import { toHex } from './tlog/tree-hash.ts';

/** Times, all in milliseconds. */
export interface IntegratorTimes {
  /** Least time between two checkpoints. */
  readonly publishEveryMs: number;
  /** Least time between two rounds of syncing files and shortening the journal. */
  readonly settleEveryMs: number;
  /** How long superseded partial tiles stay. */
  readonly keepPartialsMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** What an integrator works on; all of it is the ledger's and outlives it. */
export interface IntegratorParts {
  readonly tail: AcceptedTail;
  readonly tree: PublicTree;
  readonly payloads: PayloadStore;
  readonly keys: KeyFiles;
  readonly publicFiles: DurableFiles;
  readonly privateFiles: DurableFiles;
}

/** Path of the snapshot of an unfinished block, relative to the private directory. */
export function formatSnapshotPath(settledSize: number): string {
  return `snapshot-${settledSize}`;
}

const floorToBlock = (size: number): number => size - (size % tileWidth);

/** Owns the state file and everything that writes files after acceptance. */
export class Integrator {
  readonly #parts: IntegratorParts;
  readonly #times: IntegratorTimes;
  readonly #onPublished: () => void;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #exclusive = new Exclusive();
  readonly #saving = new Exclusive();
  #state: LedgerState;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isStopped = false;
  #settling: Promise<void> = Promise.resolve();
  #isSettling = false;
  #isFailed = false;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #settledAt: number;
  #unsyncedBlocks: string[] = [];
  #published: { readonly size: number; readonly at: number }[] = [];
  #problem: unknown;

  constructor(
    parts: IntegratorParts,
    state: LedgerState,
    times: IntegratorTimes,
    on: { published: () => void; problem: (message: string, error: unknown) => void },
  ) {
    this.#parts = parts;
    this.#state = state;
    this.#times = times;
    this.#onPublished = on.published;
    this.#onProblem = on.problem;
    this.#settledAt = times.now();
    this.#published.push({ size: state.size, at: times.now() });
  }

  get state(): LedgerState {
    return this.#state;
  }

  /** Why the last attempt to integrate failed; undefined after a success. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Tells that something was accepted: a checkpoint follows, at once or when the time between two has passed. */
  poke(): void {
    if (this.#timer !== undefined || this.#isRunning || this.#isStopped) return;
    const wait = Math.max(0, this.#publishedAt + this.#times.publishEveryMs - this.#times.now());
    this.#timer = scheduleTimeout(() => void this.#onTimer(), wait);
    this.#timer.unref();
  }

  /** Integrates all that is accepted now. */
  integrate(): Promise<void> {
    return this.#exclusive.run(() => this.#integrate());
  }

  /** Runs `action` while nothing is integrated or settled. */
  async exclusively<Result>(action: () => Promise<Result>): Promise<Result> {
    return this.#exclusive.run(async () => {
      await this.#settling;
      return action();
    });
  }

  /** Only inside {@link exclusively}: integrates everything and empties the journal, in memory and on disk. */
  async settleEverything(journal: 'trim' | 'leave-no-byte'): Promise<void> {
    await this.#integrate();
    const { tail } = this.#parts;
    const size = this.#state.size;
    const start = floorToBlock(size);
    await this.#syncFiles();
    const previous = this.#state.settledSize;
    if (start < size) {
      const entries = Array.from({ length: size - start }, (_, i) => this.#entry(start + i));
      await this.#parts.privateFiles.writeDurably(formatSnapshotPath(size), encodeBatch(start, entries), 0o600);
    }
    await this.#save({ settledSize: size });
    if (previous !== size) this.#parts.privateFiles.remove(formatSnapshotPath(previous));
    await (journal === 'trim' ? tail.release(size) : tail.releaseCompletely(size));
  }

  /** Signs and publishes the present size anew, for instance with another key. */
  async publish(): Promise<void> {
    const { origin, size, root } = this.#state;
    const text = formatCheckpoint({ origin, size, root: new Uint8Array(Buffer.from(root, 'hex')) });
    const note = formatNote(signNote(text, this.#parts.keys.keys));
    await this.#parts.publicFiles.writeDurably('checkpoint', Buffer.from(note));
  }

  /** Stops the timer and waits for what is under way. Integrates no more by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#exclusive.run(async () => this.#settling);
  }

  async #onTimer(): Promise<void> {
    this.#timer = undefined;
    this.#isRunning = true;
    try {
      await this.integrate();
      this.#settleSometimes();
    } catch (error) {
      // Kept for appenders; the next round, a second later, goes on where this one failed.
      this.#problem = error;
      this.#publishedAt = this.#times.now();
      this.#onProblem('Accepted entries could not be integrated; trying again.', error);
    } finally {
      this.#isRunning = false;
    }
    if (this.#isFailed) return;
    if (this.#problem !== undefined || this.#parts.tail.acceptedSize > this.#state.size) this.poke();
  }

  async #integrate(): Promise<void> {
    const { tail, tree } = this.#parts;
    if (this.#isFailed) throw this.#problem;
    const hasGrown = tail.acceptedSize > this.#state.size || tree.size > this.#state.size;
    if (hasGrown) {
      await tree.advance(Math.max(tail.acceptedSize, tree.size), (index) => this.#entry(index).envelope);
      await tree.write();
    }
    await this.#writeBlocks();
    if (hasGrown) {
      const cleanedSize = await this.#cleanPartials();
      await this.#save({ size: tree.size, root: toHex(tree.root()), cleanedSize });
      await this.publish();
      this.#publishedAt = this.#times.now();
      this.#published.push({ size: tree.size, at: this.#publishedAt });
    }
    tail.forget(floorToBlock(tree.size));
    if (hasGrown) this.#onPublished();
    this.#problem = undefined;
  }

  async #writeBlocks(): Promise<void> {
    const { tail, tree, payloads } = this.#parts;
    const blocks: number[] = [];
    for (let start = tail.start; start + tileWidth <= tree.size; start += tileWidth) blocks.push(start / tileWidth);
    const queue = blocks.values();
    const worker = async (): Promise<void> => {
      for (const block of queue) {
        const entries = Array.from({ length: tileWidth }, (_, i) => this.#entry(block * tileWidth + i));
        this.#unsyncedBlocks.push(await payloads.write(block, entries));
      }
    };
    await allSettled([worker(), worker()]);
  }

  #settleSometimes(): void {
    const target = floorToBlock(this.#state.size);
    const isDue = this.#times.now() - this.#settledAt >= this.#times.settleEveryMs;
    if (this.#isSettling || !isDue || target <= this.#state.settledSize) return;
    this.#isSettling = true;
    this.#settling = this.#settleBlocks(target)
      .catch((error: unknown) => {
        this.#problem = error;
        this.#onProblem('The ledger files could not be synced; the journal keeps their entries.', error);
      })
      .finally(() => {
        this.#isSettling = false;
        this.#settledAt = this.#times.now();
      });
  }

  /** Runs beside integration: what it syncs and lets go lies below `target`, which integration no longer touches. */
  async #settleBlocks(target: number): Promise<void> {
    await this.#syncFiles();
    const previous = this.#state.settledSize;
    await this.#save({ settledSize: target });
    if (previous % tileWidth !== 0) this.#parts.privateFiles.remove(formatSnapshotPath(previous));
    await this.#parts.tail.release(target);
  }

  async #syncFiles(): Promise<void> {
    const { tree, publicFiles, privateFiles } = this.#parts;
    const tiles = tree.takeUnsynced();
    const blocks = this.#unsyncedBlocks;
    this.#unsyncedBlocks = [];
    try {
      await publicFiles.sync(tiles);
      await privateFiles.sync(blocks);
    } catch (error) {
      tree.returnUnsynced(tiles);
      this.#unsyncedBlocks.push(...blocks);
      this.#isFailed = true;
      // After a failed sync the page cache may hold what the disk does not: only a restart, which rebuilds from the journal, is safe.
      this.#problem = new AppError(
        'ledger_failed',
        'The disk refused to sync the ledger. Restart to rebuild from the journal.',
        {
          cause: error,
        },
      );
      throw this.#problem;
    }
  }

  #entry(index: number): NonNullable<ReturnType<AcceptedTail['entry']>> {
    const entry = this.#parts.tail.entry(index);
    if (!entry) throw new AppError('internal', `Entry ${index} left the memory before it was integrated.`);
    return entry;
  }

  /** Integration and settling run side by side, so each changes only its own fields, one after the other. */
  #save(change: Partial<LedgerState>): Promise<void> {
    return this.#saving.run(async () => {
      const state = { ...this.#state, ...change };
      await saveLedgerState(this.#parts.privateFiles, state);
      this.#state = state;
    });
  }

  /** Deletes partial tiles that were superseded long enough ago; gives the size up to which that is done. */
  async #cleanPartials(): Promise<number> {
    const oldEnough = this.#times.now() - this.#times.keepPartialsMs;
    const mark = this.#published.findLast(({ at }) => at <= oldEnough);
    if (!mark) return this.#state.cleanedSize;
    this.#published = this.#published.filter(({ at }) => at > mark.at);
    const cleaned = Math.max(this.#state.cleanedSize, floorToBlock(mark.size));
    await this.#parts.tree.deletePartialsOfFullTiles(this.#state.cleanedSize, cleaned);
    return cleaned;
  }
}
