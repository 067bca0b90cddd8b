// Which access events a reader asks for and may see, and the one pure judgement whether an event is among them.
// Every value matches literally; the scope is part of each filter, so that no read can forget it.
import type { StoredAccessEvent } from '@dockledger/contract';
import {
  type AccessEventColumn,
  accessEventColumns,
  collectionsOf,
  columnValue,
  foldText,
  searchText,
  timeMsOf,
} from './access-event-columns.ts';

/** Values by column. A column that is left out does not restrict; an empty list is the empty set. */
export type ColumnValues = { readonly [column in AccessEventColumn | 'collections']?: readonly string[] };

/** Conditions are joined by "and", the values of one column by "or". All values match literally and in full. */
export interface AccessEventFilter {
  /** Names of the collections the reader may see (any of them), or null when the reader may see all. */
  readonly scope: readonly string[] | null;
  /** Earliest time, inclusive, milliseconds since 1970. */
  readonly fromMs?: number;
  /** Latest time, inclusive, milliseconds since 1970. */
  readonly toMs?: number;
  /** True for allowed events only, false for refused ones only. */
  readonly allow?: boolean;
  /** The event's value must be among these. For `collections`: at least one of the event's is. */
  readonly include?: ColumnValues;
  /** The event's value must not be among these. For `collections`: none of the event's is. */
  readonly exclude?: ColumnValues;
  /** Case-insensitive substring of user, api, container, image, rule, host, msg or raw. Empty does not restrict. */
  readonly text?: string;
}

/** Everything, for a reader without limits. */
export const unrestricted: AccessEventFilter = { scope: null };

/** True when the event passes the filter. Events of type `outcome` never do: they are no rows of the list. */
export function matchesFilter(event: StoredAccessEvent, filter: AccessEventFilter): boolean {
  if (event.type === 'outcome') return false;
  const timeMs = timeMsOf(event);
  if (filter.fromMs !== undefined && timeMs < filter.fromMs) return false;
  if (filter.toMs !== undefined && timeMs > filter.toMs) return false;
  if (filter.allow !== undefined && (event.decision.effect === 'allow') !== filter.allow) return false;
  if (filter.scope !== null && !intersects(event, filter.scope)) return false;
  if (!passesColumns(event, filter.include, true)) return false;
  if (!passesColumns(event, filter.exclude, false)) return false;
  const needle = foldText(filter.text ?? '');
  return needle === '' || searchText(event).includes(needle);
}

function intersects(event: StoredAccessEvent, names: readonly string[]): boolean {
  const wanted = new Set(names.map((name) => name.toWellFormed()));
  return collectionsOf(event).some((name) => wanted.has(name));
}

function passesColumns(event: StoredAccessEvent, values: ColumnValues | undefined, wanted: boolean): boolean {
  if (values === undefined) return true;
  if (values.collections !== undefined && intersects(event, values.collections) !== wanted) return false;
  for (const column of accessEventColumns) {
    const list = values[column];
    if (list === undefined) continue;
    const value = columnValue(event, column);
    if (list.some((candidate) => candidate.toWellFormed() === value) !== wanted) return false;
  }
  return true;
}
