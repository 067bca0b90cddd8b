// Finds what is wrong with a rule list before it is saved.
// Invariant: an error means that a rule could never do what it says; a warning means that it might surprise.
import type { AccessRule, ComplianceRule } from '@dockledger/contract';
import { allCollection } from './collection-scope.ts';
import { matchesAnyAction } from './compiled-rules.ts';
import { complianceChecks } from './compliance/checks.ts';
import { compilePatterns, coversPattern, coversPatterns } from './pattern.ts';

/** What can be wrong with a rule or a list. */
export type RuleIssueCode =
  | 'duplicate-name'
  | 'empty-list'
  | 'bad-pattern'
  | 'never-matches'
  | 'unknown-collection'
  | 'shadowed'
  | 'condition-without-effect'
  | 'unknown-check'
  | 'repeated-check'
  | 'no-catch-all';

/** One finding about a rule list. Errors forbid saving, warnings do not. */
export interface RuleIssue {
  readonly severity: 'error' | 'warning';
  readonly code: RuleIssueCode;
  /** The rule's name; empty when the issue is the list's. */
  readonly rule: string;
  /** One sentence for people. */
  readonly text: string;
}

const listNames = ['action', 'principal', 'group'] as const;

/** What is wrong with one pattern, or undefined. */
function patternFault(source: string): string | undefined {
  const bare = source.startsWith('-') ? source.slice(1) : source;
  if (bare === '') return 'is empty';
  if (bare.trim() !== bare) return 'begins or ends with a blank';
  const inner = bare.replace(/^\*/, '').replace(/\*$/, '');
  return inner.includes('*') ? 'has a star that is not at an end' : undefined;
}

function lintList(rule: AccessRule, listName: (typeof listNames)[number]): RuleIssue[] {
  const list = rule[listName];
  if (list === undefined) return [];
  const issue = (code: RuleIssueCode, text: string): RuleIssue => ({ severity: 'error', code, rule: rule.name, text });
  if (list.length === 0) return [issue('empty-list', `The ${listName} list is empty; use "*" for all.`)];
  const issues: RuleIssue[] = [];
  for (const source of list) {
    const fault = patternFault(source);
    if (fault !== undefined) issues.push(issue('bad-pattern', `The ${listName} pattern "${source}" ${fault}.`));
    else if (listName === 'action' && !source.startsWith('-') && !matchesAnyAction(source)) {
      issues.push(issue('never-matches', `No action is called "${source}".`));
    }
  }
  const { includes, excludes } = compilePatterns(list, listName === 'action' ? 'ignore-case' : 'case-sensitive');
  if (includes.every((include) => excludes.some((exclude) => coversPattern(exclude, include)))) {
    issues.push(issue('never-matches', `The ${listName} list excludes everything that it includes.`));
  }
  return issues;
}

function lintCollections(
  rule: Pick<AccessRule, 'name' | 'collections'>,
  known: ReadonlySet<string> | undefined,
): RuleIssue[] {
  if (rule.collections?.length === 0) {
    return [
      {
        severity: 'error',
        code: 'empty-list',
        rule: rule.name,
        text: 'The collections list is empty; use "All" for all.',
      },
    ];
  }
  return (rule.collections ?? [])
    .filter((name) => known !== undefined && name !== allCollection.name && !known.has(name))
    .map((name) => ({
      severity: 'error',
      code: 'unknown-collection',
      rule: rule.name,
      text: `There is no collection "${name}".`,
    }));
}

/** True when it is certain that `earlier` decides every call that `later` would match. */
function shadows(earlier: AccessRule, later: AccessRule): boolean {
  if (earlier.effect === 'alert') return false;
  for (const listName of listNames) {
    const caseRule = listName === 'action' ? 'ignore-case' : 'case-sensitive';
    const wide = compilePatterns(earlier[listName], caseRule);
    if (!coversPatterns(wide, compilePatterns(later[listName], caseRule))) return false;
  }
  const wide = earlier.collections ?? [allCollection.name];
  return wide.includes(allCollection.name) || later.collections?.every((name) => wide.includes(name)) === true;
}

