// What a rule would have matched among recorded events: its patterns resolved against the values that were seen.
import type { AccessRule } from '@dockledger/contract';
import { type EventFilter, toTerm } from './event-filter.ts';

/** True when a pattern of a rule (exact, or with `*` for any run of characters) matches the value. */
export function matchesPattern(pattern: string, value: string): boolean {
  if (!pattern.includes('*')) return pattern === value;
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'su').test(value);
}

function resolve(patterns: readonly string[] | undefined, seen: readonly string[]): readonly string[] | 'all' {
  if (patterns === undefined || patterns.length === 0 || patterns.includes('*')) return 'all';
  return seen.filter((value) => patterns.some((pattern) => matchesPattern(pattern, value)));
}

/**
 * The filter for the Docker events that the rule's actions and persons match, given the values seen in the same time.
 * Undefined when nothing seen matches. Groups, collections and conditions are not weighed: the true number may be smaller.
 */
export function toReachFilter(
  rule: AccessRule,
  seen: { readonly users: readonly string[]; readonly actions: readonly string[] },
): EventFilter | undefined {
  const users = resolve(rule.principal, seen.users);
  const actions = resolve(rule.action, seen.actions);
  if (users.length === 0 || actions.length === 0) return undefined;
  return [
    toTerm('type', 'docker'),
    ...(users === 'all' ? [] : users.map((user) => toTerm('user', user))),
    ...(actions === 'all' ? [] : actions.map((action) => toTerm('api', action))),
  ];
}
