// Adds, changes and removes custom roles. Every one may use the Console at all (`user`), built-in ones cannot be changed,
// and one that somebody has cannot be removed.
import { AppError } from '@dockledger/contract/error-code';
import type { NamesInUse } from './names-in-use.ts';
import type { CustomRole, RoleStore } from './role-store.ts';
import { builtInRoles, isRoleId } from './roles.ts';

/** Administers custom roles. */
export interface RolesService {
  /** Custom roles, sorted by name. */
  list(): Promise<readonly CustomRole[]>;
  /** True for the id of a built-in role and the name of a custom one. */
  isRole(name: string): Promise<boolean>;
  /** Adds a role. Throws `conflict` when the name is taken, `bad_request` when it lacks `user`. */
  create(role: CustomRole): Promise<void>;
  /** Replaces the role of this name. Throws `not_found`, `bad_request`, `conflict` for a built-in one. */
  replace(role: CustomRole): Promise<void>;
  /** Removes it. Throws `not_found`, and `conflict` for a built-in one and while somebody has it. */
  remove(name: string): Promise<void>;
}

/** What {@link createRolesService} needs. */
export interface RolesParts {
  readonly roles: RoleStore;
  readonly inUse: Pick<NamesInUse, 'ofRole'>;
}

const builtInNames = new Set(Object.values(builtInRoles).map(({ name }) => name));
const namePattern = /^\P{Cc}{1,100}$/u;

/** Puts the parts together. */
export function createRolesService({ roles, inUse }: RolesParts): RolesService {
  const refuseBuiltIn = (name: string) => {
    if (isRoleId(name) || builtInNames.has(name))
      throw new AppError('conflict', `The role ${name} is built in and cannot be changed.`);
  };
  const requireExisting = async (name: string) => {
    if ((await roles.byName(name)) === undefined)
      throw new AppError('not_found', `There is no role "${name.slice(0, 100)}".`);
  };
  const check = ({ name, grants }: CustomRole) => {
    if (!namePattern.test(name)) throw new AppError('bad_request', 'A role name has 1 to 100 characters.');
    if (grants.get('user') !== 'write')
      throw new AppError('bad_request', 'Every role needs the permission user with readWrite true.');
  };
  return {
    list: () => roles.list(),
    isRole: async (name) => isRoleId(name) || (await roles.byName(name)) !== undefined,
    create: async (role) => {
      refuseBuiltIn(role.name);
      check(role);
      if ((await roles.byName(role.name)) !== undefined)
        throw new AppError('conflict', `A role named "${role.name}" already exists.`);
      await roles.save(role);
    },
    replace: async (role) => {
      refuseBuiltIn(role.name);
      await requireExisting(role.name);
      check(role);
      await roles.save(role);
    },
    remove: async (name) => {
      refuseBuiltIn(name);
      await requireExisting(name);
      const [first] = await inUse.ofRole(name);
      if (first !== undefined)
        throw new AppError('conflict', `The role "${name}" is in use, for instance by ${first.type} "${first.name}".`);
      await roles.remove(name);
    },
  };
}
