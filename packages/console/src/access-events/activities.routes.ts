// The compatible host activities: SSH sign-ins and sudo commands in the vendor's form of a host activity.
import { Readable } from 'node:stream';
import type { StoredAccessEvent } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import type { AccessEventsService } from './access-events-service.ts';
import { toCell } from './audit-csv.ts';
import { queryOf } from './audits.routes.ts';
import type { CompatibleQuery } from './compatible-query.ts';
import { abortWhenGone } from './request-abort.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' }, audit: 'read' } as const;

/** One host activity. Key order is column order of its CSV. */
export const HostActivity = Type.Object({
  _id: Type.String(),
  accountID: Type.String(),
  cluster: Type.String(),
  collections: Type.Array(Type.String()),
  command: Type.String(),
  hostname: Type.String(),
  interactive: Type.Boolean(),
  msg: Type.String(),
  ruleName: Type.String(),
  service: Type.String(),
  time: Type.String({ format: 'date-time' }),
  type: Type.String(),
  user: Type.String(),
});

/** Our types by the vendor's names of activities. */
const typesByActivity: Readonly<Record<string, readonly string[]>> = {
  login: ['sshd'],
  sudo: ['sudo'],
  sshd: ['sshd'],
};

/** Adds `forensic/activities` and its CSV under the prefix of the compatible API. */
export function addActivitiesRoutes(app: FastifyInstance, service: AccessEventsService, now: () => number): void {
  app.get(
    '/forensic/activities',
    { config: mayRead, schema: { response: { 200: Type.Array(HostActivity) } } },
    async (request, reply) => {
      const query = toActivitiesQuery(queryOf(request, reply));
      const options = { signal: abortWhenGone(reply) };
      const filter = await service.toFilter(query, signedInOf(request).scope, options);
      const { events, total } = await service.pageAndCount(filter, query, options);
      void reply.header('total-count', total);
      return events.map(toHostActivity);
    },
  );
  app.get('/forensic/activities/download', { config: mayRead }, async (request, reply) => {
    const query = toActivitiesQuery(queryOf(request, reply));
    const signal = abortWhenGone(reply);
    const filter = await service.toFilter(query, signedInOf(request).scope, { signal });
    async function* rows() {
      yield `${Object.keys(HostActivity.properties).join(',')}\r\n`;
      for await (const event of service.store.stream(filter, query.sort, { signal })) {
        yield `${Object.values(toHostActivity(event))
          .map((value) => toCell(String(value)))
          .join(',')}\r\n`;
      }
    }
    const day = new Date(now()).toISOString().slice(0, 10);
    void reply
      .header('content-type', 'text/csv')
      .header('content-disposition', `attachment; filename="host-activities-${day}.csv"`);
    return reply.send(Readable.from(rows(), { objectMode: false, highWaterMark: 1 << 16 }));
  });
}

/** Only SSH and sudo, whatever `type` says; an activity that we do not have matches nothing. */
function toActivitiesQuery(query: CompatibleQuery): CompatibleQuery {
  const isAsked = query.values.type?.some((type) => !['docker', 'sshd', 'sudo', 'kubernetes'].includes(type)) ?? false;
  const asked = (query.values.type ?? []).flatMap((type) => typesByActivity[type] ?? []);
  const types = isAsked || asked.length > 0 ? [...new Set(asked)] : ['sshd', 'sudo'];
  return { ...query, values: { ...query.values, type: types } };
}

function toHostActivity(event: StoredAccessEvent): Static<typeof HostActivity> {
  return {
    _id: event.id,
    accountID: event.host.accountID,
    cluster: event.host.cluster,
    collections: [...event.collections],
    command: event.type === 'sudo' ? event.api : '',
    hostname: event.host.hostname,
    interactive: event.type === 'sshd',
    msg: event.decision.text,
    ruleName: event.decision.rule,
    service: event.type,
    time: event.time,
    type: event.type === 'sshd' ? 'login' : 'sudo',
    user: event.actor.user,
  };
}
