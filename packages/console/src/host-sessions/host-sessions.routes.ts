// Logins to hosts under the native API: the list, and the story of one. They take the filters of the event list.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { AccessEventPosition } from '../access-events/access-event-store.ts';
import type { AccessEventsService, Scope } from '../access-events/access-events-service.ts';
import { AnsweredEvent } from '../access-events/events.routes.ts';
import { formatCursor, parseCursor, parseNativeQuery, parseWhole } from '../access-events/native-query.ts';
import { abortWhenGone } from '../access-events/request-abort.ts';
import { signedInOf } from '../sessions/route-access.ts';
import { listHostSessions, pageOfHostSession, parseSessionId } from './host-sessions.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' }, audit: 'read' } as const;
const nullableText = Type.Union([Type.String(), Type.Null()]);

/** One login and what is counted in it. */
export const HostSessionBody = Type.Object({
  id: nullableText,
  sessionId: nullableText,
  loginEventId: Type.String(),
  defenderId: Type.String(),
  hostname: Type.String(),
  user: Type.String(),
  sourceIP: Type.String(),
  sourcePort: Type.Union([Type.Integer(), Type.Null()]),
  method: nullableText,
  keyFingerprint: nullableText,
  certificateId: nullableText,
  confidence: nullableText,
  openedAt: Type.String(),
  closedAt: nullableText,
  events: Type.Record(Type.String(), Type.Integer()),
});

/** Newest login first; `nextCursor` is absent when there is nothing further. */
export const HostSessionsBody = Type.Object({
  sessions: Type.Array(HostSessionBody),
  nextCursor: Type.Optional(Type.String()),
});

/** The events of one session, oldest first. */
export const HostSessionEventsBody = Type.Object({
  events: Type.Array(AnsweredEvent),
  nextCursor: Type.Optional(Type.String()),
});

/** Adds `sessions` and `sessions/:id/events` under the prefix of the native API. */
export function addHostSessionsRoutes(app: FastifyInstance, service: AccessEventsService): void {
  const { store } = service;

  /** The query, and the stretch of the list that it asks for. */
  async function questionOf(
    request: FastifyRequest,
    reply: FastifyReply,
    order: 'newest' | 'oldest',
    limits: { readonly byDefault: number; readonly most: number },
  ) {
    const { scope } = signedInOf(request);
    const options = { signal: abortWhenGone(reply) };
    const mark = request.url.indexOf('?');
    const queryText = mark < 0 ? '' : request.url.slice(mark + 1);
    const { filter, own } = parseNativeQuery(queryText, scope, ['limit', 'cursor']);
    const cursor = own.get('cursor');
    const stretch = {
      limit: parseWhole(own, 'limit', { least: 1, ...limits }),
      ...(cursor !== undefined && { after: await service.place(parseCursor(cursor), scope, order, options) }),
    };
    return { filter, scope, stretch, options };
  }

  app.get('/sessions', { config: mayRead, schema: { response: { 200: HostSessionsBody } } }, async (request, reply) => {
    const asked = await questionOf(request, reply, 'newest', { byDefault: 20, most: 200 });
    const page = await listHostSessions(store, asked.filter, asked.stretch, asked.options);
    return { sessions: page.sessions, ...toNext(page.next, asked.scope) };
  });

  app.get(
    '/sessions/:id/events',
    { config: mayRead, schema: { response: { 200: HostSessionEventsBody } } },
    async (request, reply) => {
      const { id } = request.params as { id: string };
      const asked = await questionOf(request, reply, 'oldest', { byDefault: 200, most: 1000 });
      const page = await pageOfHostSession(store, parseSessionId(id), asked.filter, asked.stretch, asked.options);
      const events = page.events.map(({ ledgerIndex, ...event }) =>
        // As in the event list: a number in the ledger tells of events that the reader may not see.
        asked.scope === null ? { ...event, ledgerIndex } : event,
      );
      return { events, ...toNext(page.next, asked.scope) };
    },
  );
}

function toNext(next: AccessEventPosition | undefined, scope: Scope): { readonly nextCursor?: string } {
  if (next === undefined) return {};
  return { nextCursor: formatCursor(scope === null ? next : { ...next, ledgerIndex: null }) };
}
