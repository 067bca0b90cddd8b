// Joins the raw log, the finaliser and the outbox: what is recorded becomes numbered events, exactly once, also over kill -9.
// Invariant: a raw record is dropped only after the batch that represents it is durable in the outbox.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Host, isAppError, type RawRecord, type Recorder, toInstant } from '@dockledger/contract';
import { type Journal, openJournal, openPositionStore, type PositionStore, type SegmentIo } from '@dockledger/journal';
import type { Outbox, SourceRecorder } from '../ports.ts';
import { type CarryStep, readCarryStep } from './carry-over.ts';
import { type Clock, systemClock } from './clock.ts';
import { Finaliser } from './finaliser.ts';
import { toGapBody } from './gap-body.ts';
import { addRanges } from './index-ranges.ts';
import { type NumberedOutbox, openNumberedOutbox } from './numbered-outbox.ts';
import { maxEventsOfBatch } from './outbox-search.ts';
import { SourceMarks } from './source-marks.ts';
import { type LostRecords, SpoolRecorder } from './spool-recorder.ts';

/** How a spool is kept. */
export interface SpoolOptions {
  readonly defenderId: string;
  readonly host: Host;
  /** Identical reads within this time become one event with a count; 0 keeps each. Defaults to 10,000. */
  readonly mergeWindowMs?: number;
  /** Limit of raw log and outbox together. Acknowledged events make room before anything is refused. Defaults to 1 GiB. */
  readonly maxBytes?: number;
  /** How long acknowledged events are kept, so that a Console restored from a backup can ask again. Defaults to 48 hours. */
  readonly retentionMs?: number;
  /** The disk under both journals; tests put a failing one here. Defaults to the real one. */
  readonly io?: SegmentIo;
  /** Defaults to the machine's clock. */
  readonly clock?: Clock;
  /** Told in one sentence when something is damaged, set aside or cannot be written. Defaults to a process warning. */
  readonly onWarning?: (text: string) => void;
}

/** The Defender's memory between a call and the Console. Whoever opened it closes it. */
export interface Spool extends AsyncDisposable {
  readonly recorder: Recorder;
  /** For readers of logs: records together with how far was read. */
  readonly sources: SourceRecorder;
  readonly outbox: Outbox;
  /** Makes events of everything recorded so far and makes them durable; open windows close, and requests without outcome wait on. */
  flush(): Promise<void>;
  /** Flushes and closes. Recording afterwards fails with `journal_closed`. Idempotent. */
  close(): Promise<void>;
}

const drainEveryMs = 50;
const retryEveryMs = 1000;
const trimEveryMs = 600_000;
const saveCountsEveryMs = 5000;
const saveMarksEveryMs = 1000;
const maxQueued = 5000;
const feedAtOnce = 1000;

/** Opens the spool in `directory`, which is made when missing, and goes on where the last run stopped. Throws `conflict` when it is in use. */
export async function openSpool(directory: string, options: SpoolOptions): Promise<Spool> {
  const clock = options.clock ?? systemClock;
  const onWarning = options.onWarning ?? ((text) => process.emitWarning(text, 'SpoolWarning'));
  const maxBytes = options.maxBytes ?? 1024 * 1024 * 1024;
  const rawBytes = Math.floor(maxBytes / 4);
  const outboxBytes = maxBytes - rawBytes;
  const segmentBytes = Math.min(16 * 1024 * 1024, Math.floor(rawBytes / 8));
  const shared = {
    maxSegmentBytes: segmentBytes,
    onSetAside: onWarning,
    ...(options.io !== undefined && { io: options.io }),
  };
  const positions = openPositionStore(join(directory, 'positions'), { onSetAside: onWarning });
  const outboxJournal = await openJournal(join(directory, 'outbox'), { ...shared, maxTotalBytes: outboxBytes });
  let raw: Journal | undefined;
  try {
    let wake = (): void => {};
    const { outbox, last, recent } = await openNumberedOutbox({
      journal: outboxJournal,
      positions,
      clock,
      defenderId: options.defenderId,
      host: options.host,
      retentionMs: options.retentionMs ?? 48 * 3_600_000,
      onEpoch: () => wake(),
    });
    const low = last?.low ?? 0;
    const covered = new Set<number>();
    for (const header of recent) addRanges(covered, header.raws, low);
    let minimumNext = low;
    for (const index of covered) minimumNext = Math.max(minimumNext, index + 1);
    // A power cut may have taken raw records whose events are durable; their indexes stay taken.
    // Its syncs stand in front of answers, so they get the cheaper kind.
    const preallocateBytes = Math.min(64 * 1024, Math.floor(segmentBytes / 4));
    const rawOptions = { ...shared, maxTotalBytes: rawBytes, minimumNext, preallocateBytes };
    raw = await openJournal(join(directory, 'raw'), rawOptions);
    const finaliser = new Finaliser({ mergeWindowMs: options.mergeWindowMs ?? 10_000 }, low, last);
    const spool = new FileSpool({
      raw,
      marks: await SourceMarks.load(raw, positions),
      outboxJournal,
      outbox,
      finaliser,
      positions,
      clock,
      covered,
      rawBytes,
      onWarning,
    });
    wake = () => spool.wake();
    spool.wake();
    return spool;
  } catch (error) {
    await raw?.close().catch(() => {});
    await outboxJournal.close().catch(() => {});
    throw error;
  }
}

