// What clients ask before anything else: is this a Console, which version, which project.
import { productVersion } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';

/** Adds `_ping`, `version` and `current/projects` under the prefix of the compatible API, and the authority's certificate. */
export function addApiInfoRoutes(app: FastifyInstance, caPem: string): void {
  app.get('/_ping', { config: { access: 'open' } }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('OK'),
  );
  app.get('/version', { config: { access: 'signed-in' } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(productVersion)),
  );
  app.get('/current/projects', { config: { access: 'signed-in' } }, async () => []);
  app.get('/certs/ca.pem', { config: { access: 'open' } }, async (_request, reply) =>
    reply.type('application/x-pem-file').send(caPem),
  );
}
