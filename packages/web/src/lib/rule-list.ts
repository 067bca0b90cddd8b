// What the Rules page needs to know of a list of rules: its words, its changes, and rules that can never decide.
import type { AccessRule } from '@dockledger/contract';

/** True when every value that one of `inner` matches is matched by one of `outer`. Only exact names and `prefix*` are compared. */
function covers(outer: readonly string[] | undefined, inner: readonly string[] | undefined): boolean {
  const wide = outer ?? ['*'];
  return (inner ?? ['*']).every((value) =>
    wide.some(
      (pattern) => pattern === value || (/^[^*?[]*\*$/u.test(pattern) && value.startsWith(pattern.slice(0, -1))),
    ),
  );
}

function hasAllCollections(rule: AccessRule): boolean {
  return rule.collections === undefined || rule.collections.some((name) => name === 'All' || name === '*');
}

/** The earlier rule that decides everything this one could match, if there is one. Never wrong when it names one; it may miss some. */
export function findShadow(rules: readonly AccessRule[], index: number): AccessRule | undefined {
  const rule = rules[index];
  if (rule === undefined || rule.disabled === true) return undefined;
  return rules
    .slice(0, index)
    .find(
      (earlier) =>
        earlier.disabled !== true &&
        earlier.effect !== 'alert' &&
        earlier.condition === undefined &&
        hasAllCollections(earlier) &&
        covers(earlier.action, rule.action) &&
        covers(earlier.principal, rule.principal) &&
        covers(earlier.group, rule.group),
    );
}

/** True when some enabled rule decides whatever no other rule matched. */
export function hasCatchAll(rules: readonly AccessRule[]): boolean {
  return rules.some((_, index) => {
    const everything: AccessRule = { name: '', effect: 'allow' };
    return findShadow([...rules.slice(0, index + 1), everything], index + 1) !== undefined;
  });
}

/** A list with `index` moved to `to`. Out of bounds changes nothing. */
export function moveRule(rules: readonly AccessRule[], index: number, to: number): AccessRule[] {
  const moved = rules[index];
  if (moved === undefined || to < 0 || to >= rules.length) return [...rules];
  return rules.filter((_, at) => at !== index).toSpliced(to, 0, moved);
}

/** One line of a diff. `moved` rules are the same at another place. */
export interface RuleChange {
  readonly kind: 'added' | 'removed' | 'changed' | 'moved';
  readonly name: string;
  /** Place in the list from 1: where it is now, or was when removed. */
  readonly place: number;
  /** Fields that differ, old and new, as they are stored. */
  readonly fields: readonly { readonly field: string; readonly before: string; readonly after: string }[];
}

const silent = new Set(['owner', 'modified', 'previousName']);

/** What a field that is left out means. */
const defaults: Readonly<Record<string, string>> = {
  action: '*',
  principal: '*',
  group: '*',
  collections: '*',
  auditAllowed: 'true',
  disabled: 'false',
};

function write(field: string, value: unknown): string {
  if (value === undefined || value === '') return defaults[field] ?? '';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function toFieldChanges(before: AccessRule, after: AccessRule): RuleChange['fields'] {
  const old = new Map(Object.entries(before));
  const now = new Map(Object.entries(after));
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((field) => !silent.has(field))
    .map((field) => ({ field, before: write(field, old.get(field)), after: write(field, now.get(field)) }))
    .filter((change) => change.before !== change.after);
}

/** The fewest names that had to move to turn one order into the other: all but a longest run that kept its order. */
function findMoved(before: readonly string[], after: readonly string[]): ReadonlySet<string> {
  const kept = after.filter((name) => before.includes(name));
  const places = kept.map((name) => before.indexOf(name));
  const runs: number[][] = [];
  places.forEach((place, index) => {
    let longest: readonly number[] = [];
    runs.forEach((run, at) => {
      if ((places[at] ?? 0) < place && run.length > longest.length) longest = run;
    });
    runs.push([...longest, index]);
  });
  const still = new Set(runs.reduce<readonly number[]>((best, run) => (run.length > best.length ? run : best), []));
  return new Set(kept.filter((_, index) => !still.has(index)));
}

/** What saving `after` over `before` would change. A rule is followed through a rename by its `previousName`. */
export function diffRules(before: readonly AccessRule[], after: readonly AccessRule[]): RuleChange[] {
  const changes: RuleChange[] = [];
  const names = after.map((rule) => rule.previousName ?? rule.name);
  before.forEach((rule, index) => {
    if (!names.includes(rule.name)) changes.push({ kind: 'removed', name: rule.name, place: index + 1, fields: [] });
  });
  const moved = findMoved(
    before.map((rule) => rule.name),
    names,
  );
  after.forEach((rule, index) => {
    const name = names[index] ?? rule.name;
    const old = before.find((other) => other.name === name);
    if (old === undefined) {
      changes.push({
        kind: 'added',
        name: rule.name,
        place: index + 1,
        fields: toFieldChanges({ name: '', effect: 'allow' }, rule),
      });
      return;
    }
    const fields = toFieldChanges(old, rule);
    if (fields.length > 0) changes.push({ kind: 'changed', name: rule.name, place: index + 1, fields });
    else if (moved.has(name)) {
      changes.push({ kind: 'moved', name: rule.name, place: index + 1, fields: [] });
    }
  });
  return changes;
}

/** `alice, bob`, or the word for everything. */
export function toListWords(values: readonly string[] | undefined, everything: string): string {
  return values === undefined || values.length === 0 || values.includes('*') ? everything : values.join(', ');
}

/** Reads what was typed into a list field: separated by commas or new lines; nothing means everything. */
export function parseList(input: string): string[] {
  const values = input.split(/[\n,]/u).map((value) => value.trim());
  const kept = [...new Set(values.filter((value) => value !== ''))];
  return kept.length === 0 ? ['*'] : kept;
}
