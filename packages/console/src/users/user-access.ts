// What a user may do and see: their own role and collections joined with those of their groups. Looked up on each request,
// so a change counts at once. A role that no longer exists grants nothing.
import type { GroupStore } from './group-store.ts';
import type { RoleStore } from './role-store.ts';
import { builtInRoles, type Grant, isRoleId, type Permission, type Role } from './roles.ts';
import type { User } from './user-store.ts';

/** The sum of a user's roles and collections. */
export interface UserAccess {
  /** Name of the user's own role, for people. */
  readonly roleName: string;
  readonly grants: ReadonlyMap<Permission, Grant>;
  /** Names of the collections that limit what is seen, or null for no limit. */
  readonly scope: readonly string[] | null;
}

/** What {@link createUserAccess} needs. */
export interface UserAccessParts {
  readonly groups: Pick<GroupStore, 'ofUser'>;
  readonly roles: Pick<RoleStore, 'byName'>;
}

/** Makes the lookup. A limit by any collection, the user's or a group's, holds unless one of the roles sees everything. */
export function createUserAccess({ groups, roles }: UserAccessParts): (user: User) => Promise<UserAccess> {
  const find = async (id: string): Promise<Role | undefined> => {
    if (isRoleId(id)) return builtInRoles[id];
    const custom = id === '' ? undefined : await roles.byName(id);
    return custom && { name: custom.name, grants: custom.grants, seesAll: false };
  };
  return async (user) => {
    const memberOf = await groups.ofUser(user.username);
    const [own, ...others] = await Promise.all([user.role, ...memberOf.map(({ role }) => role)].map(find));
    const held = [own, ...others].filter((role) => role !== undefined);
    const collections = [...new Set([user, ...memberOf].flatMap((holder) => holder.collections))];
    return {
      roleName: own?.name ?? user.role,
      grants: held.length === 1 && own !== undefined ? own.grants : joinGrants(held),
      scope: collections.length === 0 || held.some(({ seesAll }) => seesAll) ? null : collections,
    };
  };
}

function joinGrants(roles: readonly Role[]): ReadonlyMap<Permission, Grant> {
  const joined = new Map<Permission, Grant>();
  for (const { grants } of roles) {
    for (const [permission, grant] of grants) if (joined.get(permission) !== 'write') joined.set(permission, grant);
  }
  return joined;
}
