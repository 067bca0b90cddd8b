// What each column of an access event is, in one place: adapters store these values, filters compare them, tests judge by them.
// A value is always a well-formed string, so that every store compares the same bytes.
import { type StoredAccessEvent, toCompatibleRecord } from '@dockledger/contract';

/** All text columns. Names are those of the compatible record where it has one. */
export const accessEventColumns = [
  'type',
  'user',
  'api',
  'ruleName',
  'effect',
  'hostname',
  'fqdn',
  'cluster',
  'accountID',
  'namespace',
  'containerName',
  'containerId',
  'imageName',
  'sourceIP',
  'sessionId',
  'defenderId',
] as const;

/** A text column: can be filtered by, sorted by, listed and counted by value. */
export type AccessEventColumn = (typeof accessEventColumns)[number];

const read: Readonly<Record<AccessEventColumn, (event: StoredAccessEvent) => string>> = {
  type: (event) => event.type,
  user: (event) => event.actor.user,
  api: (event) => event.api,
  ruleName: (event) => event.decision.rule,
  effect: (event) => event.decision.effect,
  hostname: (event) => event.host.hostname,
  fqdn: (event) => event.host.fqdn,
  cluster: (event) => event.host.cluster,
  accountID: (event) => event.host.accountID,
  namespace: (event) => event.target.namespace ?? '',
  containerName: (event) => event.target.containerName ?? '',
  containerId: (event) => event.target.containerId ?? '',
  imageName: (event) => event.target.imageName ?? '',
  sourceIP: (event) => event.actor.sourceIP ?? '',
  sessionId: (event) => event.actor.sessionId ?? '',
  defenderId: (event) => event.defenderId,
};

/** The event's value in a text column. Empty when the event has none. */
export function columnValue(event: StoredAccessEvent, column: AccessEventColumn): string {
  return read[column](event).toWellFormed();
}

/** What `msg` shows in the compatible record, `(×N)` of merged rows included. */
export function messageOf(event: StoredAccessEvent): string {
  return toCompatibleRecord(event).msg.toWellFormed();
}

/** Labels as one sortable text: `key:value` in key order, joined by commas. */
export function labelsText(event: StoredAccessEvent): string {
  const labels = Object.entries(event.target.labels ?? {}).map(([key, value]) => `${key}:${value}`.toWellFormed());
  return labels.toSorted(compareText).join(',');
}

/** The collections of the event as stored and compared. */
export function collectionsOf(event: StoredAccessEvent): readonly string[] {
  return event.collections.map((name) => name.toWellFormed());
}

/** The fields that a text search looks into, folded for {@link foldText}. A needle never matches across two fields. */
export function searchText(event: StoredAccessEvent): string {
  const fields = [
    event.actor.user,
    event.api,
    event.target.containerName ?? '',
    event.target.imageName ?? '',
    event.decision.rule,
    event.host.hostname,
    messageOf(event),
    event.raw ?? '',
  ];
  // U+0000 parts the fields: foldText removes it from both sides, so no needle can hold it.
  return fields.map(foldText).join('\u0000');
}

/** Folds case for text search: the same fold for what is stored and what is looked for. */
export function foldText(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '').toLowerCase();
}

/** Compares as every store must: by code point, which equals the order of UTF-8 bytes. Not by UTF-16 unit. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    let left = a.charCodeAt(index);
    let right = b.charCodeAt(index);
    if (left === right) continue;
    // Surrogates stand for code points above U+FFFF, so they must sort after U+E000..U+FFFF.
    if (left >= 0xd800 && right >= 0xd800) {
      left += left >= 0xe000 ? -0x800 : 0x2000;
      right += right >= 0xe000 ? -0x800 : 0x2000;
    }
    return left - right;
  }
  return a.length - b.length;
}

/** The event's time in milliseconds since 1970, as sorted and filtered by. */
export function timeMsOf(event: StoredAccessEvent): number {
  return Date.parse(event.time);
}

const dayMs = 86_400_000;

/**
 * The day (days since 1970) whose partition keeps the event: its own, but never further than one day from when it was received.
 * A log line from a wrong year must not make a partition of its own.
 */
export function partitionDayOf(event: StoredAccessEvent): number {
  const received = Math.floor(Date.parse(event.receivedAt) / dayMs);
  const own = Math.floor(timeMsOf(event) / dayMs);
  return Math.min(Math.max(own, received - 1), received + 1);
}
