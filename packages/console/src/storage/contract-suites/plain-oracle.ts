// The plain reading of the port, written apart from the code it judges: a filter, a sort and a slice over an array, field by field.
import type { CompatibleRecord, StoredAccessEvent } from '@dockledger/contract';
import { toCompatibleRecord } from '@dockledger/contract';
import type { AccessEventFilter, ColumnValues } from '../../access-events/access-event-filter.ts';
import type { AccessEventSort } from '../../access-events/access-event-store.ts';

/** The rows of the list as they are read: outcomes are no rows, but show in the events they speak of. */
export function plainRows(events: readonly StoredAccessEvent[]): StoredAccessEvent[] {
  const rows: StoredAccessEvent[] = [];
  const outcomes = events.filter((event) => event.type === 'outcome');
  for (const event of events) {
    if (event.type === 'outcome') continue;
    const told = outcomes.filter((other) => other.ofEvent === event.id).at(-1);
    const isOpen = event.outcome.state === 'pending' || event.outcome.state === 'unknown';
    rows.push(told !== undefined && isOpen ? { ...event, outcome: told.outcome } : event);
  }
  return rows;
}

/** The rows that pass the filter, in order. */
export function plainSelect(
  events: readonly StoredAccessEvent[],
  filter: AccessEventFilter,
  sort: AccessEventSort,
): StoredAccessEvent[] {
  return plainRows(events)
    .filter((event) => passes(event, filter))
    .sort((a, b) => compare(a, b, sort));
}

function passes(event: StoredAccessEvent, filter: AccessEventFilter): boolean {
  const time = new Date(event.time).getTime();
  const record = toCompatibleRecord(event);
  const values: Record<string, string> = {
    ...textsOf(record),
    effect: event.decision.effect,
    containerId: event.target.containerId ?? '',
    sessionId: event.actor.sessionId ?? '',
    defenderId: event.defenderId,
  };
  const isAmong = (columns: ColumnValues | undefined, wanted: boolean): boolean =>
    Object.entries(columns ?? {}).every(([column, list]) => {
      const has =
        column === 'collections'
          ? event.collections.some((name) => list.includes(name))
          : list.some((value) => value.toWellFormed() === values[column]?.toWellFormed());
      return has === wanted;
    });
  const searched = [
    record.user,
    record.api,
    record.containerName,
    record.imageName,
    record.ruleName,
    record.hostname,
    record.msg,
  ];
  const fold = (text: string): string => text.toWellFormed().split('\u0000').join('').toLowerCase();
  return (
    time >= (filter.fromMs ?? Number.NEGATIVE_INFINITY) &&
    time <= (filter.toMs ?? Number.POSITIVE_INFINITY) &&
    (filter.allow === undefined || record.allow === filter.allow) &&
    (filter.scope === null || filter.scope.some((name) => event.collections.includes(name))) &&
    isAmong(filter.include, true) &&
    isAmong(filter.exclude, false) &&
    [...searched, event.raw ?? ''].some((field) => fold(field).includes(fold(filter.text ?? '')))
  );
}

function textsOf(record: CompatibleRecord): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function compare(a: StoredAccessEvent, b: StoredAccessEvent, sort: AccessEventSort): number {
  const sign = sort.direction === 'ascending' ? 1 : -1;
  const order = sort.by === 'time' ? 0 : sign * compareKeys(keyOf(a, sort), keyOf(b, sort));
  const newer = new Date(a.time).getTime() - new Date(b.time).getTime() || a.ledgerIndex - b.ledgerIndex;
  return order || (sort.by === 'time' ? sign : -1) * newer;
}

function compareKeys(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

function keyOf(event: StoredAccessEvent, { by }: AccessEventSort): string | number {
  const record = toCompatibleRecord(event);
  switch (by) {
    case 'time':
    case 'ledgerIndex':
      return event.ledgerIndex;
    case 'receivedAt':
      return new Date(event.receivedAt).getTime();
    case 'count':
      return event.count;
    case 'allow':
      return record.allow ? 1 : 0;
    case 'effect':
      return event.decision.effect;
    case 'collections':
      return event.collections.join(',');
    case 'labels':
      return Object.entries(record.labels ?? {})
        .map(([name, value]) => `${name}:${value}`)
        .sort()
        .join(',');
    case 'containerId':
      return event.target.containerId ?? '';
    case 'sessionId':
      return event.actor.sessionId ?? '';
    case 'defenderId':
      return event.defenderId;
    default:
      return record[by];
  }
}
