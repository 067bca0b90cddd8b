// Reads the query of the compatible audit routes as clients really send it. Pure: text in, question out, or `bad_parameter`
// that names the parameter and its value. Every decision on undocumented behaviour is listed in docs/api/compatibility.md.
import { compatibleEventTypes } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { AccessEventColumn } from './access-event-columns.ts';
import type { AccessEventSort, AccessEventSortKey } from './access-event-store.ts';
import { parseTimeBound } from './time-bound.ts';

/** Parameters that hold lists of values, and the column each filters by. */
const listColumns = {
  type: 'type',
  ruleName: 'ruleName',
  api: 'api',
  hostname: 'hostname',
  user: 'user',
  cluster: 'cluster',
  accountIDs: 'accountID',
  collections: 'collections',
} as const satisfies Readonly<Record<string, AccessEventColumn | 'collections'>>;
type ListParameter = keyof typeof listColumns;

/** One value as sent. With a comma inside it may be one name or several: {@link resolveCommas} finds out. */
export type ListValue = string;

/** What a compatible query asks for. */
export interface CompatibleQuery {
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly allow?: boolean;
  readonly text?: string;
  /** Values by column as sent, empty ones dropped. */
  readonly values: { readonly [column in AccessEventColumn | 'collections']?: readonly ListValue[] };
  readonly sort: AccessEventSort;
  readonly offset: number;
  readonly limit: number;
  /** Fields to answer, or undefined for all. Names that do not exist are dropped. */
  readonly fields?: readonly string[];
  /** Parameters that were sent and have no effect here. */
  readonly ignored: readonly string[];
}

const currentParameters = new Set([
  'offset',
  'limit',
  'sort',
  'reverse',
  'from',
  'to',
  'type',
  'ruleName',
  'api',
  'hostname',
  'user',
  'allow',
  'cluster',
]);
const olderParameters = new Set(['search', 'collections', 'accountIDs', 'fields']);
/** Known to older versions but without meaning here: our events have no cloud provider, resource or region. */
const meaningless = new Set(['provider', 'resourceIDs', 'region']);
/** Sent by multi-tenant clients to every route; there is one tenant. */
const silentlyIgnored = new Set(['project']);

const defaultLimit = 50;
const largestLimit = 250;

/** Names that `sort` takes, lower case without blanks: the 17 fields and the columns as the vendor's page shows them. */
const sortKeys: Readonly<Record<string, AccessEventSortKey>> = {
  containername: 'containerName',
  imagename: 'imageName',
  user: 'user',
  type: 'type',
  time: 'time',
  hostname: 'hostname',
  fqdn: 'fqdn',
  sourceip: 'sourceIP',
  allow: 'allow',
  rulename: 'ruleName',
  api: 'api',
  msg: 'msg',
  collections: 'collections',
  accountid: 'accountID',
  cluster: 'cluster',
  namespace: 'namespace',
  labels: 'labels',
  // Column names.
  container: 'containerName',
  image: 'imageName',
  username: 'user',
  host: 'hostname',
  source: 'sourceIP',
  effect: 'allow',
  allowed: 'allow',
  rule: 'ruleName',
  command: 'api',
  action: 'api',
  message: 'msg',
  account: 'accountID',
  date: 'time',
};

/** True when paths of this version take `search`, `collections`, `accountIDs` and `fields`: all before 31.01, and `v1`. */
export function hasOlderParameters(version: string): boolean {
  return version === '1' || Number(version) < 31.01;
}

