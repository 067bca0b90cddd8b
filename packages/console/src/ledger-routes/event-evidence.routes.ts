// The exact bytes that the ledger holds of one event, so that whoever may see the event can prove it by themselves.
// The bytes are read from the ledger, never from the index: an index that was altered cannot vouch for itself.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AccessEventsService } from '../access-events/access-events-service.ts';
import { signedInOf } from '../sessions/route-access.ts';
import type { Ledger } from './ledger.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' } } as const;

/** Envelope, salt and payload in base64. `digest` of the envelope is SHA-256(salt ‖ payload). */
export const EventEvidenceBody = Type.Object({
  ledgerIndex: Type.Integer({ minimum: 0 }),
  envelope: Type.String(),
  salt: Type.String(),
  payload: Type.String(),
});

/**
 * Adds `events/:id/evidence` under the prefix of the native API. `not_found` for an event that was erased or that the reader may
 * not see, `forbidden` for readers whom collections limit.
 */
export function addEventEvidenceRoute(app: FastifyInstance, service: AccessEventsService, ledger: Ledger): void {
  app.get(
    '/events/:id/evidence',
    { config: mayRead, schema: { response: { 200: EventEvidenceBody } } },
    async (request) => {
      const { id } = request.params as { id: string };
      const { scope } = signedInOf(request);
      const { ledgerIndex } = await service.event(id, scope);
      // Its place would tell how many events there are that the reader may not see.
      if (scope !== null)
        throw new AppError(
          'forbidden',
          'Proofs name places in the ledger: they are for readers whom no collection limits.',
        );
      const [entry] = await ledger.read(ledgerIndex, 1);
      if (entry?.salt === undefined || entry.payload === undefined) {
        throw new AppError(
          'not_found',
          'The ledger holds no content of this event any more: it was erased or has expired.',
        );
      }
      return {
        ledgerIndex,
        envelope: Buffer.from(entry.envelope).toString('base64'),
        salt: Buffer.from(entry.salt).toString('base64'),
        payload: Buffer.from(entry.payload).toString('base64'),
      };
    },
  );
}
