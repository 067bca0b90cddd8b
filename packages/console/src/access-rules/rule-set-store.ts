// The port that keeps the access rules: every version that ever was in force, in order. The newest is in force.
import type { RuleSet } from '@dockledger/contract';

/** One version of the rules and who saved it. */
export interface RuleSetVersion {
  readonly ruleSet: RuleSet;
  /** RFC 3339, UTC. */
  readonly savedAt: string;
  readonly savedBy: string;
  /** What the person who saved it said about the change. Defaults to nothing. */
  readonly note?: string;
}

/** Where rule versions are kept. */
export interface RuleSetStore {
  /** The rules in force. Undefined before the first save. */
  newest(): Promise<RuleSetVersion | undefined>;
  /** Newest first, at most `limit`. */
  history(limit: number): Promise<readonly RuleSetVersion[]>;
  /** Adds a version. Throws `precondition_failed` when its number is not the newest plus one. Durable when it resolves. */
  add(version: RuleSetVersion): Promise<void>;
}
