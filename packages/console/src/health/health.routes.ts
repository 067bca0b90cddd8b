// Liveness and readiness for load balancers, the status for people, metrics for Prometheus.
import { Condition, productVersion } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { DefenderRegistry } from '../defenders/defender-registry.ts';
import type { Health } from './health.ts';

/** Answer of the native status route. */
export const StatusBody = Type.Object({
  version: Type.String(),
  isReady: Type.Boolean(),
  ledgerSize: Type.Integer(),
  indexedSize: Type.Integer(),
  dockerProxy: Type.Optional(Type.String({ description: 'Address of the guarded Docker socket on this machine' })),
  defenders: Type.Object({ total: Type.Integer(), connected: Type.Integer() }),
  conditions: Type.Array(Condition),
});

/** What the routes tell about. */
export interface HealthRoutesParts {
  readonly health: () => Health;
  readonly defenders: DefenderRegistry;
  /** Address of the Docker proxy when it runs on this machine. */
  readonly dockerProxy: () => string | undefined;
}

/** Adds `/healthz`, `/readyz` and `/metrics` at the root. */
export function addHealthRoutes(app: FastifyInstance, { health, defenders }: HealthRoutesParts): void {
  app.get('/healthz', { config: { access: 'open' } }, async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    const { isReady } = health();
    return reply
      .code(isReady ? 200 : 503)
      .type('text/plain')
      .send(isReady ? 'ready\n' : 'not ready\n');
  });
  app.get('/metrics', { config: { access: 'signed-in' } }, async (_request, reply) => {
    const { isReady, ledgerSize, indexedSize } = health();
    const list = defenders.list();
    const lines = [
      metric('dockledger_ready', 'gauge', 'Whether events are accepted and can be read.', Number(isReady)),
      metric('dockledger_ledger_entries', 'counter', 'Entries in the ledger.', ledgerSize),
      metric('dockledger_indexed_entries', 'counter', 'Ledger entries that the event store holds.', indexedSize),
      metric(
        'dockledger_defenders_connected',
        'gauge',
        'Defenders heard within 30 s.',
        list.filter(({ isConnected }) => isConnected).length,
      ),
      metric('dockledger_resident_memory_bytes', 'gauge', 'Resident memory of the Console.', process.memoryUsage.rss()),
    ];
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(lines.join(''));
  });
}

/** Adds `status` under the prefix of the native API. */
export function addStatusRoute(app: FastifyInstance, { health, defenders, dockerProxy }: HealthRoutesParts): void {
  app.get('/status', { config: { access: 'signed-in' }, schema: { response: { 200: StatusBody } } }, async () => {
    const list = defenders.list();
    const proxy = dockerProxy();
    return {
      version: productVersion,
      ...health(),
      ...(proxy !== undefined && { dockerProxy: proxy }),
      defenders: { total: list.length, connected: list.filter(({ isConnected }) => isConnected).length },
    };
  });
}

function metric(name: string, type: 'gauge' | 'counter', help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
