// The compatible routes that delete audits. For administrators only; each leaves a tombstone on record.
import type { FastifyInstance } from 'fastify';
import { signedInOf } from '../sessions/route-access.ts';
import type { ErasureService } from './erasure-service.ts';

const mayErase = { access: { permission: 'privilegedOperations', grant: 'write' }, audit: 'settings' } as const;

/** Adds `DELETE audits/access` and `DELETE audits/access/{id}` under the prefix of the compatible API. */
export function addErasureRoutes(app: FastifyInstance, erasure: ErasureService): void {
  app.delete('/audits/access', { config: mayErase }, async (request) => {
    const type = new URLSearchParams(request.url.split('?')[1] ?? '').get('type')?.trim();
    await erasure.eraseAll(type === '' ? undefined : type, {
      username: signedInOf(request).username,
      address: request.ip,
    });
    return {};
  });
  app.delete('/audits/access/:id', { config: mayErase }, async (request) => {
    const { id } = request.params as { id: string };
    await erasure.eraseOne(id, { username: signedInOf(request).username, address: request.ip });
    return {};
  });
}
