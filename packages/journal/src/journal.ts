// The append-only log: hands out indexes, writes frames, groups syncs, drops old segments.
// Invariant: an append that returned is written and whole; one that threw left nothing that a reader could see.

import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { frameBytes, MAX_FRAME_BYTES, SEGMENT_HEADER_BYTES, toSegmentHeaderBytes, writeFrame } from './frame.ts';
import { GroupCommit } from './group-commit.ts';
import { recoverSegments } from './recovery.ts';
import { addMark, type Segment, segmentName } from './segment.ts';
import { diskIo, type SegmentIo } from './segment-io.ts';
import { type JournalEntry, type ReadLimits, readEntries } from './segment-reader.ts';
import { TailWaiters } from './tail-waiters.ts';

/** How a journal is kept. */
export interface JournalOptions {
  /** A segment that would grow beyond this is closed and the next one begun. Defaults to 64 MiB. */
  readonly maxSegmentBytes?: number;
  /** Appends throw `journal_full` where all segments together would outgrow this. Defaults to no limit. */
  readonly maxTotalBytes?: number;
  /** Longest time that an append stays unsynced when nobody asks for {@link Journal.durable}. Defaults to 100. */
  readonly maxUnsyncedMs?: number;
  /** Fills this much of the segment ahead with zeros, which makes a sync about a quarter cheaper and writes every byte twice. Defaults to 0: off. */
  readonly preallocateBytes?: number;
  /** Records get no index below this one. For an owner who remembers more than a lost disk did. Defaults to 0. */
  readonly minimumNext?: number;
  /** Told in one sentence what a damaged directory could not give back. Defaults to a process warning. */
  readonly onSetAside?: (message: string) => void;
  /** The disk; tests put a failing one here. Defaults to the real one. */
  readonly io?: SegmentIo;
}

/** An append-only log of records. One owner at a time; whoever opened it closes it. */
export interface Journal extends AsyncDisposable {
  /** Index of the oldest record kept; equals {@link next} while there is none. */
  readonly first: number;
  /** Index that the next record gets. Indexes count from 0 and are never given out again. */
  readonly next: number;
  /** Every record below this index is on the disk and survives a power cut. */
  readonly durableNext: number;
  /** Bytes of all segments. */
  readonly sizeBytes: number;
  /**
   * Writes a record, or several that are kept all or none, and returns the index of the first. When this returns, the records are
   * written (they survive the end of the process). Throws `disk_full` and `journal_full`, which pass when there is room again, `too_large`,
   * `journal_closed`, and `journal_failed` for good once the disk refused a sync.
   */
  append(records: Uint8Array | readonly Uint8Array[]): number;
  /** Resolves when everything appended so far is on the disk. Syncs at once; what arrives while the disk is busy shares the next sync. Rejects with `journal_failed`. */
  durable(): Promise<void>;
  /** Resolves when record `index` is written. Rejects when the signal aborts or the journal closes. */
  waitForWritten(index: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when record `index` is on the disk. Does not ask for a sync. Rejects as {@link waitForWritten} does, and with `journal_failed`. */
  waitForDurable(index: number, signal?: AbortSignal): Promise<void>;
  /**
   * Some records from index `from` on, in order; none at the tail. Throws `not_found` with `details.first` for a trimmed index, and
   * `journal_corrupt` with `details` `{file, offset, from, resumeAt}` when record `from` cannot be read.
   */
  readBatch(from: number, limits?: ReadLimits): Promise<readonly JournalEntry[]>;
  /** All records from index `from` to the tail, in bounded memory. Throws as {@link readBatch} does. */
  read(from: number): AsyncGenerator<JournalEntry>;
  /** Drops the segments that hold no record at or above `before`. The newest one always stays. */
  trim(before: number): Promise<void>;
  /** Syncs, closes and lets the next opener in. Idempotent. Rejects with `journal_failed` when the last sync fails; it is closed then, too. */
  close(): Promise<void>;
}

const SCRATCH_BYTES = 1024 * 1024;
const fullCodes = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Opens the journal in `directory`, which is made when missing. A torn tail is cut; damage is reported through `onSetAside` and to readers.
 * Throws `conflict` when somebody has it open.
 */
export async function openJournal(directory: string, options: JournalOptions = {}): Promise<Journal> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(directory);
  let journal: SegmentedJournal | undefined;
  try {
    const onSetAside = options.onSetAside ?? ((message) => process.emitWarning(message, 'JournalWarning'));
    const recovered = await recoverSegments(directory, options.io ?? diskIo, onSetAside);
    journal = new SegmentedJournal(directory, options, lock, recovered.segments, recovered.next);
    journal.begin(recovered.lowestNew, options.minimumNext ?? 0);
    // What an earlier process wrote is in the page cache at best.
    await journal.durable();
    return journal;
  } catch (error) {
    await journal?.close().catch(() => {});
    lock.release();
    throw error;
  }
}

