// What the proxy and the readers append before anything is numbered: a call judged, and later its outcome.
// Raw records never leave the Defender; the finaliser turns them into access events.
import type { AccessEvent, EventOutcome, Target } from './access-event.ts';

/** Everything of an access event but its number, host and count, which the finaliser adds. */
export type EventDraft = Omit<
  AccessEvent,
  'v' | 'id' | 'defenderId' | 'epoch' | 'seq' | 'host' | 'count' | 'lastTime' | 'outcome'
> & {
  /** How many observations the draft stands for. Defaults to 1; host-log lines such as "message repeated 5 times" bring more. */
  readonly count?: number;
};

/** One judged call or one host-log line. Carries its outcome when that is known already (reads, refusals, log lines). */
export interface RequestRecord {
  readonly kind: 'request';
  /** Unique over all runs of this Defender: `<run id>-<counter>`. */
  readonly rid: string;
  readonly draft: EventDraft;
  readonly outcome?: EventOutcome;
  /** When given, records with the same key within the window may be merged into one event. Only identical allowed reads and failed SSH attempts have one. */
  readonly mergeKey?: string;
  /** False when the rule says that allowed calls are only counted. Defaults to true. */
  readonly audit?: boolean;
  /** Set on the last record of each batch of log lines: how far that source was read when the batch was written. Never leaves the Defender. */
  readonly readUpTo?: { readonly source: string; readonly position: unknown };
}

/** The outcome of a call whose record was written before the engine answered. */
export interface OutcomeRecord {
  readonly kind: 'outcome';
  readonly rid: string;
  readonly outcome: EventOutcome;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What the call made, known only from its answer: replaces the fields of the draft's target that it names. */
  readonly target?: Target;
}

/** What stands in the Defender's raw log. */
export type RawRecord = RequestRecord | OutcomeRecord;

/** How far one appended record has come. */
export interface Recorded {
  /** True: it is written already, so nobody has to await `written`. What every call passes through saves a turn of the loop by it. */
  readonly isWritten?: boolean;
  /** Resolves when write(2) has returned: kill -9 cannot lose it any more. Rejects with `spool_full`, `disk_full` or `journal_closed`. */
  readonly written: Promise<void>;
  /** Forces and awaits fsync (group commit): a power cut cannot lose it any more. */
  durable(): Promise<void>;
}

/** A record that is ready to be written. */
export interface PreparedRecord {
  /** Writes it, as {@link Recorder.request} would have. Call it at most once; without it nothing is recorded. */
  commit(): Recorded;
}

/** The port that the proxy, the plugin and the readers record through. One writer behind it, order kept. */
export interface Recorder {
  /** Makes a fresh rid. */
  nextRid(): string;
  request(record: RequestRecord): Recorded;
  /** Does beforehand what {@link request} does but the writing, for use while the engine works on its answer. */
  prepare(record: RequestRecord): PreparedRecord;
  /** `target`: what the call made, for instance id and name of a container created without a name. */
  outcome(rid: string, outcome: EventOutcome, target?: Target): Recorded;
  /** Counts a call that was refused because of {@link refusal}: the gap that is declared afterwards holds it, too. */
  noteUnrecorded(): void;
  /** Undefined while records are accepted, else why state-changing calls must be refused (spool_full, disk_full). */
  readonly refusal: { readonly code: 'spool_full' | 'disk_full'; readonly text: string } | undefined;
}
