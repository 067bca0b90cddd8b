// Access rules made ready to decide: patterns parsed, collections looked up, and an index by action and by person.
// Invariant: the index only leaves out rules that could not match; the order of those it gives is the list's order.
import type { AccessRule } from '@dockledger/contract';
import { allCollection, type CollectionScope, type CompiledScope, compileScope } from './collection-scope.ts';
import {
  compilePatterns,
  coversPattern,
  matchesPatterns,
  type Pattern,
  type PatternList,
  parsePattern,
} from './pattern.ts';
import { actionNames, unknownAction } from './routes.ts';

/** One rule, ready to match. */
export interface CompiledRule {
  /** Position among the enabled rules. */
  readonly index: number;
  readonly source: AccessRule;
  readonly action: PatternList;
  readonly principal: PatternList;
  readonly group: PatternList;
  /** Undefined: everything. Empty: none of the named collections exists. */
  readonly scopes: readonly CompiledScope[] | undefined;
  /** A named collection does not exist: a denial then covers everything, a permit nothing of it. */
  readonly hasUnknownCollection: boolean;
  readonly device: PatternList | undefined;
}

/** What {@link compileRules} needs beside the rules. */
export interface CompileOptions {
  /** The collections that rules may name. `All` is always there. Defaults to none. */
  readonly collections?: readonly CollectionScope[];
  /**
   * Actions that an allow rule covers only by their full name, not by a wildcard. For BuildKit's tunnels while a
   * blocking compliance or registry rule is in force. Defaults to none.
   */
  readonly explicitActions?: readonly string[];
}

interface ActionIndex {
  /** Rules by the one person or group that they are for, keyed as {@link principalKey} and {@link groupKey} do. */
  readonly byKey: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Rules that have to be looked at for everybody. */
  readonly forAll: readonly CompiledRule[];
}

/** A rule list, ready to decide. Immutable; make a new one when a rule or a collection changes. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  /** The rules that may match an action, indexed. */
  forAction(action: string): ActionIndex;
}

/** The index key of a person. */
export const principalKey = (principal: string): string => `p${principal}`;
/** The index key of a group. */
export const groupKey = (group: string): string => `g${group}`;

/** Whether an action list covers an action. `unknown` is covered by `*` and by its own name only. */
function coversAction(rule: CompiledRule, action: string, explicitActions: ReadonlySet<string>): boolean {
  const isExplicit = rule.source.effect === 'allow' && explicitActions.has(action);
  if (action === unknownAction || isExplicit) {
    const wanted: Pattern = { kind: 'exact', text: action };
    if (rule.action.excludes.some((pattern) => coversPattern(pattern, wanted))) return false;
    return rule.action.includes.some(
      (pattern) => (pattern.kind === 'exact' && pattern.text === action) || (pattern.kind === 'any' && !isExplicit),
    );
  }
  return matchesPatterns(rule.action, [action]);
}

function compileRule(source: AccessRule, index: number, scopes: ReadonlyMap<string, CompiledScope>): CompiledRule {
  const named = source.collections ?? [allCollection.name];
  const found = named.flatMap((name) => scopes.get(name) ?? []);
  return {
    index,
    source,
    action: compilePatterns(source.action, 'ignore-case'),
    principal: compilePatterns(source.principal, 'case-sensitive'),
    group: compilePatterns(source.group, 'case-sensitive'),
    scopes: found.some((scope) => scope.matchesAll) ? undefined : found,
    hasUnknownCollection: found.length < named.length,
    device:
      source.condition?.device === undefined || source.condition.device === ''
        ? undefined
        : compilePatterns([source.condition.device], 'case-sensitive'),
  };
}

function indexRules(rules: readonly CompiledRule[]): ActionIndex {
  const byKey = new Map<string, CompiledRule[]>();
  const forAll: CompiledRule[] = [];
  for (const rule of rules) {
    const keys = rule.principal.exactTexts?.map(principalKey) ?? rule.group.exactTexts?.map(groupKey);
    if (keys === undefined) {
      forAll.push(rule);
      continue;
    }
    for (const key of new Set(keys)) {
      const list = byKey.get(key);
      if (list === undefined) byKey.set(key, [rule]);
      else list.push(rule);
    }
  }
  return { byKey, forAll };
}

/** Makes a rule list ready to decide. Disabled rules are left out. Never throws: see `lintRules` for what is wrong. */
export function compileRules(rules: readonly AccessRule[], options: CompileOptions = {}): CompiledRules {
  const scopes = new Map((options.collections ?? []).map((each) => [each.name, compileScope(each)]));
  scopes.set(allCollection.name, compileScope(allCollection));
  const explicitActions: ReadonlySet<string> = new Set(options.explicitActions);
  const compiled = rules
    .filter((rule) => rule.disabled !== true)
    .map((rule, index) => compileRule(rule, index, scopes));
  const build = (action: string): ActionIndex =>
    indexRules(compiled.filter((rule) => coversAction(rule, action, explicitActions)));

  const known = new Set(actionNames);
  const byAction = new Map<string, ActionIndex>();
  return {
    rules: compiled,
    forAction(action) {
      const cached = byAction.get(action);
      if (cached !== undefined) return cached;
      const built = build(action);
      // Built at first use, so that a rule change costs little; only for names of the table, so that it stays small.
      if (known.has(action)) byAction.set(action, built);
      return built;
    },
  };
}

/** True when `source` can match an action of the route table. */
export function matchesAnyAction(source: string): boolean {
  const list = compilePatterns([source], 'ignore-case');
  return (
    parsePattern(source, 'ignore-case').kind === 'any' || actionNames.some((action) => matchesPatterns(list, [action]))
  );
}
