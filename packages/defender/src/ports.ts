// The ports at which the Defender's parts meet. The parts know these interfaces only; agent.ts joins the implementations.
import type { Actor, EventDecision, Target } from '@dockledger/contract';

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
