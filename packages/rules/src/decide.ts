// The judge of access rules: one request's facts in, one decision with its reason out.
// Invariant: the first matching allow or deny rule decides; alert rules never do; without a match the call is refused.
// A later rule never changes what an earlier one decided.
import { type Finding, noRuleMatchedName } from '@dockledger/contract';
import { matchScope, type ScopeFacts, type ScopeMatch } from './collection-scope.ts';
import { type CompiledRule, type CompiledRules, groupKey, principalKey } from './compiled-rules.ts';
import { matchesPatterns } from './pattern.ts';
import type { ActionClass } from './routes.ts';

/** All that the judge of access rules looks at. */
export interface RequestFacts {
  readonly action: string;
  readonly class: ActionClass;
  /** The person, for the sentence that the client sees. Empty when unknown. */
  readonly user: string;
  /** Every name that rules may use for the caller: user, `uid:N`, certificate names, `container:NAME`. */
  readonly principals: readonly string[];
  readonly groups: readonly string[];
  readonly target: ScopeFacts;
  /** Host paths and devices that the request wants inside a container, cleaned. Defaults to none. */
  readonly hostDevices?: readonly string[];
}

/** Why a decision is what it is: a rule's effect, a rule's condition that did not hold, or no rule at all. */
export type DecisionReason = 'rule' | 'readonly' | 'device' | 'no-rule-matched';

/** The verdict on one call. */
export interface AccessDecision {
  readonly effect: 'allow' | 'deny';
  /** Name of the rule that decided, `Default - deny all` when none did. */
  readonly rule: string;
  readonly reason: DecisionReason;
  /** For a refusal, exactly what the client sees. */
  readonly text: string;
  /** What alert rules before the deciding one would have refused, in rule order. */
  readonly findings: readonly Finding[];
  /** False: an allowed call that its rule wants counted only. */
  readonly audit: boolean;
}

/** Settings of the judge. */
export interface DecideOptions {
  /** Put in brackets before a refusal. Defaults to `Dockledger`. */
  readonly brand?: string;
}

/** The brand before a refusal's text unless a setting says otherwise. */
export const defaultBrand = 'Dockledger';

function sentence(facts: RequestFacts, verb: string, rule: string): string {
  return `The command ${facts.action} ${verb} for user ${facts.user === '' ? 'unknown' : facts.user} by rule ${rule}.`;
}

function refusalText(facts: RequestFacts, rule: string, message: string | undefined, brand: string): string {
  const text = `[${brand}] ${sentence(facts, 'denied', rule)}`;
  return message === undefined || message === '' ? text : `${text} ${message}`;
}

function matchCollections(rule: CompiledRule, facts: RequestFacts): ScopeMatch {
  if (rule.scopes === undefined) return 'yes';
  let result: ScopeMatch = rule.hasUnknownCollection ? 'maybe' : 'no';
  for (const scope of rule.scopes) {
    const match = matchScope(scope, facts.target);
    if (match === 'yes') return 'yes';
    if (match === 'maybe') result = 'maybe';
  }
  return result;
}

/** Whether a rule that covers the action is for this caller and target. In doubt a permit is not, a denial is. */
export function isFor(rule: CompiledRule, facts: RequestFacts): boolean {
  if (!matchesPatterns(rule.principal, facts.principals) || !matchesPatterns(rule.group, facts.groups)) return false;
  const scope = matchCollections(rule, facts);
  return scope === 'yes' || (scope === 'maybe' && rule.source.effect !== 'allow');
}

/** What a rule's condition has against the call; `none` when it holds or there is none. */
export function violatedCondition(rule: CompiledRule, facts: RequestFacts): 'none' | 'readonly' | 'device' {
  if (rule.source.condition?.readonly === true && facts.class !== 'read') return 'readonly';
  const { device } = rule;
  if (device !== undefined && facts.hostDevices?.some((path) => !matchesPatterns(device, [path])) === true)
    return 'device';
  return 'none';
}

function hasCondition(rule: CompiledRule): boolean {
  return rule.source.condition?.readonly === true || rule.device !== undefined;
}

/** The rules that may match, in list order: a merge of the index's lists for this caller. */
function* candidates(rules: CompiledRules, facts: RequestFacts): Generator<CompiledRule, void> {
  const { byKey, forAll } = rules.forAction(facts.action);
  const lists: (readonly CompiledRule[])[] = [forAll];
  if (byKey.size > 0) {
    for (const principal of facts.principals) {
      const list = byKey.get(principalKey(principal));
      if (list !== undefined) lists.push(list);
    }
    for (const group of facts.groups) {
      const list = byKey.get(groupKey(group));
      if (list !== undefined) lists.push(list);
    }
  }
  if (lists.length === 1) {
    yield* forAll;
    return;
  }
  const cursors = lists.map(() => 0);
  for (let last = -1; ; ) {
    let next: CompiledRule | undefined;
    for (const [at, list] of lists.entries()) {
      while ((list[cursors[at]!]?.index ?? Number.MAX_SAFE_INTEGER) <= last) cursors[at]!++;
      const head = list[cursors[at]!];
      if (head !== undefined && (next === undefined || head.index < next.index)) next = head;
    }
    if (next === undefined) return;
    last = next.index;
    yield next;
  }
}

const noFindings: readonly Finding[] = [];

/** Decides one call. Pure and total: the same rules and facts give the same decision, and nothing throws. */
export function decide(rules: CompiledRules, facts: RequestFacts, options: DecideOptions = {}): AccessDecision {
  const brand = options.brand ?? defaultBrand;
  let findings: Finding[] | undefined;
  for (const rule of candidates(rules, facts)) {
    if (!isFor(rule, facts)) continue;
    const { name, effect, blockMsg, auditAllowed } = rule.source;
    const violated = violatedCondition(rule, facts);
    if (effect === 'alert') {
      // With a condition an alert is the dry run of a permit that holds only under it.
      if (hasCondition(rule) && violated === 'none') continue;
      findings ??= [];
      findings.push({ rule: name, effect: 'alert', text: sentence(facts, 'would have been denied', name) });
      continue;
    }
    if (effect === 'deny' || violated !== 'none') {
      return {
        effect: 'deny',
        rule: name,
        reason: effect === 'deny' || violated === 'none' ? 'rule' : violated,
        text: refusalText(facts, name, blockMsg, brand),
        findings: findings ?? noFindings,
        audit: true,
      };
    }
    return {
      effect: 'allow',
      rule: name,
      reason: 'rule',
      text: sentence(facts, 'allowed', name),
      findings: findings ?? noFindings,
      // What an alert rule would have refused is recorded, whatever the permit behind it says.
      audit: auditAllowed !== false || findings !== undefined,
    };
  }
  return {
    effect: 'deny',
    rule: noRuleMatchedName,
    reason: 'no-rule-matched',
    text: refusalText(facts, noRuleMatchedName, undefined, brand),
    findings: findings ?? noFindings,
    audit: true,
  };
}
