// The ports at which the Defender's parts meet. The parts know these interfaces only; agent.ts joins the implementations.
import type { Actor, EventDecision, RequestRecord, Target } from '@dockledger/contract';

/** A connection's caller, found once per connection. */
export interface Caller {
  readonly actor: Actor;
  /** Names that rules match as principal: user, uid:N, certificate names, container:NAME. */
  readonly principals: readonly string[];
  /** Group names of the user. */
  readonly groups: readonly string[];
}

/** Finds who is at the other end of an accepted unix connection. */
export interface Identifier {
  /**
   * Reads SO_PEERCRED and /proc at once, as the peer may exit at any moment.
   * Never throws or rejects: what cannot be found is left out and `userSource` says `unknown`.
   * A promise only for callers inside a container, whose name has to be asked of the engine.
   */
  identify(socket: object): Caller | Promise<Caller>;
}

/** What is known of the object that a request names, looked up at the engine before judging. */
export interface TargetFacts {
  readonly target: Target;
  /** The full id that replaces the name in what is forwarded; undefined when the engine does not know the object. */
  readonly resolvedId?: string;
}

/** The judge's answer as the proxy needs it. */
export interface Verdict {
  readonly decision: EventDecision;
  /** False: an allowed call is only counted. */
  readonly audit: boolean;
  /** Stands in the event in place of the action's name: `create` for what a compliance rule refused. */
  readonly api?: string;
  /**
   * Given in the engine's place, as the engine would give it: the image is not there, and a rule that blocks by what
   * is in it could not be asked. The client pulls and comes again.
   */
  readonly engineAnswer?: { readonly status: 404; readonly message: string };
}

/** One batch of the outbox: consecutive events of one epoch, each the verbatim JSON bytes that the ledger will prove. */
export interface OutboxBatch {
  readonly epoch: number;
  readonly firstSeq: number;
  readonly events: readonly Uint8Array[];
}

/** The way out of a Defender, as the console-link sees it. */
export interface Outbox {
  /** The epoch that is being written, the oldest number kept in it and the number the next event will get. */
  state(): {
    readonly epoch: number;
    readonly firstSeq: number;
    readonly nextSeq: number;
    readonly acknowledgedSeq: number;
  };
  /**
   * Epochs before the current one of which events are still kept, oldest first. What is below `endSeq` belongs to the epoch for
   * good; a Console that was restored from a backup may need it again before anything newer.
   */
  endedEpochs(): readonly { readonly epoch: number; readonly endSeq: number }[];
  /**
   * Durable events from `fromSeq` of `epoch` on; undefined when there is none yet. Events of an older epoch come before
   * those of the newer one, and a batch never mixes two.
   */
  readBatch(
    epoch: number,
    fromSeq: number,
    limits: { maxBytes: number; maxEvents: number },
  ): Promise<OutboxBatch | undefined>;
  /** Resolves when an event after `seq` of the current epoch is durable, or when the signal aborts. */
  waitForMore(seq: number, signal: AbortSignal): Promise<void>;
  /** Everything below `seq` of `epoch` is in the ledger: it may be dropped once its retention is over. */
  acknowledge(epoch: number, seq: number): Promise<void>;
  /** Begins a new epoch, with a gap event that says why. For a fork that the Console has seen. */
  beginEpoch(reason: string): Promise<void>;
}

/** A record of a log source, without what the spool adds. */
export type SourceRecord = Pick<RequestRecord, 'draft' | 'outcome' | 'mergeKey'>;

/** Where readers of logs record: lines and how far was read stand in one write, so that kill -9 neither loses nor repeats. */
export interface SourceRecorder {
  /** Up to where the source is recorded, as it was given; undefined when it never was. */
  position(source: string): unknown;
  /**
   * Writes the records, all or none, and with them the position (plain JSON). Without records only the position is noted, and
   * saved within seconds. False: there is no room; nothing was written, try again later. Throws when the spool is closed.
   */
  record(source: string, position: unknown, records: readonly SourceRecord[]): boolean;
}

/** The login that a process belongs to. */
export interface ProcessSession {
  /** `sshd-PID-TICKS` of the sshd process that serves the login, else `audit-N`. */
  readonly sessionId: string;
  /** `sshd`: an ancestor serves it. `audit`: the kernel's audit session says so. */
  readonly by: 'sshd' | 'audit';
}

/** Finds logins by processes. Never throws. */
export interface SessionFinder {
  /** The login of a running process; undefined when it has ended or belongs to none. */
  ofProcess(pid: number): ProcessSession | undefined;
  /** The login that an audit session was last seen to belong to; `audit-N` when none was. */
  ofAuditSession(auditSession: string): string;
  /** Logins of the user's running processes on that terminal (`pts/3`); on any when undefined. */
  ofUser(user: string, terminal: string | undefined): readonly string[];
}