interface SpoolParts {
  readonly raw: Journal;
  readonly marks: SourceMarks;
  readonly outboxJournal: Journal;
  readonly outbox: NumberedOutbox;
  readonly finaliser: Finaliser;
  readonly positions: PositionStore;
  readonly clock: Clock;
  /** Raw records that events in the outbox represent already. */
  readonly covered: Set<number>;
  readonly rawBytes: number;
  readonly onWarning: (text: string) => void;
}

class FileSpool implements Spool {
  readonly recorder: SpoolRecorder;
  readonly sources: SourceRecorder;
  readonly outbox: NumberedOutbox;
  readonly #parts: SpoolParts;
  readonly #firstOfRun: number;
  #earlierRunsEnded = false;
  /** Records that follow each other from `finaliser.next` on, kept so that they need not be read back. */
  #queue: { readonly index: number; readonly record: RawRecord }[] = [];
  #isLive = false;
  #running: Promise<void> | undefined;
  #again = false;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** There was no room: new records must not make it try again at once. */
  #fullUntil = 0;
  #isTroubled: boolean;
  #nextTrimAt: number;
  #savedCountsAt = 0;
  #savedMarksAt = 0;
  #isTrimDue = false;
  #batchLimit = maxEventsOfBatch;
  #isClosed = false;
  #failure: unknown;

  constructor(parts: SpoolParts) {
    const { raw, clock, positions, rawBytes } = parts;
    this.#parts = parts;
    this.outbox = parts.outbox;
    this.#firstOfRun = raw.next;
    this.#nextTrimAt = clock.monotonicMs() + 60_000;
    const lost = parseLost(positions.get('lost'));
    this.#isTroubled = lost !== undefined;
    this.recorder = new SpoolRecorder(
      {
        raw,
        clock,
        runId: randomBytes(9).toString('base64url'),
        refuseAboveBytes: Math.floor(rawBytes * 0.9),
        onAppended: (index, record) => this.#appended(index, record),
        onTrouble: () => this.#noteTrouble(),
      },
      lost,
    );
    const { marks } = parts;
    this.sources = {
      position: (source) => marks.get(source),
      record: (source, position, records) => {
        if (records.length > 0) return this.recorder.batch(records, { source, position });
        marks.note(source, position);
        this.#schedule(saveMarksEveryMs);
        return true;
      },
    };
  }

  /** Turns to what is to be done soon. */
  wake(): void {
    this.#schedule(0);
  }

