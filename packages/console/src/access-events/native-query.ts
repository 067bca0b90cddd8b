// Reads the query of the native event routes: strict, unknown parameters refused. `not.` before a field excludes its values.
import { AppError } from '@dockledger/contract/error-code';
import type { AccessEventColumn } from './access-event-columns.ts';
import type { AccessEventFilter } from './access-event-filter.ts';
import type { AccessEventPosition } from './access-event-store.ts';
import { parseTimeBound } from './time-bound.ts';

/** Fields that can be filtered by, as the native API names them, and their columns. */
export const nativeColumns = {
  user: 'user',
  api: 'api',
  container: 'containerName',
  containerId: 'containerId',
  image: 'imageName',
  rule: 'ruleName',
  type: 'type',
  effect: 'effect',
  hostname: 'hostname',
  fqdn: 'fqdn',
  cluster: 'cluster',
  accountID: 'accountID',
  namespace: 'namespace',
  sourceIP: 'sourceIP',
  session: 'sessionId',
  defender: 'defenderId',
} as const satisfies Readonly<Record<string, AccessEventColumn>>;

/** A field of {@link nativeColumns}. */
export type NativeField = keyof typeof nativeColumns;

/** True when the text is a field that can be filtered by and counted. */
export function isNativeField(name: string): name is NativeField {
  return Object.hasOwn(nativeColumns, name);
}

/** The filter that a native query states, and what else it holds. */
export interface NativeQuery {
  readonly filter: AccessEventFilter;
  /** Parameters of the one route, by name; the first value of each. */
  readonly own: ReadonlyMap<string, string>;
}

/** Parses the query text (without `?`). `ownNames` are the further parameters that the route takes. */
export function parseNativeQuery(
  queryText: string,
  scope: readonly string[] | null,
  ownNames: readonly string[],
): NativeQuery {
  const own = new Map<string, string>();
  const include: { [column in AccessEventColumn | 'collections']?: string[] } = {};
  const exclude: { [column in AccessEventColumn | 'collections']?: string[] } = {};
  const rest: { fromMs?: number; toMs?: number; allow?: boolean; text?: string } = {};
  for (const [name, value] of new URLSearchParams(queryText)) {
    const isNegated = name.startsWith('not.');
    const field = isNegated ? name.slice(4) : name;
    const side = isNegated ? exclude : include;
    if (isNativeField(field)) (side[nativeColumns[field]] ??= []).push(value);
    else if (field === 'collection') (side.collections ??= []).push(value);
    else if (field === 'allow') (side.effect ??= []).push(parseAllow(name, value));
    else if (name === 'from') assign(rest, 'fromMs', parseTimeBound(name, value, 'lower'));
    else if (name === 'to') assign(rest, 'toMs', parseTimeBound(name, value, 'upper'));
    else if (name === 'text') rest.text = rest.text === undefined ? value : `${rest.text} ${value}`;
    else if (ownNames.includes(name)) own.set(name, own.get(name) ?? value);
    else {
      const allowed = [...Object.keys(nativeColumns), 'collection', 'allow', 'from', 'to', 'text', ...ownNames].join(
        ', ',
      );
      throw new AppError(
        'bad_parameter',
        `There is no parameter ${name.slice(0, 100)}. There are: ${allowed}; not. before a field excludes.`,
      );
    }
  }
  const filter: AccessEventFilter = {
    scope,
    ...rest,
    ...(Object.keys(include).length > 0 && { include: include }),
    ...(Object.keys(exclude).length > 0 && { exclude: exclude }),
  };
  return { filter, own };
}

function assign(target: { fromMs?: number; toMs?: number }, key: 'fromMs' | 'toMs', value: number | undefined): void {
  if (value !== undefined) target[key] = value;
}

function parseAllow(name: string, value: string): string {
  if (value === 'true') return 'allow';
  if (value === 'false') return 'deny';
  throw new AppError('bad_parameter', `Parameter ${name} is "${value.slice(0, 100)}": it must be true or false.`);
}

/** Reads an integer parameter of a route. Throws `bad_parameter` outside of its bounds. */
export function parseWhole(
  own: ReadonlyMap<string, string>,
  name: string,
  bounds: { readonly least: number; readonly most: number; readonly byDefault: number },
): number {
  const value = own.get(name);
  if (value === undefined) return bounds.byDefault;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= bounds.least && number <= bounds.most) return number;
  throw new AppError(
    'bad_parameter',
    `Parameter ${name} is "${value.slice(0, 100)}": it must be an integer from ${bounds.least} to ${bounds.most}.`,
  );
}

/** A place in the list. Without its number in the ledger for readers who must not see that numbers are missing. */
export type CursorPosition = Omit<AccessEventPosition, 'ledgerIndex'> & { readonly ledgerIndex: number | null };

/** A place in the list as an opaque text for URLs. */
export function formatCursor({ timeMs, ledgerIndex, id }: CursorPosition): string {
  return Buffer.from(JSON.stringify([timeMs, ledgerIndex, id])).toString('base64url');
}

/** The place that {@link formatCursor} made. Throws `bad_parameter` for anything else. */
export function parseCursor(text: string): CursorPosition {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    const [timeMs, ledgerIndex, id]: unknown[] = Array.isArray(parsed) ? parsed : [];
    const hasIndex = Number.isSafeInteger(ledgerIndex);
    const isPosition =
      Number.isSafeInteger(timeMs) && (hasIndex || ledgerIndex === null) && typeof id === 'string' && id.length <= 300;
    if (isPosition) return { timeMs: Number(timeMs), ledgerIndex: hasIndex ? Number(ledgerIndex) : null, id };
  } catch {
    // Not ours: said below.
  }
  throw new AppError('bad_parameter', 'Parameter cursor is not one that this Console gave.');
}
