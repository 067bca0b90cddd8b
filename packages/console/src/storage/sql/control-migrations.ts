// The control store's migrations, forward only, run at start. A released one never changes; a new one is added at the end.
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Migrations by name; they run in the order of their names. */
export const controlMigrations: Readonly<Record<string, Migration>> = {
  '0001-users-rules-collections': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('users')
        .addColumn('username', 'text', (column) => column.primaryKey())
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('credentials_version', 'integer', (column) => column.notNull())
        .addColumn('collections', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('revoked_tokens')
        .addColumn('token_id', 'text', (column) => column.primaryKey())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('rule_sets')
        .addColumn('version', 'integer', (column) => column.primaryKey())
        .addColumn('rules', 'text', (column) => column.notNull())
        .addColumn('saved_at', 'text', (column) => column.notNull())
        .addColumn('saved_by', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('collections')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0002-defenders': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('defenders')
        .addColumn('defender_id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('cluster', 'text', (column) => column.notNull())
        .addColumn('labels', 'text', (column) => column.notNull())
        .addColumn('enrolled_at', 'bigint', (column) => column.notNull())
        .addColumn('certificate_expires_at', 'bigint', (column) => column.notNull())
        .addColumn('refuse_issued_until', 'bigint', (column) => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
        .addColumn('hostname', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('defender_tokens')
        .addColumn('digest', 'text', (column) => column.primaryKey())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0003-groups-roles-settings': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('groups')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('role', 'text', (column) => column.notNull())
        .addColumn('collections', 'text', (column) => column.notNull())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('last_modified', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('group_members')
        .addColumn('group_name', 'text', (column) => column.notNull())
        .addColumn('username', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('group_members_key', ['username', 'group_name'])
        .execute();
      await db.schema
        .createTable('roles')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('grants', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('settings')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0005-saved-views-and-rule-notes': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('saved_views')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('query', 'text', (column) => column.notNull())
        .addColumn('is_shared', 'integer', (column) => column.notNull())
        .addColumn('saved_at', 'text', (column) => column.notNull())
        .addUniqueConstraint('saved_views_owner_name', ['owner', 'name'])
        .execute();
      await db.schema
        .alterTable('rule_sets')
        .addColumn('note', 'text', (column) => column.notNull().defaultTo(''))
        .execute();
    },
  },
  '0006-user-certificates': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('user_certificates')
        .addColumn('serial_number', 'text', (column) => column.primaryKey())
        .addColumn('issued_at', 'bigint', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute();
    },
  },
};