  async flush(): Promise<void> {
    await this.#run();
    this.#parts.finaliser.finish();
    await this.#run();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer?.();
    try {
      if (this.#failure === undefined) await this.flush();
      if (this.#parts.marks.isChanged) await this.#parts.marks.save();
    } finally {
      const closing = await Promise.allSettled([this.#parts.raw.close(), this.#parts.outboxJournal.close()]);
      for (const result of closing) if (result.status === 'rejected') this.#warn(result.reason);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #appended(index: number, record: RawRecord): void {
    this.#parts.marks.noteRecord(record);
    if (this.#isLive && this.#queue.length < maxQueued) this.#queue.push({ index, record });
    else this.#isLive = false;
    this.#schedule(drainEveryMs);
  }

  #noteTrouble(): void {
    if (!this.#isTroubled)
      this.#parts.onWarning('The spool cannot take records; state-changing calls are refused or pass unrecorded.');
    this.#isTroubled = true;
    this.#schedule(retryEveryMs);
  }

  #schedule(ms: number): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    const now = this.#parts.clock.monotonicMs();
    const at = Math.max(now + ms, this.#fullUntil);
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#parts.clock.after(at - now, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      void this.#run();
    });
  }

  /** Runs until there is nothing to do now; calls while it runs make it look once more. */
  #run(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        if (await this.#step()) this.#again = true;
      }
    } catch (error) {
      if (isAppError(error, 'journal_full') || isAppError(error, 'disk_full')) {
        this.#fullUntil = this.#parts.clock.monotonicMs() + retryEveryMs;
        return this.#schedule(retryEveryMs);
      }
      this.#failure = error;
      this.#warn(error);
      return;
    }
    const { finaliser, clock } = this.#parts;
    const wait = finaliser.dueAt - clock.monotonicMs();
    if (wait < 60_000) this.#schedule(Math.max(wait, 1));
    else this.#schedule(60_000);
    if (this.#isTroubled) this.#schedule(retryEveryMs);
    else if (finaliser.hasUnsavedCounts) this.#schedule(saveCountsEveryMs);
  }

  /** One round; true when there is more to do at once. */
  async #step(): Promise<boolean> {
    const { finaliser, clock, raw, outbox } = this.#parts;
    if (this.#isTroubled) await this.#retry();
    await this.#feed();
    const now = clock.monotonicMs();
    finaliser.advance(now);
    const wrote = await this.#write(now);
    if (wrote) this.#isTrimDue = true;
    await this.#saveAndTrim(now);
    if (now >= this.#nextTrimAt) {
      this.#nextTrimAt = now + trimEveryMs;
      await outbox.trim('age');
    }
    return finaliser.next < raw.next || finaliser.readyCount > 0;
  }

  /** Drops raw records that events represent; what they say of sources is saved before, at most once a second. */
  async #saveAndTrim(now: number): Promise<void> {
    const { marks, raw, rawBytes, outbox } = this.#parts;
    if (marks.isChanged) {
      const wait = this.#savedMarksAt + saveMarksEveryMs - now;
      if (wait > 0 && raw.sizeBytes < rawBytes / 2) return this.#schedule(wait);
      this.#savedMarksAt = now;
      try {
        await marks.save();
      } catch (error) {
        if (!isAppError(error, 'disk_full')) throw error;
        return this.#schedule(retryEveryMs);
      }
    }
    if (!this.#isTrimDue) return;
    this.#isTrimDue = false;
    await raw.trim(outbox.low);
  }

  async #retry(): Promise<void> {
    const { positions } = this.#parts;
    if (this.recorder.retry()) {
      this.#isTroubled = false;
      await positions.set('lost', null);
      return;
    }
    // Best effort: where even this finds no room, a crash leaves the gap undeclared.
    await positions.set('lost', this.recorder.lost ?? null).catch(() => {});
  }

  async #feed(): Promise<void> {
    const { finaliser, raw, clock } = this.#parts;
    this.#endEarlierRuns();
    // While the outbox is full, records wait in the raw log, not in memory.
    if (finaliser.readyCount >= feedAtOnce) return;
    if (this.#queue.length > 0 && this.#queue[0]?.index === finaliser.next) {
      const taken = this.#queue.splice(0, feedAtOnce);
      for (const { index, record } of taken) this.#take(index, record);
      return;
    }
    if (finaliser.next < raw.next) {
      this.#queue = [];
      this.#isLive = false;
      try {
        const entries = await raw.readBatch(finaliser.next, { maxRecords: feedAtOnce });
        if (entries.length === 0) finaliser.skip(raw.next - 1);
        for (const { index, record } of entries) {
          // Indexes may have been left out on purpose.
          if (index > finaliser.next) finaliser.skip(index - 1);
          this.#endEarlierRuns();
          this.#take(index, JSON.parse(Buffer.from(record).toString()) as RawRecord);
        }
      } catch (error) {
        // Damaged, or gone with a raw log that was deleted.
        const resumeAt = isAppError(error, 'journal_corrupt')
          ? error.details?.['resumeAt']
          : isAppError(error, 'not_found') && error.details?.['first'];
        if (typeof resumeAt !== 'number') throw error;
        let count = resumeAt - finaliser.next;
        for (const index of this.#parts.covered) if (index >= finaliser.next && index < resumeAt) count -= 1;
        if (count === 0) return finaliser.skip(resumeAt - 1);
        this.#warn(error);
        const text = `${count} raw records were damaged on disk and cannot become events`;
        finaliser.feedLost(resumeAt, toGapBody('raw-log-damaged', text, clock.wallMs(), { count }));
      }
    }
    this.#endEarlierRuns();
    if (!this.#isLive && finaliser.next === raw.next) {
      this.#queue = [];
      this.#isLive = true;
    }
  }

  #take(index: number, record: RawRecord): void {
    const { finaliser, covered, clock } = this.#parts;
    if (covered.delete(index)) finaliser.skip(index);
    else finaliser.feed(index, record, clock.monotonicMs());
  }

