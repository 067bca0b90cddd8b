// The native event routes: pages by position, counts, facets, histogram, one event, and the live stream.
import { StoredAccessEvent } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import type { AccessEventFilter } from './access-event-filter.ts';
import type { AccessEventsService, Scope } from './access-events-service.ts';
import type { LiveTail } from './live-tail.ts';
import {
  formatCursor,
  isNativeField,
  type NativeQuery,
  nativeColumns,
  parseCursor,
  parseNativeQuery,
  parseWhole,
} from './native-query.ts';
import { abortWhenGone } from './request-abort.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' }, audit: 'read' } as const;

/** An event as it is answered: readers whom collections limit do not see its number in the ledger, which tells of others. */
export const AnsweredEvent = Type.Object({
  ...StoredAccessEvent.properties,
  ledgerIndex: Type.Optional(StoredAccessEvent.properties.ledgerIndex),
});

/** One page; `nextCursor` is absent when there is nothing further. */
export const EventsPageBody = Type.Object({
  events: Type.Array(AnsweredEvent),
  nextCursor: Type.Optional(Type.String()),
});

/** How many rows match, and how many calls they stand for. */
export const EventsCountBody = Type.Object({ rows: Type.Integer(), total: Type.Integer() });

/** Values by field, most frequent first. `count` counts calls. */
export const FacetsBody = Type.Object({
  facets: Type.Record(
    Type.String(),
    Type.Array(Type.Object({ value: Type.String(), count: Type.Integer(), rows: Type.Integer() })),
  ),
});

/** Bars over time; `end` is exclusive. Sums count calls; gaps are counted apart. */
export const HistogramBody = Type.Object({
  buckets: Type.Array(
    Type.Object({
      start: Type.String(),
      end: Type.String(),
      allowed: Type.Integer(),
      denied: Type.Integer(),
      gaps: Type.Integer(),
    }),
  ),
});

const dayMs = 86_400_000;

/** Adds the routes under the prefix of the native API. */
export function addEventsRoutes(
  app: FastifyInstance,
  service: AccessEventsService,
  tail: LiveTail,
  now: () => number,
): void {
  const { store } = service;

  app.get('/events', { config: mayRead, schema: { response: { 200: EventsPageBody } } }, async (request, reply) => {
    const { filter, own } = queryOf(request, ['limit', 'cursor', 'order']);
    const cursor = own.get('cursor');
    const order = own.get('order') ?? 'newest';
    if (order !== 'newest' && order !== 'oldest')
      throw new AppError('bad_parameter', `Parameter order is "${order.slice(0, 100)}": it must be newest or oldest.`);
    const options = { signal: abortWhenGone(reply) };
    const { scope } = signedInOf(request);
    const page = await store.pageAfter(
      filter,
      {
        limit: parseWhole(own, 'limit', { least: 1, most: 1000, byDefault: 50 }),
        direction: order === 'newest' ? 'descending' : 'ascending',
        ...(cursor !== undefined && { after: await service.place(parseCursor(cursor), scope, order, options) }),
      },
      options,
    );
    const next = page.next && { ...page.next, ...(scope !== null && { ledgerIndex: null }) };
    return {
      events: page.events.map((event) => toAnswered(event, scope)),
      ...(next && { nextCursor: formatCursor(next) }),
    };
  });

  app.get(
    '/events/count',
    { config: mayRead, schema: { response: { 200: EventsCountBody } } },
    async (request, reply) => {
      const { filter } = queryOf(request, []);
      const sums = await store.sums(filter, { signal: abortWhenGone(reply) });
      const sum = (key: 'rows' | 'events') => sums.reduce((total, entry) => total + entry[key], 0);
      return { rows: sum('rows'), total: sum('events') };
    },
  );

  app.get('/events/facets', { config: mayRead, schema: { response: { 200: FacetsBody } } }, async (request, reply) => {
    const { filter, own } = queryOf(request, ['columns', 'limit']);
    const fields = (own.get('columns') ?? 'user,api,container,hostname,rule').split(',').filter(Boolean);
    const known = fields.map((field) => {
      if (field === 'allow') return ['allow', 'effect'] as const;
      if (isNativeField(field)) return [field, nativeColumns[field]] as const;
      throw new AppError(
        'bad_parameter',
        `Parameter columns names "${field.slice(0, 100)}". There are: allow, ${Object.keys(nativeColumns).join(', ')}.`,
      );
    });
    const limit = parseWhole(own, 'limit', { least: 1, most: 1000, byDefault: 10 });
    const columns = [...new Set(known.map(([, column]) => column))];
    const facets = await store.facets(filter, columns, limit, { signal: abortWhenGone(reply) });
    const valueOf = (field: string, value: string) => (field === 'allow' ? String(value === 'allow') : value);
    return {
      facets: Object.fromEntries(
        known.map(([field, column]) => [
          field,
          (facets[column] ?? []).map(({ value, rows, events }) => ({
            value: valueOf(field, value),
            count: events,
            rows,
          })),
        ]),
      ),
    };
  });

  app.get(
    '/events/histogram',
    { config: mayRead, schema: { response: { 200: HistogramBody } } },
    async (request, reply) => {
      const { filter, own } = queryOf(request, ['buckets']);
      const buckets = parseWhole(own, 'buckets', { least: 1, most: 1000, byDefault: 60 });
      const toMs = filter.toMs ?? now();
      const fromMs = filter.fromMs ?? toMs - dayMs;
      if (toMs < fromMs) throw new AppError('bad_parameter', 'Parameter to lies before from.');
      const options = { signal: abortWhenGone(reply) };
      const [calls, gaps] = await Promise.all([
        store.histogram(withType(filter, 'exclude'), { fromMs, toMs, buckets }, options),
        store.histogram(withType(filter, 'include'), { fromMs, toMs, buckets }, options),
      ]);
      return {
        buckets: calls.map(({ startMs, endMs, allowed, denied }, index) => ({
          start: new Date(startMs).toISOString(),
          end: new Date(endMs).toISOString(),
          allowed,
          denied,
          gaps: (gaps[index]?.allowed ?? 0) + (gaps[index]?.denied ?? 0),
        })),
      };
    },
  );

  app.get('/events/live', { config: { ...mayRead, isStream: true } }, async (request, reply) => {
    const { filter } = queryOf(request, []);
    streamLive(request, reply, tail, filter);
    return reply;
  });

  app.get('/events/:id', { config: mayRead, schema: { response: { 200: AnsweredEvent } } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const { scope } = signedInOf(request);
    return toAnswered(await service.event(id, scope, { signal: abortWhenGone(reply) }), scope);
  });
}

