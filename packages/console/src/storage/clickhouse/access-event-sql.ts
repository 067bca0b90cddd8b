// Turns a filter and an order into SQL. Every value is bound as a parameter; only column names and integers of ours become text.

import { accessEventColumns, foldText } from '../../access-events/access-event-columns.ts';
import type { AccessEventFilter, ColumnValues } from '../../access-events/access-event-filter.ts';
import type {
  AccessEventPosition,
  AccessEventSort,
  AccessEventSortKey,
} from '../../access-events/access-event-store.ts';

/** A filter, and optionally the position after which rows are wanted, in the direction of the order by time. */
export type RowFilter = AccessEventFilter & {
  readonly after?: { readonly position: AccessEventPosition; readonly direction: AccessEventSort['direction'] };
};

/** A condition and the values it names. */
export interface SqlCondition {
  readonly where: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The filter as a condition. Integers stand in the text, everything else is bound. */
export function toCondition(filter: RowFilter): SqlCondition {
  const parts: string[] = [];
  const params: Record<string, unknown> = {};
  const bind = (value: unknown, type: string): string => {
    const name = `p${Object.keys(params).length}`;
    params[name] = value;
    return `{${name}:${type}}`;
  };
  if (filter.fromMs !== undefined) parts.push(`timeMs >= ${toSqlInteger(filter.fromMs)}`);
  if (filter.toMs !== undefined) parts.push(`timeMs <= ${toSqlInteger(filter.toMs)}`);
  if (filter.allow !== undefined) parts.push(filter.allow ? 'allow' : 'NOT allow');
  if (filter.scope !== null) parts.push(collectionsCondition(filter.scope, bind));
  const addColumns = (values: ColumnValues | undefined, negation: '' | 'NOT '): void => {
    if (values === undefined) return;
    if (values.collections !== undefined) parts.push(`${negation}${collectionsCondition(values.collections, bind)}`);
    for (const column of accessEventColumns) {
      const list = values[column];
      if (list === undefined) continue;
      parts.push(
        list.length === 0
          ? `${negation}false`
          : `${negation}${column} IN ${bind(list.map(wellFormed), 'Array(String)')}`,
      );
    }
  };
  addColumns(filter.include, '');
  addColumns(filter.exclude, 'NOT ');
  const needle = foldText(filter.text ?? '');
  if (needle !== '') parts.push(`position(searchText, ${bind(needle, 'String')}) > 0`);
  if (filter.after !== undefined) {
    const { position, direction } = filter.after;
    const sign = direction === 'ascending' ? '>' : '<';
    const [time, index] = [toSqlInteger(position.timeMs), toSqlInteger(position.ledgerIndex)];
    const sameTime = `ledgerIndex ${sign} ${index} OR (ledgerIndex = ${index} AND id ${sign} ${bind(wellFormed(position.id), 'String')})`;
    // The first condition says nothing new, but it is the one by which the engine passes over whole parts.
    parts.push(`timeMs ${sign}= ${time}`, `(timeMs ${sign} ${time} OR ${sameTime})`);
  }
  return { where: parts.length === 0 ? 'true' : parts.join(' AND '), params };
}

function collectionsCondition(names: readonly string[], bind: (value: unknown, type: string) => string): string {
  return names.length === 0 ? 'false' : `hasAny(collections, ${bind(names.map(wellFormed), 'Array(String)')})`;
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}

const sortExpressions: Readonly<Partial<Record<AccessEventSortKey, string>>> = {
  receivedAt: 'receivedMs',
  count: 'calls',
  collections: `arrayStringConcat(collections, ',')`,
};

/** The total order of the port. */
export function toOrderBy(sort: AccessEventSort): string {
  const direction = sort.direction === 'ascending' ? 'ASC' : 'DESC';
  if (sort.by === 'time') return `timeMs ${direction}, ledgerIndex ${direction}, id ${direction}`;
  return `${sortExpressions[sort.by] ?? sort.by} ${direction}, timeMs DESC, ledgerIndex DESC, id DESC`;
}

/** An integer as SQL text. Anything else would be a fault of ours. */
export function toSqlInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an integer`);
  return String(value);
}
