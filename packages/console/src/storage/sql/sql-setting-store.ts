// Settings by name over SQL. Implements the port of the settings' feature.
import type { Kysely } from 'kysely';
import type { SettingStore } from '../../settings/setting-store.ts';
import type { ControlSchema } from './control-schema.ts';

/** Opens the store on the control database. Whoever opened that closes it. */
export function createSettingStore(db: Kysely<ControlSchema>): SettingStore {
  return {
    load: async (name) => {
      const row = await db.selectFrom('settings').select('body').where('name', '=', name).executeTakeFirst();
      return row === undefined ? undefined : (JSON.parse(row.body) as unknown);
    },
    save: async (name, value) => {
      const body = JSON.stringify(value);
      await db
        .insertInto('settings')
        .values({ name, body })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ body }))
        .execute();
    },
  };
}
