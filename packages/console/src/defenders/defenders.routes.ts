// The list of Defenders for people and scripts, natively and in the vendor's short form.
import { Condition, Host, StatusReport } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { DefenderRegistry } from './defender-registry.ts';

const mayRead = { access: { permission: 'manageDefenders', grant: 'read' } } as const;

/** Answer of the native list. */
export const DefendersBody = Type.Object({
  defenders: Type.Array(
    Type.Object({
      defenderId: Type.String(),
      isConnected: Type.Boolean(),
      lastSeenAt: Type.String(),
      version: Type.Optional(Type.String()),
      epoch: Type.Optional(Type.Integer()),
      host: Type.Optional(Host),
      facts: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      clockOffsetMs: Type.Optional(Type.Integer()),
      accepted: Type.Integer(),
      backlog: Type.Optional(Type.Integer()),
      oldestUnsentAt: Type.Optional(Type.String()),
      conditions: Type.Array(Condition),
      engine: Type.Optional(StatusReport.properties.engine),
      rulesVersion: Type.Optional(Type.Integer()),
    }),
  ),
});

/** Adds `defenders` under the prefix of the native API. */
export function addNativeDefendersRoutes(app: FastifyInstance, defenders: DefenderRegistry): void {
  app.get('/defenders', { config: mayRead, schema: { response: { 200: DefendersBody } } }, async () => ({
    defenders: defenders.list(),
  }));
}

/** Adds `defenders`, `defenders/names` and `defenders/summary` under the prefix of the compatible API. */
export function addCompatibleDefendersRoutes(app: FastifyInstance, defenders: DefenderRegistry): void {
  app.get('/defenders', { config: mayRead }, async (_request, reply) => {
    const list = defenders.list();
    void reply.header('total-count', list.length);
    return list.map((defender) => ({
      hostname: defender.host?.hostname ?? '',
      fqdn: defender.host?.fqdn ?? '',
      cluster: defender.host?.cluster ?? '',
      version: defender.version ?? '',
      connected: defender.isConnected,
      lastModified: defender.lastSeenAt,
      type: 'docker',
      category: 'docker',
    }));
  });
  app.get('/defenders/names', { config: mayRead }, async (_request, reply) => {
    const names = defenders.list().map((defender) => defender.host?.hostname ?? defender.defenderId);
    void reply.header('total-count', names.length);
    return names.toSorted();
  });
  app.get('/defenders/summary', { config: mayRead }, async () => {
    const list = defenders.list();
    return [
      { category: 'docker', total: list.length, connected: list.filter(({ isConnected }) => isConnected).length },
    ];
  });
}
