// Who may read entries of the ledger as such: roles that may read system records, and only when no collection limits them.
// Hashes and checkpoints name nothing and are for everybody who is signed in.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyRequest } from 'fastify';
import { signedInOf } from '../sessions/route-access.ts';
import { requireGrant } from '../sessions/signed-in.ts';

/** Throws `forbidden` for everybody else. */
export function requireUnlimitedReader(request: FastifyRequest): void {
  const signedIn = signedInOf(request);
  requireGrant(signedIn, 'systemLogs', 'read');
  if (signedIn.scope !== null)
    throw new AppError('forbidden', 'Entries of the ledger are for readers whom no collection limits.');
}
