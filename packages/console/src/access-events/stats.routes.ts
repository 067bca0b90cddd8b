// The compatible statistics: how many events of each kind, in all and per day. Sums count calls, not rows.
import type { FastifyInstance } from 'fastify';
import { signedInOf } from '../sessions/route-access.ts';
import type { AccessEventsService } from './access-events-service.ts';
import { queryOf } from './audits.routes.ts';
import { abortWhenGone } from './request-abort.ts';

const mayRead = { access: { permission: 'accessUI', grant: 'read' } } as const;
const kinds = ['docker', 'sshd', 'sudo'] as const;

/** Counters of the vendor's answer that have no events here. */
const alwaysZero = [
  'admissionAudits',
  'agentlessAppFirewall',
  'appEmbeddedAppFirewall',
  'appEmbeddedRuntime',
  'cloudDiscovery',
  'containerAppFirewall',
  'containerNetworkFirewall',
  'containerRuntime',
  'defense',
  'fileIntegrity',
  'hostAppFirewall',
  'hostNetworkFirewall',
  'hostRuntime',
  'logInspection',
  'serverlessAppFirewall',
  'serverlessRuntime',
  'trustAudits',
] as const;

/** Adds `stats/events` and `stats/daily` under the prefix of the compatible API. */
export function addStatsRoutes(app: FastifyInstance, service: AccessEventsService): void {
  app.get('/stats/events', { config: mayRead }, async (request, reply) => {
    const options = { signal: abortWhenGone(reply) };
    const filter = await service.toFilter(queryOf(request, reply), signedInOf(request).scope, options);
    const sums = await service.store.sums(filter, options);
    const count = (types: readonly string[]) =>
      sums.filter(({ type }) => types.includes(type)).reduce((sum, { events }) => sum + events, 0);
    return {
      ...Object.fromEntries(alwaysZero.map((name) => [name, 0])),
      dockerAccess: count(['docker']),
      hostActivities: count(['sshd', 'sudo']),
      kubernetesAudits: count(['kubernetes']),
    };
  });

  app.get('/stats/daily', { config: mayRead }, async (request, reply) => {
    const options = { signal: abortWhenGone(reply) };
    const filter = await service.toFilter(queryOf(request, reply), signedInOf(request).scope, options);
    const sums = await service.store.dailySums(filter, options);
    const days = [...new Set(sums.map(({ day }) => day))];
    return days.map((day) => ({
      _id: day,
      time: `${day}T00:00:00.000Z`,
      access: Object.fromEntries(
        kinds.map((kind) => [kind, accessOf(sums.filter((sum) => sum.day === day && sum.type === kind))]),
      ),
    }));
  });
}

function accessOf(sums: readonly { readonly allow: boolean; readonly events: number }[]) {
  const count = (wanted: boolean) =>
    sums.filter(({ allow }) => allow === wanted).reduce((sum, { events }) => sum + events, 0);
  return { allowed: count(true), denied: count(false) };
}