function isCatchAll(rule: AccessRule): boolean {
  return rule.effect !== 'alert' && shadows(rule, { name: '', effect: 'allow' });
}

/**
 * Looks through a rule list in evaluation order. `collections` are the names that exist; without them names are not
 * checked. Issues come in rule order, those of the whole list last.
 */
export function lintRules(rules: readonly AccessRule[], collections?: readonly string[]): readonly RuleIssue[] {
  const issues: RuleIssue[] = [];
  const known = collections === undefined ? undefined : new Set(collections);
  const names = new Set<string>();
  const enabled: AccessRule[] = [];
  for (const rule of rules) {
    if (names.has(rule.name)) {
      const text = `Another rule is called "${rule.name}".`;
      issues.push({ severity: 'error', code: 'duplicate-name', rule: rule.name, text });
    }
    names.add(rule.name);
    for (const listName of listNames) issues.push(...lintList(rule, listName));
    issues.push(...lintCollections(rule, known));
    const device = rule.condition?.device;
    const deviceFault = device === undefined || device === '' ? undefined : patternFault(device);
    if (deviceFault !== undefined) {
      const text = `The device pattern "${device}" ${deviceFault}.`;
      issues.push({ severity: 'error', code: 'bad-pattern', rule: rule.name, text });
    }
    if (rule.effect === 'deny' && (rule.condition?.readonly === true || (device !== undefined && device !== ''))) {
      const text = 'A condition limits what a rule allows; on a deny rule it does nothing.';
      issues.push({ severity: 'warning', code: 'condition-without-effect', rule: rule.name, text });
    }
    if (rule.disabled === true) continue;
    const shadow = enabled.find((earlier) => shadows(earlier, rule));
    if (shadow !== undefined) {
      const text = `Never reached: the earlier rule "${shadow.name}" decides every call it could match.`;
      issues.push({ severity: 'warning', code: 'shadowed', rule: rule.name, text });
    }
    enabled.push(rule);
  }
  const last = enabled.at(-1);
  if (last === undefined || !isCatchAll(last)) {
    const text =
      'The list does not end in a rule for everything: what no rule matches is refused by "Default - deny all".';
    issues.push({ severity: 'warning', code: 'no-catch-all', rule: '', text });
  }
  return issues;
}

/**
 * Looks through a list of compliance rules in evaluation order; the first that fits judges alone. `collections` as for
 * {@link lintRules}.
 */
export function lintComplianceRules(
  rules: readonly ComplianceRule[],
  collections?: readonly string[],
): readonly RuleIssue[] {
  const issues: RuleIssue[] = [];
  const known = collections === undefined ? undefined : new Set(collections);
  const checkIds = new Set(complianceChecks.map(({ id }) => id));
  const names = new Set<string>();
  let catchAll: string | undefined;
  for (const rule of rules) {
    const report = (severity: RuleIssue['severity'], code: RuleIssueCode, text: string): void => {
      issues.push({ severity, code, rule: rule.name, text });
    };
    if (names.has(rule.name)) report('error', 'duplicate-name', `Another rule is called "${rule.name}".`);
    names.add(rule.name);
    issues.push(...lintCollections(rule, known));
    const seen = new Set<number>();
    for (const { id } of rule.condition.vulnerabilities) {
      if (!checkIds.has(id)) report('warning', 'unknown-check', `There is no check ${id}; it is ignored.`);
      if (seen.has(id)) report('error', 'repeated-check', `Check ${id} is there twice.`);
      seen.add(id);
    }
    if (rule.disabled === true) continue;
    if (catchAll !== undefined) {
      report('warning', 'shadowed', `Never reached: the earlier rule "${catchAll}" judges every container.`);
    } else if (rule.collections === undefined || rule.collections.includes(allCollection.name)) catchAll = rule.name;
  }
  return issues;
}
