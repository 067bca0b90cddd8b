// What a draft of the rules would have done to the calls of a stretch of time, by the judge that the Defenders run. Reads only.
// Each call is judged twice, by the rules in force and by the draft: what differs is the effect of the change alone, whatever rules
// were in force when the call was made.
import type { AccessRule, StoredAccessEvent } from '@dockledger/contract';
import {
  type AccessDecision,
  type CollectionScope,
  type CompiledRules,
  compileRules,
  decide,
  type RequestFacts,
} from '@dockledger/rules';
import { toRecordedFacts } from './recorded-call.ts';

/** A person and a number of calls. */
export interface PersonCount {
  readonly user: string;
  readonly calls: number;
}

/** What one rule of the draft would have done. Counts are calls. */
export interface RuleReach {
  readonly name: string;
  /** Calls that it would have decided; for an alert rule: noted. */
  readonly calls: number;
  /** Those of them that would have been refused. */
  readonly refused: number;
  /** Most frequent persons among them, at most 5. */
  readonly persons: readonly PersonCount[];
}

/** A call that the draft decides otherwise than the rules in force. */
export interface ChangedCall {
  readonly id: string;
  readonly time: string;
  readonly user: string;
  readonly api: string;
  readonly hostname: string;
  readonly count: number;
  readonly isRefused: boolean;
  readonly ruleBefore: string;
  readonly ruleAfter: string;
}

/** The effect of a draft on recorded calls. */
export interface RuleTrial {
  /** Calls that were judged. */
  readonly calls: number;
  /** False when the reading stopped at a bound: only the newest calls, back to `oldestTime`, were judged. */
  readonly isWhole: boolean;
  /** Time of the oldest call that was judged; absent without any. */
  readonly oldestTime?: string;
  readonly newlyRefused: number;
  readonly newlyAllowed: number;
  /** Most frequent persons of newly refused calls, at most 10. */
  readonly personsRefused: readonly PersonCount[];
  /** In the draft's order, enabled rules only. */
  readonly rules: readonly RuleReach[];
  /** Newest calls that are decided otherwise, each kind of call once, at most 20. */
  readonly changed: readonly ChangedCall[];
}

/** What is tried. */
export interface RuleTrialInput {
  readonly inForce: readonly AccessRule[];
  readonly draft: readonly AccessRule[];
  readonly collections: readonly CollectionScope[];
  /** Newest first. */
  readonly events: AsyncIterable<StoredAccessEvent>;
  /** At most so many events are read. Defaults to 200,000. */
  readonly mostEvents?: number;
  /** Reading ends at this time, milliseconds since 1970 of `now`. Defaults to never. */
  readonly deadlineMs?: number;
  readonly now: () => number;
}

class Tally {
  readonly #counts = new Map<string, number>();
  add(user: string, calls: number): void {
    this.#counts.set(user, (this.#counts.get(user) ?? 0) + calls);
  }
  top(most: number): PersonCount[] {
    return [...this.#counts]
      .map(([user, calls]) => ({ user, calls }))
      .toSorted((a, b) => b.calls - a.calls || (a.user < b.user ? -1 : 1))
      .slice(0, most);
  }
}

interface Verdicts {
  readonly before: AccessDecision;
  readonly after: AccessDecision;
  isShown: boolean;
}

const mostShown = 20;
const mostKinds = 50_000;

/** Judges once for calls that are alike: hosts repeat themselves. */
function createPairedJudge(before: CompiledRules, after: CompiledRules) {
  const known = new Map<string, Verdicts>();
  return (facts: RequestFacts): Verdicts => {
    const key = JSON.stringify(facts);
    let verdicts = known.get(key);
    if (verdicts === undefined) {
      verdicts = { before: decide(before, facts), after: decide(after, facts), isShown: false };
      if (known.size < mostKinds) known.set(key, verdicts);
    }
    return verdicts;
  };
}

function toChangedCall(event: StoredAccessEvent, { before, after }: Verdicts): ChangedCall {
  return {
    id: event.id,
    time: event.time,
    user: event.actor.user,
    api: event.api,
    hostname: event.host.hostname,
    count: event.count,
    isRefused: after.effect === 'deny',
    ruleBefore: before.rule,
    ruleAfter: after.rule,
  };
}

/** Tries a draft on recorded calls. Ends early, with `isWhole: false`, at the bounds of the input. */
export async function tryRules(input: RuleTrialInput): Promise<RuleTrial> {
  const { collections, mostEvents = 200_000, deadlineMs = Number.POSITIVE_INFINITY } = input;
  const draft = compileRules(input.draft, { collections });
  const judge = createPairedJudge(compileRules(input.inForce, { collections }), draft);
  const reach = new Map(
    draft.rules.map(({ source: { name } }) => [name, { calls: 0, refused: 0, persons: new Tally() }]),
  );
  const personsRefused = new Tally();
  const changed: ChangedCall[] = [];
  const sums = { read: 0, calls: 0, newlyRefused: 0, newlyAllowed: 0 };
  let oldestTime: string | undefined;
  let isWhole = true;
  const count = (rule: string, event: StoredAccessEvent, isRefused: boolean) => {
    const counts = reach.get(rule);
    if (counts === undefined) return;
    counts.calls += event.count;
    if (isRefused) counts.refused += event.count;
    counts.persons.add(event.actor.user, event.count);
  };
  for await (const event of input.events) {
    if (sums.read === mostEvents || (sums.read % 500 === 499 && input.now() > deadlineMs)) {
      isWhole = false;
      break;
    }
    sums.read += 1;
    const facts = toRecordedFacts(event);
    if (facts === undefined) continue;
    const verdicts = judge(facts);
    const { before, after } = verdicts;
    sums.calls += event.count;
    oldestTime = event.time;
    count(after.rule, event, after.effect === 'deny');
    for (const { rule } of after.findings) count(rule, event, false);
    if (before.effect === after.effect) continue;
    if (after.effect === 'deny') {
      sums.newlyRefused += event.count;
      personsRefused.add(event.actor.user, event.count);
    } else {
      sums.newlyAllowed += event.count;
    }
    if (!verdicts.isShown && changed.length < mostShown) changed.push(toChangedCall(event, verdicts));
    verdicts.isShown = true;
  }
  return {
    calls: sums.calls,
    isWhole,
    ...(oldestTime !== undefined && { oldestTime }),
    newlyRefused: sums.newlyRefused,
    newlyAllowed: sums.newlyAllowed,
    personsRefused: personsRefused.top(10),
    rules: [...reach].map(([name, { calls, refused, persons }]) => ({ name, calls, refused, persons: persons.top(5) })),
    changed,
  };
}
