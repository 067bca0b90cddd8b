// Syncs the journal's files: one sync at a time, and everything that arrives meanwhile shares the next one.
// Invariant: after one failed sync nothing is ever called durable again, because the kernel may have dropped the pages that it could not write.
import { closeSync } from 'node:fs';
import { AppError } from '@dockledger/contract/error-code';
import type { SegmentIo } from './segment-io.ts';

/** What a changed file is, which decides how it is synced and what happens to it then. */
export type ChangedFile = 'active-segment' | 'closed-segment' | 'directory';

interface Commit {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const done = Promise.resolve();

/** Group commit over a changing set of files. */
export class GroupCommit {
  readonly #io: SegmentIo;
  readonly #maxUnsyncedMs: number;
  readonly #onDurable: (durableNext: number) => void;
  readonly #onFailure: (error: AppError) => void;
  #changed = new Map<number, ChangedFile>();
  #writtenNext = 0;
  #durableNext = 0;
  #failure: AppError | undefined;
  #waiting: Commit | undefined;
  #running: Commit | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    io: SegmentIo,
    maxUnsyncedMs: number,
    onDurable: (durableNext: number) => void,
    onFailure: (error: AppError) => void,
  ) {
    this.#io = io;
    this.#maxUnsyncedMs = maxUnsyncedMs;
    this.#onDurable = onDurable;
    this.#onFailure = onFailure;
  }

  /** Every record below this index is on the disk. */
  get durableNext(): number {
    return this.#durableNext;
  }

  /** Set for good once a sync or a write failed for another reason than a full disk. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /** The file has something to sync. A closed segment's descriptor is closed after its sync. */
  fileChanged(fd: number, file: ChangedFile): void {
    this.#changed.set(fd, file);
  }

  /** Records below `next` are written. They are synced within the time allowed, even when nobody asks. */
  wroteTo(next: number): void {
    this.#writtenNext = next;
    // One timer for all appends of its span, so that an append never pays for a timer of its own.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.durable();
    }, this.#maxUnsyncedMs).unref();
  }

  /** Resolves when all changes told so far are on the disk. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#changed.size === 0) return this.#running?.promise ?? done;
    if (this.#waiting === undefined) {
      this.#waiting = Promise.withResolvers<void>();
      // Each caller sees the rejection through its own promise; nobody may be listening to this one.
      this.#waiting.promise.catch(() => {});
      // Not at this very moment: callers that the last sync woke, or that the same poll of the sockets brought, still join.
      if (this.#running === undefined) setImmediate(() => this.#start());
    }
    return this.#waiting.promise;
  }

  /** No more success from here on. */
  fail(cause: unknown): AppError {
    if (this.#failure === undefined) {
      this.#failure = new AppError(
        'journal_failed',
        'The disk refused a write or a sync; what it holds is uncertain until a restart.',
        {
          cause,
        },
      );
      this.#onFailure(this.#failure);
    }
    return this.#failure;
  }

  /** Syncs what is left and ends. Closes the descriptors of closed segments in any case. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      do await this.durable();
      while (this.#changed.size > 0 || this.#running !== undefined);
    } finally {
      clearTimeout(this.#timer);
      for (const [fd, file] of this.#changed) if (file === 'closed-segment') closeSync(fd);
      this.#changed.clear();
    }
  }

  #start(): void {
    const commit = this.#waiting;
    if (commit === undefined) return;
    this.#waiting = undefined;
    this.#running = commit;
    const files = [...this.#changed];
    this.#changed = new Map();
    const upTo = this.#writtenNext;
    this.#syncFrom(files, 0, (error) => {
      this.#running = undefined;
      if (error !== null || this.#failure !== undefined) {
        const failure = this.fail(error);
        for (const [fd, file] of files) if (file === 'closed-segment') this.#changed.set(fd, file);
        commit.reject(failure);
        this.#waiting?.reject(failure);
        this.#waiting = undefined;
        return;
      }
      for (const [fd, file] of files) if (file === 'closed-segment') closeSync(fd);
      this.#durableNext = upTo;
      commit.resolve();
      this.#onDurable(upTo);
      if (this.#waiting !== undefined) setImmediate(() => this.#start());
    });
  }

  #syncFrom(
    files: readonly (readonly [number, ChangedFile])[],
    position: number,
    finish: (error: Error | null) => void,
  ): void {
    const entry = files[position];
    if (entry === undefined) return finish(null);
    const [fd, file] = entry;
    const next = (error: Error | null): void =>
      error === null ? this.#syncFrom(files, position + 1, finish) : finish(error);
    if (file === 'directory') this.#io.syncDirectory(fd, next);
    else this.#io.sync(fd, next);
  }
}
