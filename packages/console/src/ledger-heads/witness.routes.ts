// The routes of a C2SP witness. Open to all: what it signs is decided by the keys of the ledgers that it was told to look at.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import type { Witness } from './witness-service.ts';

const bodyLimit = 64 * 1024;

/** Adds `/witness/add-checkpoint`, `/witness/vkey` and `/witness/<hash of the origin>/checkpoint` at the root. */
export async function addWitnessRoutes(app: FastifyInstance, witness: Witness): Promise<void> {
  // Of its own scope, so that no other route takes plain text.
  await app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
    scope.post('/witness/add-checkpoint', { config: { access: 'open' }, bodyLimit }, async (request, reply) => {
      const { status, body } = await witness.add(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      const type = status === 409 ? 'text/x.tlog.size' : 'text/plain; charset=utf-8';
      return reply.code(status).type(type).send(body);
    });
    scope.get('/witness/vkey', { config: { access: 'open' } }, async (_request, reply) =>
      reply.type('text/plain; charset=utf-8').send(`${witness.vkey}\n`),
    );
    scope.get('/witness/:log/checkpoint', { config: { access: 'open' } }, async (request, reply) => {
      const { log } = request.params as { log: string };
      const note = await witness.latest(`${log}/checkpoint`);
      if (note === undefined) throw new AppError('not_found', 'This witness has signed nothing of that name.');
      return reply.type('text/plain; charset=utf-8').send(Buffer.from(note));
    });
  });
}
