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
}
