// Saved views over SQL. Implements the port of the feature; one row for each owner and name.
import type { Kysely } from 'kysely';
import type { SavedView, SavedViewStore } from '../../saved-views/saved-view-store.ts';
import type { ControlSchema } from './control-schema.ts';

/** Opens the store on the control database. Whoever opened that closes it. */
export function createSavedViewStore(db: Kysely<ControlSchema>): SavedViewStore {
  const toView = (row: ControlSchema['saved_views']): SavedView => ({
    id: row.id,
    owner: row.owner,
    name: row.name,
    query: row.query,
    isShared: row.is_shared === 1,
    savedAt: row.saved_at,
  });
  return {
    visibleTo: async (username) => {
      const rows = await db
        .selectFrom('saved_views')
        .selectAll()
        .where((where) => where.or([where('owner', '=', username), where('is_shared', '=', 1)]))
        .orderBy('name')
        .orderBy('owner')
        .execute();
      return rows.map(toView);
    },
    byId: async (id) => {
      const row = await db.selectFrom('saved_views').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toView(row);
    },
    save: async ({ id, owner, name, query, isShared, savedAt }) => {
      const changed = { query, is_shared: isShared ? 1 : 0, saved_at: savedAt };
      await db
        .insertInto('saved_views')
        .values({ id, owner, name, ...changed })
        .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet(changed))
        .execute();
    },
    remove: async (id) => {
      const { numDeletedRows } = await db.deleteFrom('saved_views').where('id', '=', id).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
