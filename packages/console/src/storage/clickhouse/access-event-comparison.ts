// Compares rows with the events that they were made of, column by column, so that an edit of the tables is seen wherever it was made.
// Nothing is taken from the rows but what is compared; what they should say is computed anew from the events.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventRange, ReadOptions, StoreDifference } from '../../access-events/access-event-store.ts';
import { tables, toEventRow, toOutcomeRow } from './access-event-schema.ts';
import { toSqlInteger } from './access-event-sql.ts';
import type { ClickHouseReader } from './clickhouse-reader.ts';

type Row = Readonly<Record<string, unknown>>;

/** As the port's compareRange. */
export async function compareWithRange(
  reader: ClickHouseReader,
  range: AccessEventRange,
  options?: ReadOptions,
): Promise<readonly StoreDifference[]> {
  const inRange = `ledgerIndex >= ${toSqlInteger(range.from)} AND ledgerIndex < ${toSqlInteger(range.to)}`;
  const rows = await reader.rows<Row>(
    `SELECT * FROM ${tables.events} WHERE ${inRange} ORDER BY ledgerIndex LIMIT ${range.events.length + 1000}`,
    {},
    options,
  );
  const differences = compareRows(
    rows,
    range.events.filter(({ type }) => type !== 'outcome'),
    { toRow: toEventRow, idOf: (row) => String(row['id']) },
  );
  const outcomeRows = await reader.rows<Row>(`SELECT * FROM ${tables.outcomes} WHERE ${inRange}`, {}, options);
  const outcomes = range.events.filter(({ type, ofEvent }) => type === 'outcome' && ofEvent !== undefined);
  const ofOutcomes = compareRows(outcomeRows, outcomes, {
    toRow: toOutcomeRow,
    idOf: (row) => String(row['eventId']),
  });
  if (ofOutcomes.length > 0) differences.push(...(await withoutHarmless(reader, ofOutcomes, outcomes, options)));
  return differences.toSorted((a, b) => a.ledgerIndex - b.ledgerIndex);
}

function compareRows(
  rows: readonly Row[],
  events: readonly StoredAccessEvent[],
  { toRow, idOf }: { readonly toRow: (event: StoredAccessEvent) => Row; readonly idOf: (row: Row) => string },
): StoreDifference[] {
  const expected = new Map(events.map((event) => [event.ledgerIndex, event]));
  const seen = new Set<number>();
  const differences: StoreDifference[] = [];
  for (const row of rows) {
    const ledgerIndex = Number(row['ledgerIndex']);
    const event = expected.get(ledgerIndex);
    if (event === undefined || seen.has(ledgerIndex)) {
      differences.push({ kind: 'added', ledgerIndex, id: idOf(row) });
      continue;
    }
    seen.add(ledgerIndex);
    const wanted = toRow(event);
    const fields = Object.keys(wanted).filter((name) => JSON.stringify(row[name]) !== JSON.stringify(wanted[name]));
    if (fields.length > 0) differences.push({ kind: 'changed', ledgerIndex, id: event.id, fields });
  }
  for (const { ledgerIndex, id } of events) {
    if (!seen.has(ledgerIndex)) differences.push({ kind: 'missing', ledgerIndex, id });
  }
  return differences;
}

/** Leaves out outcomes of events that are not in the store, and those that a later outcome of the same event replaced. */
async function withoutHarmless(
  reader: ClickHouseReader,
  differences: readonly StoreDifference[],
  outcomes: readonly StoredAccessEvent[],
  options?: ReadOptions,
): Promise<StoreDifference[]> {
  const eventIdOf = new Map(outcomes.map(({ ledgerIndex, ofEvent }) => [ledgerIndex, ofEvent ?? '']));
  const eventIds = differences.map(({ ledgerIndex, id }) => eventIdOf.get(ledgerIndex) ?? id);
  const held = await reader.rows<{ id: string }>(
    `SELECT id FROM ${tables.events} WHERE id IN {ids:Array(String)}`,
    { ids: eventIds },
    options,
  );
  const newest = await reader.rows<{ eventId: string; newest: number }>(
    `SELECT eventId, max(ledgerIndex) AS newest FROM ${tables.outcomes} WHERE eventId IN {ids:Array(String)} GROUP BY eventId`,
    { ids: eventIds },
    options,
  );
  const isHeld = new Set(held.map(({ id }) => id));
  const newestOf = new Map(newest.map((row) => [row.eventId, row.newest]));
  return differences.filter(({ kind, ledgerIndex }, position) => {
    const eventId = eventIds[position] ?? '';
    return isHeld.has(eventId) && !(kind === 'missing' && (newestOf.get(eventId) ?? -1) > ledgerIndex);
  });
}