function toAnswered(event: StoredAccessEvent, scope: Scope): Static<typeof AnsweredEvent> {
  if (scope === null) return event;
  const { ledgerIndex: _hidden, ...shown } = event;
  return shown;
}

/** The filter narrowed to gaps, or to all but gaps. */
function withType(filter: AccessEventFilter, side: 'include' | 'exclude'): AccessEventFilter {
  if (side === 'exclude')
    return { ...filter, exclude: { ...filter.exclude, type: [...(filter.exclude?.type ?? []), 'gap'] } };
  const wanted = filter.include?.type;
  return {
    ...filter,
    include: { ...filter.include, type: wanted === undefined || wanted.includes('gap') ? ['gap'] : [] },
  };
}

function queryOf(request: FastifyRequest, ownNames: readonly string[]): NativeQuery {
  const mark = request.url.indexOf('?');
  return parseNativeQuery(mark < 0 ? '' : request.url.slice(mark + 1), signedInOf(request).scope, ownNames);
}

const mostWaitingBytes = 1 << 20;
const commentEveryMs = 15_000;

function streamLive(request: FastifyRequest, reply: FastifyReply, tail: LiveTail, filter: AccessEventFilter): void {
  reply.hijack();
  const { raw } = reply;
  const { scope } = signedInOf(request);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.write(': open\n\n');
  const comment = setInterval(() => raw.write(': \n\n'), commentEveryMs);
  const send = (events: readonly StoredAccessEvent[]) => {
    raw.write(events.map((event) => `id: ${event.id}\ndata: ${JSON.stringify(toAnswered(event, scope))}\n\n`).join(''));
    if (raw.writableLength > mostWaitingBytes) {
      // The reader is too slow. It connects again and fetches what it missed by page.
      request.log.debug('live stream cut off: reader too slow');
      raw.destroy();
    }
  };
  const stopFollowing = tail.follow(filter, send, () => raw.end());
  const expiry = signedInOf(request).token?.expiresAt;
  // A stream must not outlive the sign-in that opened it.
  const end =
    expiry === undefined
      ? undefined
      : setTimeout(() => raw.end(), Math.min(Math.max(0, expiry * 1000 - Date.now()), 2 ** 31 - 1));
  raw.once('close', () => {
    clearInterval(comment);
    clearTimeout(end);
    stopFollowing();
  });
}