  #endEarlierRuns(): void {
    const { finaliser, clock } = this.#parts;
    if (this.#earlierRunsEnded || finaliser.next < this.#firstOfRun) return;
    this.#earlierRunsEnded = true;
    finaliser.endEarlierRuns(toInstant(clock.wallMs()));
  }

  async #write(now: number): Promise<boolean> {
    const { outbox, clock } = this.#parts;
    let wrote = false;
    let madeRoom = false;
    for (;;) {
      const carried = outbox.isEpochNew ? undefined : await readCarryStep(outbox, clock.wallMs());
      try {
        if (!this.#append(carried, now)) return wrote;
        wrote = true;
        // One batch at a time: of two that are not on the disk, a power cut could keep the second and lose the first.
        await outbox.sync();
      } catch (error) {
        if (isAppError(error, 'too_large') && this.#batchLimit > 1) {
          this.#batchLimit = Math.ceil(this.#batchLimit / 4);
          continue;
        }
        if (madeRoom || !(isAppError(error, 'journal_full') || isAppError(error, 'disk_full'))) throw error;
        // Acknowledged events make room before the spool counts as full.
        madeRoom = true;
        await outbox.trim('room');
      }
    }
  }

  /** One append, decided and done without a pause, so that no epoch begins in between. False when there is nothing to write. */
  #append(carried: CarryStep | undefined, now: number): boolean {
    const { outbox, finaliser, clock } = this.#parts;
    if (outbox.isEpochNew && outbox.epochReason !== 'first') {
      const { epochReason: reason, carry, lostWithEpoch: count } = outbox;
      const details = { carriedOver: carry, ...(count !== undefined && { count }) };
      const body = toGapBody(reason, `The numbering of events began anew: ${reason}`, clock.wallMs(), details);
      outbox.append([{ body, raws: [] }], () => finaliser.checkpoint(0));
      finaliser.confirm(0);
      return true;
    }
    if (outbox.carry.length > 0) {
      if (carried?.of !== outbox.carry) return true;
      finaliser.renameAwaiting(carried.newIds);
      outbox.append(carried.emissions, () => finaliser.checkpoint(0), carried.carry);
      finaliser.confirm(0);
      return true;
    }
    const batch = finaliser.peek(this.#batchLimit);
    const isCountDue = finaliser.mustSaveCounts || now - this.#savedCountsAt >= saveCountsEveryMs;
    if (batch.length === 0 && !(finaliser.hasUnsavedCounts && isCountDue)) return false;
    outbox.append(batch, () => finaliser.checkpoint(batch.length));
    finaliser.confirm(batch.length);
    this.#batchLimit = maxEventsOfBatch;
    this.#savedCountsAt = now;
    return true;
  }

  #warn(error: unknown): void {
    this.#parts.onWarning(error instanceof Error ? error.message : String(error));
  }
}

function parseLost(value: unknown): LostRecords | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('count' in value) || !('from' in value) || !('to' in value)) return undefined;
  const { count, from, to } = value;
  return typeof count === 'number' && typeof from === 'number' && typeof to === 'number'
    ? { count, from, to }
    : undefined;
}
