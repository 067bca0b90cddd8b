// Who makes a request, once that is proven: a user, what the role grants, and which collections limit what is seen.
import { AppError } from '@dockledger/contract/error-code';
import { builtInRoles, type Grant, type Permission, type RoleId } from '../users/roles.ts';
import type { User } from '../users/user-store.ts';

/** A proven identity. */
export interface SignedIn {
  readonly username: string;
  readonly role: RoleId;
  /** Names of the collections that limit what is seen, or null for no limit. */
  readonly scope: readonly string[] | null;
  readonly via: 'basic' | 'bearer' | 'cookie';
  /** The token that proved it, unless it was Basic. */
  readonly token?: { readonly id: string; readonly expiresAt: number };
}

/** The identity of a user who has proven to be them. */
export function toSignedIn(user: User, proof: Pick<SignedIn, 'via' | 'token'>): SignedIn {
  const limited = !builtInRoles[user.role].seesAll && user.collections.length > 0;
  return {
    username: user.username,
    role: user.role,
    scope: limited ? [...user.collections] : null,
    ...proof,
  };
}

/** Throws `forbidden` when the role does not grant it. */
export function requireGrant(signedIn: SignedIn, permission: Permission, grant: Grant): void {
  const role = builtInRoles[signedIn.role];
  const given = role.grants.get(permission);
  if (given === 'write' || given === grant) return;
  throw new AppError('forbidden', `The role ${role.name} may not do this: it needs ${permission} (${grant}).`);
}