/** Parses the query text (without `?`) of a path of this version. */
export function parseCompatibleQuery(queryText: string, version: string): CompatibleQuery {
  const sent = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(queryText)) sent.set(name, [...(sent.get(name) ?? []), value]);
  const withOlder = hasOlderParameters(version);
  const isKnown = (name: string) => currentParameters.has(name) || (withOlder && olderParameters.has(name));
  // Deliberately the first value of a repeated scalar, as Go's url.Values.Get reads it.
  const scalar = (name: string) => (isKnown(name) ? (sent.get(name)?.[0] ?? '').trim() : '');
  const list = (name: ListParameter) =>
    isKnown(name) ? (sent.get(name) ?? []).map((value) => value.trim()).filter(Boolean) : [];

  const values: { [column in AccessEventColumn | 'collections']?: readonly string[] } = { type: compatibleEventTypes };
  for (const name of Object.keys(listColumns) as ListParameter[]) {
    const given = list(name);
    if (given.some((value) => value.split(',').some((piece) => piece.trim() !== ''))) values[listColumns[name]] = given;
  }
  const fromMs = parseTimeBound('from', scalar('from'), 'lower');
  const toMs = parseTimeBound('to', scalar('to'), 'upper');
  const allow = parseBoolean('allow', scalar('allow'));
  const text = scalar('search');
  const fields = (isKnown('fields') ? (sent.get('fields') ?? []) : [])
    .flatMap((value) => value.split(','))
    .map((field) => field.trim())
    .filter(Boolean);
  return {
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
    ...(allow !== undefined && { allow }),
    ...(text !== '' && { text }),
    ...(fields.length > 0 && { fields }),
    values,
    sort: parseSort(scalar('sort'), parseBoolean('reverse', scalar('reverse')) ?? false),
    offset: parseCount('offset', scalar('offset'), { least: 0, byDefault: 0 }),
    limit: Math.min(parseCount('limit', scalar('limit'), { least: 1, byDefault: defaultLimit }), largestLimit),
    ignored: [...sent.keys()].filter(
      (name) => name !== '' && !silentlyIgnored.has(name) && (!isKnown(name) || meaningless.has(name)),
    ),
  };
}

/**
 * Decides what values with a comma mean: one name when that whole name is on record, else a comma list.
 * `isOnRecord` is asked only for values that hold a comma.
 */
export async function resolveCommas(
  values: CompatibleQuery['values'],
  isOnRecord: (column: AccessEventColumn | 'collections', value: string) => Promise<boolean>,
): Promise<CompatibleQuery['values']> {
  const resolved: { [column in AccessEventColumn | 'collections']?: readonly string[] } = {};
  for (const [column, list] of Object.entries(values) as [AccessEventColumn | 'collections', readonly string[]][]) {
    const names: string[] = [];
    for (const value of list) {
      if (!value.includes(',') || (await isOnRecord(column, value))) names.push(value);
      else
        names.push(
          ...value
            .split(',')
            .map((piece) => piece.trim())
            .filter(Boolean),
        );
    }
    resolved[column] = names;
  }
  return resolved;
}

/** Without `sort`: newest first. With it: ascending. `reverse` turns either around. */
function parseSort(value: string, reverse: boolean): AccessEventSort {
  if (value === '') return { by: 'time', direction: reverse ? 'ascending' : 'descending' };
  const key = value.toLowerCase().replaceAll(/[\s_-]/g, '');
  const by = Object.hasOwn(sortKeys, key) ? sortKeys[key] : undefined;
  if (by === undefined) throw badParameter('sort', value, 'it must be the name of a field of an audit');
  return { by, direction: reverse ? 'descending' : 'ascending' };
}

function parseBoolean(name: string, value: string): boolean | undefined {
  switch (value.toLowerCase()) {
    case '':
      return undefined;
    case 'true':
    case '1':
    case 't':
      return true;
    case 'false':
    case '0':
    case 'f':
      return false;
    default:
      throw badParameter(name, value, 'it must be true or false');
  }
}

function parseCount(name: string, value: string, { least, byDefault }: { least: number; byDefault: number }): number {
  if (value === '') return byDefault;
  if (!/^[+-]?\d{1,400}$/.test(value) || Number(value) < least)
    throw badParameter(name, value, `it must be an integer of at least ${least}`);
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

function badParameter(name: string, value: string, why: string): AppError {
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  return new AppError('bad_parameter', `Parameter ${name} is "${shown}": ${why}.`, { details: { parameter: name } });
}
