// Logins to hosts and what was done in them, read from the access events. A session is no record of its own: it is its
// login event and every event that carries the same Defender, boot and session id, so it cannot disagree with the trail.
import type { StoredAccessEvent } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { AccessEventFilter } from '../access-events/access-event-filter.ts';
import type {
  AccessEventKeysetPage,
  AccessEventPosition,
  AccessEventStore,
  ReadOptions,
} from '../access-events/access-event-store.ts';

/** One login to a host. */
export interface HostSession {
  /** For URLs; null when the login could not be joined to a process, so that nothing else is known of it. */
  readonly id: string | null;
  readonly sessionId: string | null;
  readonly loginEventId: string;
  readonly defenderId: string;
  readonly hostname: string;
  readonly user: string;
  readonly sourceIP: string;
  readonly sourcePort: number | null;
  readonly method: string | null;
  readonly keyFingerprint: string | null;
  readonly certificateId: string | null;
  /** How far the login's line is believed. */
  readonly confidence: string | null;
  readonly openedAt: string;
  /** Null while it is open, or when its end was not seen. */
  readonly closedAt: string | null;
  /** Calls and commands in it, by type. */
  readonly events: Readonly<Record<string, number>>;
}

/** Which session. */
export interface HostSessionKey {
  readonly defenderId: string;
  readonly bootId: string;
  readonly sessionId: string;
}

/** A page of logins, newest first. */
export interface HostSessionPage {
  readonly sessions: readonly HostSession[];
  readonly next?: AccessEventPosition;
}

const maxEnds = 10_000;

/** The key as one text of letters, digits, `-`, `_` and `.`. */
export function formatSessionId({ defenderId, bootId, sessionId }: HostSessionKey): string {
  return `${defenderId}.${bootId}.${sessionId}`;
}

/** The key that {@link formatSessionId} made. Throws `not_found` for anything else. */
export function parseSessionId(text: string): HostSessionKey {
  const match = /^([A-Za-z0-9_-]{1,100})\.([A-Za-z0-9-]{0,64})\.([A-Za-z0-9-]{1,100})$/.exec(text);
  if (match === null) throw new AppError('not_found', 'There is no such session. GET /sessions lists them.');
  const [, defenderId = '', bootId = '', sessionId = ''] = match;
  return { defenderId, bootId, sessionId };
}

/** Logins that pass the filter, whose types and actions are left aside: a session begins with a login. */
export async function listHostSessions(
  store: AccessEventStore,
  filter: AccessEventFilter,
  request: { readonly limit: number; readonly after?: AccessEventPosition },
  options: ReadOptions,
): Promise<HostSessionPage> {
  const { events, next } = await store.pageAfter(
    { ...filter, include: { ...filter.include, type: ['sshd'], api: ['login'], effect: ['allow'] } },
    { ...request, direction: 'descending' },
    options,
  );
  const ends = await endsOf(store, filter, events, options);
  const sessions = await Promise.all(
    events.map(async (login) => toSession(login, ends, await countsOf(store, filter, login, options))),
  );
  return { sessions, ...(next !== undefined && { next }) };
}

/** The events of one session that pass the filter, oldest first. Events of another boot that took the same number are left out. */
export async function pageOfHostSession(
  store: AccessEventStore,
  key: HostSessionKey,
  within: AccessEventFilter,
  request: { readonly limit: number; readonly after?: AccessEventPosition },
  options: ReadOptions,
): Promise<AccessEventKeysetPage> {
  const include = { ...within.include, sessionId: [key.sessionId], defenderId: [key.defenderId] };
  const filter = { ...within, include };
  const page = await store.pageAfter(filter, { ...request, direction: 'ascending' }, options);
  return { ...page, events: page.events.filter(({ host }) => (host.bootId ?? '') === key.bootId) };
}

function keyOf(event: StoredAccessEvent): HostSessionKey | undefined {
  const { sessionId } = event.actor;
  if (sessionId === undefined || sessionId === '') return undefined;
  return { defenderId: event.defenderId, bootId: event.host.bootId ?? '', sessionId };
}

async function endsOf(
  store: AccessEventStore,
  { scope }: AccessEventFilter,
  logins: readonly StoredAccessEvent[],
  options: ReadOptions,
): Promise<ReadonlyMap<string, string>> {
  const keys = logins.map(keyOf).filter((key) => key !== undefined);
  if (keys.length === 0) return new Map();
  const include = {
    api: ['session_close'],
    sessionId: [...new Set(keys.map(({ sessionId }) => sessionId))],
    defenderId: [...new Set(keys.map(({ defenderId }) => defenderId))],
  };
  const { events } = await store.pageAfter({ scope, include }, { limit: maxEnds }, options);
  return new Map(
    events.flatMap((event) => {
      const key = keyOf(event);
      return key === undefined ? [] : [[formatSessionId(key), event.time]];
    }),
  );
}

async function countsOf(
  store: AccessEventStore,
  { scope }: AccessEventFilter,
  login: StoredAccessEvent,
  options: ReadOptions,
): Promise<Readonly<Record<string, number>>> {
  const key = keyOf(login);
  if (key === undefined) return {};
  const include = { sessionId: [key.sessionId], defenderId: [key.defenderId] };
  const counts: Record<string, number> = {};
  for (const { type, events } of await store.sums({ scope, include }, options))
    counts[type] = (counts[type] ?? 0) + events;
  return counts;
}

function toSession(
  login: StoredAccessEvent,
  ends: ReadonlyMap<string, string>,
  events: Readonly<Record<string, number>>,
): HostSession {
  const key = keyOf(login);
  const id = key === undefined ? null : formatSessionId(key);
  const fact = (name: string): string | null => {
    const value = login.details?.[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    id,
    sessionId: key?.sessionId ?? null,
    loginEventId: login.id,
    defenderId: login.defenderId,
    hostname: login.host.hostname,
    user: login.actor.user,
    sourceIP: login.actor.sourceIP ?? '',
    sourcePort: login.actor.sourcePort ?? null,
    method: fact('method'),
    keyFingerprint: fact('keyFingerprint'),
    certificateId: fact('certificateId'),
    confidence: login.confidence ?? null,
    openedAt: login.time,
    closedAt: id === null ? null : (ends.get(id) ?? null),
    events,
  };
}
