// People who sign in to the Console, and what their roles allow. Passwords are sent and never come back.
import { call, send } from './client.ts';

const usersPath = '/api/v1/users';

/** One user. */
export interface User {
  readonly username: string;
  readonly role: string;
  /** Names of the collections that limit what is seen; none is no limit. */
  readonly collections: readonly string[];
}

/** One role and what it grants. */
export interface Role {
  readonly name: string;
  readonly description?: string;
  readonly system?: boolean;
  readonly perms?: readonly { readonly name: string; readonly readWrite?: boolean }[] | null;
}

interface WireUser {
  readonly username: string;
  readonly role: string;
  readonly permissions?: readonly { readonly collections?: readonly string[] | null }[] | null;
}

/** All users. Throws `forbidden` for who may not manage them. */
export async function loadUsers(signal?: AbortSignal): Promise<readonly User[]> {
  const list = await call<readonly WireUser[]>(usersPath, signal === undefined ? {} : { signal });
  return list.map(({ username, role, permissions }) => ({
    username,
    role,
    collections: [...new Set((permissions ?? []).flatMap((each) => each.collections ?? []))],
  }));
}

/** All roles, built-in ones first. */
export function loadRoles(signal?: AbortSignal): Promise<readonly Role[]> {
  return call('/api/v1/rbac/roles', signal === undefined ? {} : { signal });
}

/** Adds a user, or changes the known one of this name. An empty password keeps the old one. */
export async function saveUser(user: User, password: string, isNew: boolean): Promise<void> {
  const permissions =
    user.collections.length > 0 ? [{ project: 'Central Console', collections: user.collections }] : [];
  const body = {
    username: user.username,
    role: user.role,
    authType: 'basic',
    permissions,
    ...(password !== '' && { password }),
  };
  await send(usersPath, { method: isNew ? 'POST' : 'PUT', body });
}

/** Removes a user and ends their sessions. */
export async function removeUser(username: string): Promise<void> {
  await send(`${usersPath}/${encodeURIComponent(username)}`, { method: 'DELETE' });
}
