// Backups over SQL: one transaction reads or writes everything. Only columns that the schema has are ever written.

import { toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type Kysely, sql, type Transaction } from 'kysely';
import { Value } from 'typebox/value';
import { ControlBackup, type ControlBackups } from '../../settings/control-backup.ts';
import { controlMigrations } from './control-migrations.ts';
import type { ControlSchema } from './control-schema.ts';

/** Tables that a restore replaces, or only adds what is missing to. Tokens are left out: they are short-lived secrets. */
const tables = {
  users: 'replace',
  groups: 'replace',
  group_members: 'replace',
  roles: 'replace',
  collections: 'replace',
  settings: 'replace',
  saved_views: 'replace',
  rule_sets: 'next',
  defenders: 'add',
  user_certificates: 'add',
} as const satisfies Partial<Record<keyof ControlSchema, string>>;
type TableName = keyof typeof tables;
const tableNames = Object.keys(tables) as TableName[];
type Rows = ControlBackup['tables'][string];

const newestMigration = Object.keys(controlMigrations).toSorted().at(-1) ?? '';

/** Opens it on the control database. Whoever opened that closes it. */
export function createControlBackups(db: Kysely<ControlSchema>, now: () => number): ControlBackups {
  return {
    dump: () =>
      db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (transaction) => {
          const dumped: Record<string, Rows> = {};
          for (const name of tableNames) dumped[name] = await transaction.selectFrom(name).selectAll().execute();
          return { format: 1, madeAt: toInstant(now()), schema: newestMigration, tables: dumped };
        }),
    restore: async (backup, by) => {
      const checked = check(backup);
      await db.transaction().execute(async (transaction) => {
        const before = await transaction.selectFrom('users').select(['username', 'credentials_version']).execute();
        for (const name of tableNames) {
          const rows = checked.tables[name] ?? [];
          if (tables[name] === 'replace') await transaction.deleteFrom(name).execute();
          if (tables[name] !== 'next') await insertAll(transaction, name, rows);
        }
        await voidSignIns(transaction, before);
        await addRules(transaction, checked.tables['rule_sets'] ?? [], { by, at: toInstant(now()) });
      });
    },
  };
}

function check(backup: unknown): ControlBackup {
  if (!Value.Check(ControlBackup, backup)) throw new AppError('bad_request', 'This is not a backup of control data.');
  if (backup.schema > newestMigration)
    throw new AppError(
      'bad_request',
      `The backup was made by a newer version (${backup.schema}). Update this one first.`,
    );
  if (!(backup.tables['users'] ?? []).some((user) => user['role'] === 'admin'))
    throw new AppError('bad_request', 'The backup holds no administrator: nobody could sign in to change anything.');
  return backup;
}

async function insertAll(transaction: Transaction<ControlSchema>, name: TableName, rows: Rows): Promise<void> {
  for (const row of rows) {
    const columns = Object.keys(row);
    if (columns.length === 0 || columns.some((column) => !/^[a-z_]{1,64}$/.test(column)))
      throw new AppError('bad_request', `The backup's table ${name} has a row that is not as expected.`);
    const names = sql.join(columns.map((column) => sql.ref(column)));
    const values = sql.join(columns.map((column) => row[column] ?? null));
    try {
      await sql`insert into ${sql.table(name)} (${names}) values (${values}) on conflict do nothing`.execute(
        transaction,
      );
    } catch (error) {
      throw new AppError('bad_request', `The backup's table ${name} has a row that this store does not take.`, {
        cause: error,
      });
    }
  }
}

/** Versions of credentials grow past those there were, so that no token and no remembered password of before counts. */
async function voidSignIns(
  transaction: Transaction<ControlSchema>,
  before: readonly { readonly credentials_version: number }[],
): Promise<void> {
  const floor = Math.max(0, ...before.map((user) => user.credentials_version));
  await transaction
    .updateTable('users')
    .set((user) => ({ credentials_version: user('credentials_version', '+', floor + 1) }))
    .execute();
}

async function addRules(
  transaction: Transaction<ControlSchema>,
  rows: Rows,
  { by, at }: { readonly by: string; readonly at: string },
): Promise<void> {
  const newest = rows.toSorted((a, b) => Number(b['version']) - Number(a['version']))[0];
  if (newest === undefined) return;
  const { version } = await transaction
    .selectFrom('rule_sets')
    .select((rules) => rules.fn.max('version').as('version'))
    .executeTakeFirstOrThrow();
  const next = Math.max(version, Number(newest['version'])) + 1;
  await transaction
    .insertInto('rule_sets')
    .values({
      version: next,
      rules: String(newest['rules']),
      saved_at: at,
      saved_by: by,
      note: `Restored from version ${String(newest['version'])}`,
    })
    .execute();
}
