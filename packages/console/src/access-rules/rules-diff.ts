// Says in lines what a save changed in a list of rules. Pure.
import type { AccessRule, ComplianceRule } from '@dockledger/contract';

/** One line per rule that was added, removed, changed or moved, in the new order, removals last. Empty when nothing changed. */
export function toRulesDiff<Rule extends AccessRule | ComplianceRule>(
  before: readonly Rule[],
  after: readonly Rule[],
): string {
  const lines: string[] = [];
  const [oldNames, newNames] = [before.map(({ name }) => name), after.map(({ name }) => name)];
  for (const [index, rule] of after.entries()) {
    const old = before.find(({ name }) => name === rule.name);
    if (old === undefined) lines.push(`+ ${index + 1}. ${toText(rule)}`);
    else if (toText(old) !== toText(rule)) lines.push(`~ ${index + 1}. ${toText(old)} → ${toText(rule)}`);
  }
  for (const rule of before) if (!newNames.includes(rule.name)) lines.push(`- ${toText(rule)}`);
  const kept = (names: readonly string[], others: readonly string[]) =>
    names.filter((name) => others.includes(name)).join('\n');
  if (kept(oldNames, newNames) !== kept(newNames, oldNames)) lines.push(`order: ${newNames.join(', ')}`);
  return lines.join('\n');
}

function toText({
  owner: _owner,
  modified: _modified,
  previousName: _previousName,
  ...rule
}: AccessRule | ComplianceRule): string {
  return JSON.stringify(Object.fromEntries(Object.entries(rule).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
