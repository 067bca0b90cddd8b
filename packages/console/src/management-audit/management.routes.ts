// The compatible routes of the management audit: what people did to the Console, newest first.
import { Readable } from 'node:stream';
import type { StoredAccessEvent } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import type { AccessEventsService } from '../access-events/access-events-service.ts';
import { toCell } from '../access-events/audit-csv.ts';
import { queryOf } from '../access-events/audits.routes.ts';
import { abortWhenGone } from '../access-events/request-abort.ts';
import { signedInOf } from '../sessions/route-access.ts';

const mayRead = { access: { permission: 'systemLogs', grant: 'read' } } as const;

/** Adds `audits/mgmt`, its CSV and its filters under the prefix of the compatible API. */
export function addManagementRoutes(app: FastifyInstance, service: AccessEventsService, now: () => number): void {
  app.get('/audits/mgmt', { config: mayRead }, async (request, reply) => {
    const query = queryOf(request, reply);
    const options = { signal: abortWhenGone(reply) };
    const filter = await service.toFilter(
      { ...query, values: { ...query.values, type: ['console'] } },
      signedInOf(request).scope,
      options,
    );
    const { events, total } = await service.pageAndCount(filter, query, options);
    void reply.header('total-count', total);
    return events.map(toManagementRecord);
  });
  app.get('/audits/mgmt/download', { config: mayRead }, async (request, reply) => {
    const query = queryOf(request, reply);
    const signal = abortWhenGone(reply);
    const filter = await service.toFilter(
      { ...query, values: { ...query.values, type: ['console'] } },
      signedInOf(request).scope,
      { signal },
    );
    async function* rows() {
      yield `${managementFields.join(',')}\r\n`;
      for await (const event of service.store.stream(filter, query.sort, { signal })) {
        const record = toManagementRecord(event);
        yield `${managementFields.map((field) => toCell(String(record[field]))).join(',')}\r\n`;
      }
    }
    const day = new Date(now()).toISOString().slice(0, 10);
    void reply
      .header('content-type', 'text/csv')
      .header('content-disposition', `attachment; filename="management-audits-${day}.csv"`);
    return reply.send(Readable.from(rows(), { objectMode: false, highWaterMark: 1 << 16 }));
  });
  app.get('/audits/mgmt/filters', { config: mayRead }, async (request, reply) => {
    const { scope } = signedInOf(request);
    const users = await service.store.distinct('user', { scope, include: { type: ['console'] } }, 1000, {
      signal: abortWhenGone(reply),
    });
    return { type: ['login', 'profile', 'settings', 'rule', 'user', 'group', 'role', 'read'], username: users };
  });
}

const managementFields = ['time', 'username', 'sourceIP', 'type', 'diff', 'status', 'failure', 'api'] as const;

function toManagementRecord(event: StoredAccessEvent) {
  const { details = {} } = event;
  return {
    time: event.time,
    username: event.actor.user,
    sourceIP: event.actor.sourceIP ?? '',
    type: textOf(details['kind']),
    diff: textOf(details['diff']),
    status: event.decision.text,
    failure: event.decision.effect === 'deny',
    api: event.target.other ?? '',
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
