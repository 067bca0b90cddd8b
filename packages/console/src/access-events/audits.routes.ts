// The compatible audit routes: audits/access with its CSV and filters, and the empty lists of every other kind of audit.

import { Readable } from 'node:stream';
import { CompatibleRecord, toCompatibleRecord } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import type { AccessEventsService } from './access-events-service.ts';
import { csvHeader, toCsvRow } from './audit-csv.ts';
import { type CompatibleQuery, parseCompatibleQuery } from './compatible-query.ts';
import { abortWhenGone } from './request-abort.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' }, audit: 'read' } as const;
/** First parts of the vendor's other kinds of audit. */
const otherKinds = new Set(['admission', 'agentless', 'firewall', 'incidents', 'kubernetes', 'runtime', 'trust']);
const text = (description: string) => Type.Optional(Type.String({ description }));
const texts = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));

/** The 13 parameters as the OpenAPI document shows them. Requests are read by {@link parseCompatibleQuery}, which is more tolerant. */
export const AuditsQuery = Type.Object({
  offset: Type.Optional(Type.Integer({ description: 'How many matches to pass over. Defaults to 0' })),
  limit: Type.Optional(Type.Integer({ description: 'Page size, 1 to 250; more is taken as 250. Defaults to 50' })),
  sort: text('Field to sort by, ascending. Without it: newest first'),
  reverse: Type.Optional(Type.Boolean({ description: 'Turns the order around' })),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Earliest time, inclusive' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Latest time, inclusive' })),
  type: text('Type of audit'),
  ruleName: texts('Rule names'),
  api: texts('Action names'),
  hostname: texts('Host names'),
  user: texts('User names'),
  allow: text('true for allowed calls, false for refused ones'),
  cluster: texts('Cluster names'),
});

/** Adds the routes under the prefix of the compatible API; its version is the parameter `version`. */
export function addAuditsRoutes(app: FastifyInstance, service: AccessEventsService, now: () => number): void {
  app.get(
    '/audits/access',
    {
      config: { ...mayRead, documentedQuery: AuditsQuery },
      schema: { response: { 200: Type.Array(CompatibleRecord) } },
    },
    async (request, reply) => {
      const query = queryOf(request, reply);
      const options = { signal: abortWhenGone(reply) };
      const filter = await service.toFilter(query, signedInOf(request).scope, options);
      const { events, total } = await service.pageAndCount(filter, query, options);
      void reply.header('total-count', total).header('content-type', 'application/json');
      return events.map((event) => pick(toCompatibleRecord(event), query.fields));
    },
  );

  app.get(
    '/audits/access/download',
    { config: { ...mayRead, documentedQuery: AuditsQuery } },
    async (request, reply) => {
      const query = queryOf(request, reply);
      const signal = abortWhenGone(reply);
      const filter = await service.toFilter(query, signedInOf(request).scope, { signal });
      const total = await service.store.count(filter, { signal });
      const day = new Date(now()).toISOString().slice(0, 10);
      void reply
        .header('total-count', total)
        .header('content-type', 'text/csv')
        .header('content-disposition', `attachment; filename="access-audits-${day}.csv"`);
      const rows = Readable.from(csvRows(service, filter, query, signal), {
        objectMode: false,
        highWaterMark: 1 << 16,
      });
      return reply.send(rows);
    },
  );

  app.get('/audits/access/filters', { config: mayRead }, async (request, reply) => {
    const query = queryOf(request, reply);
    const options = { signal: abortWhenGone(reply) };
    const filter = await service.toFilter(query, signedInOf(request).scope, options);
    const columns = ['type', 'user', 'api', 'ruleName', 'hostname', 'cluster', 'namespace', 'accountID'] as const;
    const lists = await Promise.all(columns.map((column) => service.store.distinct(column, filter, 1000, options)));
    return Object.fromEntries(columns.map((column, index) => [column, lists[index] ?? []]));
  });

  // Kinds of audit that this product does not make: clients that walk all of them go on undisturbed.
  app.get('/audits/*', { config: { access: mayRead.access } }, async (request, reply) => {
    const kind = (request.params as { '*': string })['*'].split('/', 1)[0] ?? '';
    if (!otherKinds.has(kind))
      throw new AppError('not_found', `There is no audit of the kind "${kind.slice(0, 100)}".`);
    void reply.header('total-count', 0);
    return [];
  });
}

async function* csvRows(
  service: AccessEventsService,
  filter: Parameters<AccessEventsService['store']['stream']>[0],
  query: CompatibleQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let chunk = csvHeader;
  for await (const event of service.store.stream(filter, query.sort, { signal })) {
    chunk += toCsvRow(toCompatibleRecord(event));
    if (chunk.length > 1 << 16) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

/** The parsed query; parameters without effect are named in a Warning header. */
export function queryOf(request: FastifyRequest, reply: FastifyReply): CompatibleQuery {
  const { version } = request.params as { version: string };
  const mark = request.url.indexOf('?');
  const query = parseCompatibleQuery(mark < 0 ? '' : request.url.slice(mark + 1), version);
  if (query.ignored.length > 0) {
    const names = query.ignored.map((name) => name.replaceAll(/[^\w.[\]-]/g, '_').slice(0, 50)).slice(0, 10);
    void reply.header('warning', `299 dockledger "Ignored parameters: ${names.join(', ')}"`);
  }
  return query;
}

function pick(record: CompatibleRecord, fields: readonly string[] | undefined): Partial<CompatibleRecord> {
  if (fields === undefined) return record;
  const wanted = new Set(fields);
  return Object.fromEntries(Object.entries(record).filter(([name]) => wanted.has(name)));
}
