// Who makes a request, once that is proven: a user, what the role grants, and which collections limit what is seen.
import { AppError } from '@dockledger/contract/error-code';
import type { Grant, Permission } from '../users/roles.ts';
import type { UserAccess } from '../users/user-access.ts';
import type { User } from '../users/user-store.ts';

/** A proven identity. */
export interface SignedIn extends UserAccess {
  readonly username: string;
  /** Id of the user's own role. */
  readonly role: string;
  readonly via: 'basic' | 'bearer' | 'cookie';
  /** The token that proved it, unless it was Basic. */
  readonly token?: { readonly id: string; readonly expiresAt: number };
}

/** The identity of a user who has proven to be them. */
export function toSignedIn(user: User, access: UserAccess, proof: Pick<SignedIn, 'via' | 'token'>): SignedIn {
  return { username: user.username, role: user.role, ...access, ...proof };
}

/** Throws `forbidden` when neither the user's role nor one of their groups grants it. */
export function requireGrant(signedIn: SignedIn, permission: Permission, grant: Grant): void {
  const given = signedIn.grants.get(permission);
  if (given === 'write' || given === grant) return;
  throw new AppError('forbidden', `The role ${signedIn.roleName} may not do this: it needs ${permission} (${grant}).`);
}
