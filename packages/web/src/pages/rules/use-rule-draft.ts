// The draft of the rules: a copy of the list in force that is edited, compared and given back as a whole.
// Invariant: nothing here changes what is in force.
import type { AccessRule } from '@dockledger/contract';
import { useEffect, useState } from 'preact/hooks';
import type { TaggedRules } from '../../api/rules.ts';
import { diffRules, moveRule, type RuleChange } from '../../lib/rule-list.ts';

/** A rule of the draft with a key that stays while its name and place change. */
export interface DraftRule {
  readonly key: number;
  readonly rule: AccessRule;
}

/** The draft and what can be done with it. */
export interface RuleDraft {
  /** The list that the draft is compared with; undefined until it is loaded. */
  readonly base: TaggedRules | undefined;
  readonly entries: readonly DraftRule[];
  readonly rules: readonly AccessRule[];
  readonly changes: readonly RuleChange[];
  /** Why the draft cannot be saved; empty when it can. */
  readonly problem: string;
  /** Begins anew from a list in force. */
  readonly take: (rules: TaggedRules) => void;
  /** Compares with another list in force; the draft stays. */
  readonly rebase: (rules: TaggedRules) => void;
  readonly replaceAll: (rules: readonly AccessRule[]) => void;
  readonly change: (key: number, after: AccessRule) => void;
  readonly remove: (key: number) => void;
  readonly move: (from: number, to: number) => void;
  /** Puts a rule at a place, under a free name, and gives its key. */
  readonly insert: (at: number, rule: AccessRule) => number;
}

let lastKey = 0;

function toEntry(rule: AccessRule): DraftRule {
  lastKey += 1;
  return { key: lastKey, rule };
}

function toFreeName(entries: readonly DraftRule[], wanted: string): string {
  const names = new Set(entries.map(({ rule }) => rule.name));
  let name = wanted;
  for (let count = 2; names.has(name); count += 1) name = `${wanted} ${count}`;
  return name;
}

/** The rule with its old name remembered, so that a rename is one change and keeps its hits. */
function withPreviousName(base: readonly AccessRule[], before: AccessRule, after: AccessRule): AccessRule {
  const original = before.previousName ?? before.name;
  const { previousName: _, ...rest } = after;
  return rest.name !== original && base.some((rule) => rule.name === original)
    ? { ...rest, previousName: original }
    : rest;
}

function findProblem(rules: readonly AccessRule[]): string {
  const names = rules.map((rule) => rule.name.trim());
  if (names.includes('')) return 'A rule has no name.';
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? '' : `Two rules are named ${twice}.`;
}

/** Holds the draft while the page is shown, begins with `loaded` once it is there, and warns before the tab closes over changes. */
export function useRuleDraft(loaded: TaggedRules | undefined): RuleDraft {
  const [base, setBase] = useState<TaggedRules | undefined>(undefined);
  const [entries, setEntries] = useState<readonly DraftRule[]>([]);
  const replaceAll = (rules: readonly AccessRule[]) => setEntries(rules.map(toEntry));
  const take = (rules: TaggedRules) => {
    setBase(rules);
    replaceAll(rules.rules.accessRules);
  };
  useEffect(() => {
    if (loaded !== undefined && base === undefined) take(loaded);
  }, [loaded]);
  const rules = entries.map(({ rule }) => rule);
  const changes = base === undefined ? [] : diffRules(base.rules.accessRules, rules);
  useEffect(() => {
    if (changes.length === 0) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [changes.length > 0]);
  return {
    base,
    entries,
    rules,
    changes,
    problem: findProblem(rules),
    take,
    rebase: setBase,
    replaceAll,
    change: (key, after) =>
      setEntries(
        entries.map((entry) =>
          entry.key === key ? { key, rule: withPreviousName(base?.rules.accessRules ?? [], entry.rule, after) } : entry,
        ),
      ),
    remove: (key) => setEntries(entries.filter((entry) => entry.key !== key)),
    move: (from, to) => {
      const keys = entries.map(({ key }) => ({ name: String(key), effect: 'allow' as const }));
      const order = moveRule(keys, from, to);
      setEntries(order.flatMap(({ name }) => entries.filter(({ key }) => String(key) === name)));
    },
    insert: (at, rule) => {
      const made = toEntry({ ...rule, name: toFreeName(entries, rule.name) });
      setEntries(entries.toSpliced(at, 0, made));
      return made.key;
    },
  };
}
