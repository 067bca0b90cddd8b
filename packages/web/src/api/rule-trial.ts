// Trying rules before they are saved. Nothing is changed by these calls; the judge is the one that the Defenders run.
import type { AccessRule } from '@dockledger/contract';
import type { DockerCall } from '../lib/docker-command.ts';
import { call } from './client.ts';

/** A person and a number of calls. */
export interface PersonCount {
  readonly user: string;
  readonly calls: number;
}

/** What a draft would have done to the calls of the last 7 days. Counts are calls. */
export interface RuleTrial {
  /** Calls that were judged. */
  readonly calls: number;
  /** False when there were too many: only the newest, back to `oldestTime`, were judged. */
  readonly isWhole: boolean;
  readonly oldestTime?: string;
  readonly newlyRefused: number;
  readonly newlyAllowed: number;
  readonly personsRefused: readonly PersonCount[];
  readonly rules: readonly {
    readonly name: string;
    readonly calls: number;
    readonly refused: number;
    readonly persons: readonly PersonCount[];
  }[];
  /** Newest calls that would be decided otherwise, each kind once. */
  readonly changed: readonly {
    readonly id: string;
    readonly time: string;
    readonly user: string;
    readonly api: string;
    readonly hostname: string;
    readonly count: number;
    readonly isRefused: boolean;
    readonly ruleBefore: string;
    readonly ruleAfter: string;
  }[];
}

/** Tries a draft on the recorded calls of the last 7 days. */
export function tryRules(accessRules: readonly AccessRule[], signal?: AbortSignal): Promise<RuleTrial> {
  return call('/api/dockledger/v1/rules/trial', {
    method: 'POST',
    body: { accessRules },
    ...(signal !== undefined && { signal }),
  });
}

/** A call to judge: the call itself, who makes it and where. */
export interface JudgedCall extends DockerCall {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly hostname?: string;
}

/** The verdict on one call, and how each enabled rule looked at it. */
export interface CallVerdict {
  readonly action: string;
  readonly effect: 'allow' | 'deny';
  readonly rule: string;
  readonly reason: string;
  /** What the client would see. */
  readonly text: string;
  readonly steps: readonly { readonly rule: string; readonly effect: string; readonly verdict: string }[];
}

/** Judges calls by a draft, in order. */
export async function explainCalls(
  accessRules: readonly AccessRule[],
  calls: readonly JudgedCall[],
  signal?: AbortSignal,
): Promise<readonly CallVerdict[]> {
  const { answers } = await call<{ answers: readonly CallVerdict[] }>('/api/dockledger/v1/rules/explain', {
    method: 'POST',
    body: { accessRules, calls },
    ...(signal !== undefined && { signal }),
  });
  return answers;
}
