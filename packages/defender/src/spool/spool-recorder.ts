// The port through which proxy and readers record: one raw record per call of theirs, written when the call returns.
// Invariant: what could not be written is counted and declared as a gap as soon as there is room; nothing is dropped in silence.
import {
  type EventOutcome,
  isAppError,
  type OutcomeRecord,
  type PreparedRecord,
  type RawRecord,
  type Recorded,
  type Recorder,
  type RequestRecord,
  type Target,
} from '@dockledger/contract';
import type { Journal } from '@dockledger/journal';
import type { SourceRecord } from '../ports.ts';
import type { Clock } from './clock.ts';
import { toGapBody } from './gap-body.ts';
import { cutRecord, maxRecordBytes } from './oversize.ts';

/** Records that could not be written. Times are milliseconds since 1970. */
export interface LostRecords {
  count: number;
  readonly from: number;
  to: number;
}

/** What the recorder needs. It does not own the journal. */
export interface SpoolRecorderOptions {
  readonly raw: Journal;
  readonly clock: Clock;
  /** Unlike that of any other run. */
  readonly runId: string;
  /** State-changing calls are refused when the raw log is larger; the rest is for outcomes, refusals and reads. */
  readonly refuseAboveBytes: number;
  /** The record stands in the raw log. */
  readonly onAppended: (index: number, record: RawRecord) => void;
  /** Something could not be written: {@link SpoolRecorder.retry} has to be called until it answers true. */
  readonly onTrouble: () => void;
}

const done = Promise.resolve();
const maxDeferredOutcomes = 10_000;

/** See the head of the file. */
export class SpoolRecorder implements Recorder {
  readonly #options: SpoolRecorderOptions;
  readonly #recorded: Recorded;
  #counter = 0;
  #trouble: Recorder['refusal'];
  #lost: LostRecords | undefined;
  #deferred: OutcomeRecord[] = [];

  constructor(options: SpoolRecorderOptions, lost: LostRecords | undefined) {
    this.#options = options;
    this.#lost = lost;
    // Shared by all records: a sync covers everything written before it.
    this.#recorded = { isWritten: true, written: done, durable: () => options.raw.durable() };
  }

  get refusal(): Recorder['refusal'] {
    if (this.#trouble !== undefined) return this.#trouble;
    if (this.#options.raw.sizeBytes <= this.#options.refuseAboveBytes) return undefined;
    return { code: 'spool_full', text: 'The spool is full: the Console has not taken its events for too long.' };
  }

  /** What could not be written and is not yet declared. */
  get lost(): LostRecords | undefined {
    return this.#lost;
  }

  nextRid(): string {
    this.#counter += 1;
    return `${this.#options.runId}-${this.#counter}`;
  }

  request(record: RequestRecord): Recorded {
    return this.#commit(serialise(record), record.draft.count ?? 1);
  }

  prepare(record: RequestRecord): PreparedRecord {
    const ready = serialise(record);
    return { commit: () => this.#commit(ready, record.draft.count ?? 1) };
  }

  #commit({ record, bytes }: Serialised, count: number): Recorded {
    try {
      this.#options.onAppended(this.#options.raw.append(bytes), record);
      return this.#recorded;
    } catch (error) {
      this.#noteLost(count);
      return this.#toFailure(error);
    }
  }

  noteUnrecorded(): void {
    this.#noteLost(1);
    this.#options.onTrouble();
  }

  #noteLost(count: number): void {
    const now = this.#options.clock.wallMs();
    this.#lost ??= { count: 0, from: now, to: now };
    this.#lost.count += count;
    this.#lost.to = now;
  }

  outcome(rid: string, outcome: EventOutcome, target?: Target): Recorded {
    const at = this.#options.clock.wallMs();
    const record: OutcomeRecord = { kind: 'outcome', rid, outcome, at, ...(target !== undefined && { target }) };
    try {
      this.#append(record);
      return this.#recorded;
    } catch (error) {
      // The request itself is on record; its outcome is small enough to wait for room in memory.
      if (this.#deferred.length < maxDeferredOutcomes) this.#deferred.push(record);
      return this.#toFailure(error);
    }
  }

  /**
   * Writes a batch of a log source's records, all or none, the position with the last one. False when there is no room: nothing
   * is lost then, as the lines still stand in their source. Throws as the journal does for everything else.
   */
  batch(records: readonly SourceRecord[], readUpTo: NonNullable<RequestRecord['readUpTo']>): boolean {
    if (this.refusal !== undefined) return false;
    const ready = records.map((record, position) =>
      serialise({
        kind: 'request',
        rid: this.nextRid(),
        ...record,
        ...(position === records.length - 1 && { readUpTo }),
      }),
    );
    try {
      const first = this.#options.raw.append(ready.map(({ bytes }) => bytes));
      for (const [position, { record }] of ready.entries()) this.#options.onAppended(first + position, record);
      return true;
    } catch (error) {
      if (!isAppError(error, 'journal_full') && !isAppError(error, 'disk_full')) throw error;
      this.#toFailure(error);
      return false;
    }
  }

  /** Writes what had to wait. True when records are accepted again. */
  retry(): boolean {
    try {
      for (let first = this.#deferred[0]; first !== undefined; first = this.#deferred[0]) {
        this.#append(first);
        this.#deferred.shift();
      }
      if (this.#lost !== undefined) {
        // One gap for the whole time in which calls are refused, not one for each look at it.
        if (this.#options.raw.sizeBytes > this.#options.refuseAboveBytes) return false;
        const { count, from, to } = this.#lost;
        const text = `${count} calls could not be recorded because there was no room`;
        const span = { count, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
        const { outcome, ...draft } = toGapBody('spool-full', text, this.#options.clock.wallMs(), span);
        this.#append({ kind: 'request', rid: this.nextRid(), draft, outcome });
        this.#lost = undefined;
      }
      this.#trouble = undefined;
      return true;
    } catch {
      return false;
    }
  }

  #append(record: RawRecord): void {
    const ready = serialise(record);
    this.#options.onAppended(this.#options.raw.append(ready.bytes), ready.record);
  }

  #toFailure(error: unknown): Recorded {
    const code = isAppError(error, 'journal_full') ? 'spool_full' : 'disk_full';
    const text = error instanceof Error ? error.message : 'The spool cannot be written.';
    this.#trouble = { code, text };
    this.#options.onTrouble();
    const written = rejected(error);
    return { written, durable: () => written };
  }
}

/** A record as it is kept, and its bytes. */
interface Serialised {
  readonly record: RawRecord;
  readonly bytes: Buffer;
}

function serialise(record: RawRecord): Serialised {
  const bytes = Buffer.from(JSON.stringify(record));
  if (bytes.length <= maxRecordBytes || record.kind !== 'request') return { record, bytes };
  const cut = cutRecord(record);
  return { record: cut, bytes: Buffer.from(JSON.stringify(cut)) };
}

/** A rejection that its caller may leave unheard. */
function rejected(reason: unknown): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  reject(reason);
  return promise;
}
