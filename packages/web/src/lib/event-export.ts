// Writes events as CSV or as one JSON object a line. CSV cells are quoted (RFC 4180) and safe against spreadsheet formulas.
import type { StoredAccessEvent } from '@dockledger/contract';

/** File formats of an export. */
export type ExportFormat = 'csv' | 'ndjson';

type Cell = string | number | boolean | undefined;

const columns: readonly [string, (event: StoredAccessEvent) => Cell][] = [
  ['time', (event) => event.time],
  ['lastTime', (event) => event.lastTime],
  ['count', (event) => event.count],
  ['type', (event) => event.type],
  ['user', (event) => event.actor.user],
  ['effectiveUser', (event) => event.actor.effectiveUser],
  ['api', (event) => event.api],
  ['containerName', (event) => event.target.containerName],
  ['containerId', (event) => event.target.containerId],
  ['imageName', (event) => event.target.imageName],
  ['allow', (event) => event.decision.effect === 'allow'],
  ['ruleName', (event) => event.decision.rule],
  ['outcome', (event) => event.outcome.state],
  ['status', (event) => event.outcome.status],
  ['hostname', (event) => event.host.hostname],
  ['cluster', (event) => event.host.cluster],
  ['sourceIP', (event) => event.actor.sourceIP],
  ['commandLine', (event) => event.actor.commandLine],
  ['session', (event) => event.actor.sessionId],
  ['msg', (event) => event.decision.text],
  ['id', (event) => event.id],
  ['ledgerIndex', (event) => event.ledgerIndex],
  ['receivedAt', (event) => event.receivedAt],
];

/** One cell: a leading `= + - @`, tab or CR gets an apostrophe, so that no spreadsheet runs it. */
export function toCsvCell(value: Cell): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const safe = /^[=+\-@\t\r]/u.test(value) ? `'${value}` : value;
  return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a file of the format begins with. */
export function toExportHead(format: ExportFormat): string {
  return format === 'csv' ? `${columns.map(([name]) => name).join(',')}\r\n` : '';
}

/** The events in the format, each line ended. */
export function toExportLines(format: ExportFormat, events: readonly StoredAccessEvent[]): string {
  if (format === 'ndjson') return events.map((event) => `${JSON.stringify(event)}\n`).join('');
  return events.map((event) => `${columns.map(([, pick]) => toCsvCell(pick(event))).join(',')}\r\n`).join('');
}
