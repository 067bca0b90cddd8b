// Persons, groups of calls and hits that were seen in the last 7 days: what the editor offers and the list shows.
import { loadFacets, loadHistogram } from '../../api/events.ts';
import { toTerm } from '../../lib/event-filter.ts';
import { toApiParams } from '../../lib/events-query.ts';

/** The days that hits are counted over. */
export const hitsRange = { kind: 'last', minutes: 7 * 24 * 60 } as const;

/** Persons, actions, images and hosts, most frequent first. */
export interface SeenValues {
  readonly users: readonly string[];
  readonly actions: readonly string[];
  readonly hosts: readonly string[];
}

/** What was seen of Docker in the last 7 days. */
export async function loadSeen(signal: AbortSignal): Promise<SeenValues> {
  const params = toApiParams({ filter: [toTerm('type', 'docker')], range: hitsRange }, Date.now());
  const facets = await loadFacets(params, ['user', 'api', 'hostname'], signal, 1000);
  const toValues = (values: readonly { readonly value: string }[] | undefined) =>
    (values ?? []).map(({ value }) => value).filter((value) => value !== '');
  return { users: toValues(facets.user), actions: toValues(facets.api), hosts: toValues(facets.hostname) };
}

/** Calls by the name of the rule that decided them. */
export async function loadHits(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const facets = await loadFacets(toApiParams({ filter: [], range: hitsRange }, Date.now()), ['rule'], signal, 1000);
  return new Map((facets.rule ?? []).map(({ value, count }) => [value, count]));
}

const bars = 28;

/** Calls that a rule decided, in bars of 6 hours, oldest first. */
export async function loadHitBars(rule: string, signal: AbortSignal): Promise<readonly number[]> {
  const params = toApiParams({ filter: [toTerm('rule', rule)], range: hitsRange }, Date.now());
  params.set('to', new Date().toISOString());
  const buckets = await loadHistogram(params, bars, signal);
  return buckets.map(({ allowed, denied }) => allowed + denied);
}
