// The compatible routes of the management audit: what people did to the Console, newest first.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import type { AccessEventsService } from '../access-events/access-events-service.ts';
import { parseCompatibleQuery } from '../access-events/compatible-query.ts';
import { abortWhenGone } from '../access-events/request-abort.ts';
import { signedInOf } from '../sessions/route-access.ts';

const mayRead = { access: { permission: 'systemLogs', grant: 'read' } } as const;

/** Adds `audits/mgmt` and `audits/mgmt/filters` under the prefix of the compatible API. */
export function addManagementRoutes(app: FastifyInstance, service: AccessEventsService): void {
  app.get('/audits/mgmt', { config: mayRead }, async (request, reply) => {
    const query = parseCompatibleQuery(
      request.url.split('?')[1] ?? '',
      (request.params as { version: string }).version,
    );
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
  app.get('/audits/mgmt/filters', { config: mayRead }, async (request, reply) => {
    const { scope } = signedInOf(request);
    const users = await service.store.distinct('user', { scope, include: { type: ['console'] } }, 1000, {
      signal: abortWhenGone(reply),
    });
    return { type: ['login', 'rule', 'settings', 'user', 'read'], username: users };
  });
}

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
