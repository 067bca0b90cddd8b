// Custom roles over SQL. Implements the port of the users' feature.
import type { Kysely } from 'kysely';
import type { CustomRole, RoleStore } from '../../users/role-store.ts';
import type { Grant, Permission } from '../../users/roles.ts';
import type { ControlSchema } from './control-schema.ts';

const toRole = ({ name, description, grants }: ControlSchema['roles']): CustomRole => ({
  name,
  description,
  grants: new Map(JSON.parse(grants) as [Permission, Grant][]),
});

/** Opens the store on the control database. Whoever opened that closes it. */
export function createRoleStore(db: Kysely<ControlSchema>): RoleStore {
  return {
    byName: async (name) => {
      const row = await db.selectFrom('roles').selectAll().where('name', '=', name).executeTakeFirst();
      return row && toRole(row);
    },
    list: async () => (await db.selectFrom('roles').selectAll().orderBy('name').execute()).map(toRole),
    save: async ({ name, description, grants }) => {
      const row = { description, grants: JSON.stringify([...grants]) };
      await db
        .insertInto('roles')
        .values({ name, ...row })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute();
    },
    remove: async (name) => {
      const { numDeletedRows } = await db.deleteFrom('roles').where('name', '=', name).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
