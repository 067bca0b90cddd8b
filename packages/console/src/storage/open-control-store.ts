// Picks the adapter of the control store by the setting.
import { join } from 'node:path';
import { type ControlStore, openControlStore as openSqlControlStore } from './sql/control-store.ts';
import { createNodeSqliteDialect } from './sql/node-sqlite.ts';
import { createPostgresDialect, requirePostgresUrl } from './sql/postgres.ts';

/** Opens `sqlite` in the data directory, or the PostgreSQL database of a URL. Throws `bad_setting` or `store_unavailable`. */
export async function openControlStore(
  setting: string,
  dataDir: string,
  now: () => number = Date.now,
): Promise<ControlStore> {
  const dialect =
    setting === 'sqlite'
      ? createNodeSqliteDialect(join(dataDir, 'control.sqlite'))
      : createPostgresDialect(requirePostgresUrl('controlStore', setting));
  return openSqlControlStore(dialect, now);
}