class SegmentedJournal implements Journal {
  readonly #directory: string;
  readonly #options: Required<Pick<JournalOptions, 'maxSegmentBytes' | 'maxTotalBytes' | 'preallocateBytes'>>;
  readonly #io: SegmentIo;
  readonly #lock: DirectoryLock;
  readonly #segments: Segment[];
  readonly #commit: GroupCommit;
  readonly #waiters = new TailWaiters();
  readonly #directoryFd: number;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #active: Segment | undefined;
  #fd = -1;
  #next: number;
  #allocatedTo = 0;
  #closedBytes = 0;
  #isClosed = false;
  #trimming: Promise<void> = Promise.resolve();

  constructor(directory: string, options: JournalOptions, lock: DirectoryLock, segments: Segment[], next: number) {
    this.#directory = directory;
    this.#options = {
      maxSegmentBytes: options.maxSegmentBytes ?? 64 * 1024 * 1024,
      maxTotalBytes: options.maxTotalBytes ?? Number.POSITIVE_INFINITY,
      preallocateBytes: options.preallocateBytes ?? 0,
    };
    this.#io = options.io ?? diskIo;
    this.#lock = lock;
    this.#segments = segments;
    this.#next = next;
    this.#directoryFd = openSync(directory, 'r');
    this.#commit = new GroupCommit(
      this.#io,
      options.maxUnsyncedMs ?? 100,
      (durableNext) => this.#waiters.durableTo(durableNext),
      (failure) => this.#waiters.fail(failure, ['durable']),
    );
    this.#commit.fileChanged(this.#directoryFd, 'directory');
    this.#active = segments.at(-1);
    // The segment before may have been closed by a process that ended before it was synced.
    for (const segment of segments.slice(-2)) {
      const fd = openSync(segment.file, 'r+');
      this.#commit.fileChanged(fd, segment === this.#active ? 'active-segment' : 'closed-segment');
      if (segment === this.#active) this.#fd = fd;
    }
    this.#allocatedTo = this.#active?.bytes ?? 0;
    for (const segment of segments) if (segment !== this.#active) this.#closedBytes += segment.bytes;
  }

  /**
   * Makes sure that there is a segment to append to. Readers are told of the records between the end and `lowestNew` as lost;
   * indexes from there to `minimumNext` are left out on purpose.
   */
  begin(lowestNew: number, minimumNext: number): void {
    const first = Math.max(this.#next, lowestNew, minimumNext);
    if (this.#active === undefined || first > this.#next) this.#roll(first, Math.max(this.#next, lowestNew));
    this.#commit.wroteTo(this.#next);
  }

  get first(): number {
    return this.#segments[0]?.first ?? this.#next;
  }

  get next(): number {
    return this.#next;
  }

  get durableNext(): number {
    return this.#commit.durableNext;
  }

  get sizeBytes(): number {
    return this.#closedBytes + (this.#active?.bytes ?? 0);
  }

  append(records: Uint8Array | readonly Uint8Array[]): number {
    const list = records instanceof Uint8Array ? [records] : records;
    this.#assertOpen();
    if (this.#commit.failure !== undefined) throw this.#commit.failure;
    const index = this.#next;
    if (list.length === 0) return index;
    const bytes = frameBytes(list);
    if (bytes > MAX_FRAME_BYTES) {
      throw new AppError(
        'too_large',
        `Records of ${bytes} bytes together exceed the ${MAX_FRAME_BYTES} that one append may hold.`,
      );
    }
    const { maxSegmentBytes, maxTotalBytes } = this.#options;
    if (maxTotalBytes !== Number.POSITIVE_INFINITY && this.sizeBytes + bytes > maxTotalBytes) {
      throw new AppError(
        'journal_full',
        `${this.#directory} holds ${this.sizeBytes} of at most ${maxTotalBytes} bytes.`,
      );
    }
    let active = this.#active;
    if (active === undefined || (active.bytes + bytes > maxSegmentBytes && active.bytes > SEGMENT_HEADER_BYTES)) {
      active = this.#roll(index, index);
    }
    const buffer = bytes <= SCRATCH_BYTES ? this.#scratch : Buffer.allocUnsafeSlow(bytes);
    writeFrame(buffer, active.header?.seed ?? 0, index, list);
    this.#preallocate(active.bytes + bytes);
    this.#write(this.#fd, buffer, bytes, active.bytes);
    addMark(active, index, active.bytes);
    active.bytes += bytes;
    this.#next = index + list.length;
    this.#commit.wroteTo(this.#next);
    this.#waiters.writtenTo(this.#next);
    return index;
  }

  durable(): Promise<void> {
    return this.#isClosed ? Promise.reject(this.#closedError()) : this.#commit.durable();
  }

  waitForWritten(index: number, signal?: AbortSignal): Promise<void> {
    return index < this.#next ? Promise.resolve() : this.#wait('written', index, signal);
  }

  waitForDurable(index: number, signal?: AbortSignal): Promise<void> {
    if (this.#commit.failure !== undefined) return Promise.reject(this.#commit.failure);
    return index < this.durableNext ? Promise.resolve() : this.#wait('durable', index, signal);
  }

  async readBatch(from: number, limits: ReadLimits = {}): Promise<readonly JournalEntry[]> {
    return readEntries(() => this.#view(), from, limits);
  }

  async *read(from: number): AsyncGenerator<JournalEntry> {
    let at = from;
    for (;;) {
      const entries = await readEntries(() => this.#view(), at, {});
      const last = entries.at(-1);
      if (last === undefined) return;
      yield* entries;
      at = last.index + 1;
    }
  }

  trim(before: number): Promise<void> {
    this.#assertOpen();
    let dropped = false;
    for (let second = this.#segments[1]; second !== undefined && second.first <= before; second = this.#segments[1]) {
      const oldest = this.#segments[0];
      if (oldest === undefined) break;
      unlinkSync(oldest.file);
      this.#segments.shift();
      this.#closedBytes -= oldest.bytes;
      dropped = true;
    }
    if (!dropped) return this.#trimming;
    const synced = this.#trimming.then(
      () =>
        new Promise<void>((resolve, reject) => {
          if (this.#isClosed) return resolve();
          this.#io.syncDirectory(this.#directoryFd, (error) => (error === null ? resolve() : reject(error)));
        }),
    );
    this.#trimming = synced.catch(() => {});
    return synced;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiters.fail(this.#closedError());
    try {
      await this.#trimming;
      await this.#commit.close();
      if (this.#active !== undefined && this.#allocatedTo > this.#active.bytes)
        this.#io.truncate(this.#fd, this.#active.bytes);
    } finally {
      closeSync(this.#directoryFd);
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#lock.release();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #view(): { segments: readonly Segment[]; next: number } {
    this.#assertOpen();
    return { segments: this.#segments, next: this.#next };
  }

  #wait(kind: 'written' | 'durable', index: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#isClosed ? Promise.reject(this.#closedError()) : this.#waiters.wait(kind, index, signal);
  }

  /** Closes the active segment and begins one whose first record has index `first`. */
  #roll(first: number, previousNext: number): Segment {
    const previous = this.#active;
    const file = join(this.#directory, segmentName(first));
    const header = { seed: randomBytes(4).readUInt32LE(), first, previousNext };
    if (previous?.file === file) throw new AppError('internal', `${file} exists already.`);
    const fd = this.#orFull(() => openSync(file, 'wx+', 0o600));
    try {
      this.#write(fd, toSegmentHeaderBytes(header), SEGMENT_HEADER_BYTES, 0);
      if (previous !== undefined && this.#allocatedTo > previous.bytes) this.#io.truncate(this.#fd, previous.bytes);
    } catch (error) {
      closeSync(fd);
      unlinkSync(file);
      throw error;
    }
    if (previous !== undefined) this.#commit.fileChanged(this.#fd, 'closed-segment');
    this.#commit.fileChanged(fd, 'active-segment');
    this.#commit.fileChanged(this.#directoryFd, 'directory');
    const segment: Segment = { file, first, header, bytes: SEGMENT_HEADER_BYTES, marks: [] };
    this.#segments.push(segment);
    this.#closedBytes += previous?.bytes ?? 0;
    this.#active = segment;
    this.#fd = fd;
    this.#allocatedTo = segment.bytes;
    this.#next = first;
    return segment;
  }

  #write(fd: number, buffer: Uint8Array, length: number, position: number): void {
    this.#orFull(() => {
      try {
        for (let done = 0; done < length; ) {
          done += this.#io.write(fd, buffer, done, length - done, position + done);
        }
      } catch (error) {
        // Gives the blocks of a half-written frame back. Should this fail, the next append overwrites it, and recovery would cut it.
        try {
          if (fd === this.#fd) this.#io.truncate(fd, position);
          if (fd === this.#fd) this.#allocatedTo = position;
        } catch {}
        throw error;
      }
    });
    if (fd === this.#fd) this.#commit.fileChanged(fd, 'active-segment');
  }

  /** Zeros written ahead cost nothing but the write, and spare the sync a change of the file's size. */
  #preallocate(needed: number): void {
    const { preallocateBytes } = this.#options;
    if (preallocateBytes === 0 || needed <= this.#allocatedTo) return;
    const zeros = Buffer.alloc(preallocateBytes);
    try {
      this.#allocatedTo += this.#io.write(this.#fd, zeros, 0, zeros.length, this.#allocatedTo);
    } catch {
      // Nearly full. What matters is whether the record itself still fits.
    }
    // Never below the record's own end: zeros must not be written over it later.
    this.#allocatedTo = Math.max(this.#allocatedTo, needed);
  }

  #orFull<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (typeof code !== 'string' || !fullCodes.has(code)) throw this.#commit.fail(error);
      throw new AppError('disk_full', `No space left on the disk of ${this.#directory}.`, { cause: error });
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  #closedError(): AppError {
    return new AppError('journal_closed', `The journal in ${this.#directory} is closed.`);
  }
}
