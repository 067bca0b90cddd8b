// Groups and their members over SQL. Implements the port of the users' feature. A group and its members change together or not at all.
import type { Kysely } from 'kysely';
import type { Group, GroupKind, GroupStore } from '../../users/group-store.ts';
import type { ControlSchema } from './control-schema.ts';

/** Opens the store on the control database. Whoever opened that closes it. */
export function createGroupStore(db: Kysely<ControlSchema>): GroupStore {
  const withMembers = async (rows: readonly ControlSchema['groups'][]): Promise<Group[]> => {
    if (rows.length === 0) return [];
    const names = rows.map(({ name }) => name);
    const members = await db
      .selectFrom('group_members')
      .selectAll()
      .where('group_name', 'in', names)
      .orderBy('username')
      .execute();
    const byGroup = Map.groupBy(members, (member) => member.group_name);
    return rows.map((row) => ({
      name: row.name,
      kind: row.kind as GroupKind,
      role: row.role,
      collections: JSON.parse(row.collections) as string[],
      owner: row.owner,
      lastModified: row.last_modified,
      members: (byGroup.get(row.name) ?? []).map(({ username }) => username),
    }));
  };
  return {
    byName: async (name) =>
      (await withMembers(await db.selectFrom('groups').selectAll().where('name', '=', name).execute()))[0],
    list: async () => withMembers(await db.selectFrom('groups').selectAll().orderBy('name').execute()),
    ofUser: async (username) =>
      withMembers(
        await db
          .selectFrom('groups')
          .selectAll()
          .where('name', 'in', (inner) =>
            inner.selectFrom('group_members').select('group_name').where('username', '=', username),
          )
          .orderBy('name')
          .execute(),
      ),
    save: async ({ name, members, collections, kind, role, owner, lastModified }) => {
      const row = { kind, role, collections: JSON.stringify(collections), owner, last_modified: lastModified };
      await db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('groups')
          .values({ name, ...row })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
          .execute();
        await transaction.deleteFrom('group_members').where('group_name', '=', name).execute();
        for (const username of members)
          await transaction.insertInto('group_members').values({ group_name: name, username }).execute();
      });
    },
    remove: (name) =>
      db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('group_members').where('group_name', '=', name).execute();
        const { numDeletedRows } = await transaction.deleteFrom('groups').where('name', '=', name).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
  };
}
