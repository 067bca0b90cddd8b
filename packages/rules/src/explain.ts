// Tells why a call was decided as it was: each rule in order, and what kept it from matching.
// Invariant: the verdict comes from `decide` itself; the walk below uses the same matchers, so both always agree.
import type { CompiledRule, CompiledRules } from './compiled-rules.ts';
import {
  type AccessDecision,
  type DecideOptions,
  decide,
  isFor,
  type RequestFacts,
  violatedCondition,
} from './decide.ts';
import { matchesPatterns } from './pattern.ts';

/** How one rule looked at the call. `not-reached`: an earlier rule had decided. */
export type RuleVerdict =
  | 'decided'
  | 'found'
  | 'other-action'
  | 'other-principal'
  | 'other-group'
  | 'other-collection'
  | 'condition-held'
  | 'not-reached';

/** One line of an explanation. */
export interface RuleStep {
  readonly rule: string;
  readonly effect: 'allow' | 'deny' | 'alert';
  readonly verdict: RuleVerdict;
}

/** Why a call was decided as it was. */
export interface Explanation {
  readonly decision: AccessDecision;
  /** Every enabled rule, in order. */
  readonly steps: readonly RuleStep[];
}

function look(rule: CompiledRule, facts: RequestFacts, coversAction: boolean): RuleVerdict {
  if (!coversAction) return 'other-action';
  if (!matchesPatterns(rule.principal, facts.principals)) return 'other-principal';
  if (!matchesPatterns(rule.group, facts.groups)) return 'other-group';
  if (!isFor(rule, facts)) return 'other-collection';
  if (rule.source.effect !== 'alert') return 'decided';
  const hasCondition = rule.source.condition?.readonly === true || rule.device !== undefined;
  return hasCondition && violatedCondition(rule, facts) === 'none' ? 'condition-held' : 'found';
}

/** Decides as `decide` does and says what each rule had to say. Slower: looks at every rule. */
export function explain(rules: CompiledRules, facts: RequestFacts, options: DecideOptions = {}): Explanation {
  const { byKey, forAll } = rules.forAction(facts.action);
  const covering = new Set([...forAll, ...[...byKey.values()].flat()]);
  let isDecided = false;
  const steps = rules.rules.map((rule): RuleStep => {
    const verdict = isDecided ? 'not-reached' : look(rule, facts, covering.has(rule));
    isDecided ||= verdict === 'decided';
    return { rule: rule.source.name, effect: rule.source.effect, verdict };
  });
  return { decision: decide(rules, facts, options), steps };
}
