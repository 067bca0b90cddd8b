// The control store over SQL: users, revoked tokens, rule versions and collections. Implements the features' ports.
import type { AccessRule, RuleSet } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type Dialect, Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { RuleSetStore, RuleSetVersion } from '../../access-rules/rule-set-store.ts';
import type { Collection } from '../../collections/collection.ts';
import type { CollectionStore } from '../../collections/collection-store.ts';
import type { DefenderStore } from '../../defenders/defender-store.ts';
import type { SavedViewStore } from '../../saved-views/saved-view-store.ts';
import type { RevokedTokens } from '../../sessions/revoked-tokens.ts';
import type { ControlBackups } from '../../settings/control-backup.ts';
import type { SettingStore } from '../../settings/setting-store.ts';
import type { UserCertificateStore } from '../../user-certificates/user-certificate-store.ts';
import type { GroupStore } from '../../users/group-store.ts';
import type { RoleStore } from '../../users/role-store.ts';
import type { User, UserStore } from '../../users/user-store.ts';
import { controlMigrations } from './control-migrations.ts';
import type { ControlSchema } from './control-schema.ts';
import { createControlBackups } from './sql-control-backup.ts';
import { createDefenderStore } from './sql-defender-store.ts';
import { createGroupStore } from './sql-group-store.ts';
import { createRoleStore } from './sql-role-store.ts';
import { createSavedViewStore } from './sql-saved-view-store.ts';
import { createSettingStore } from './sql-setting-store.ts';
import { createUserCertificateStore } from './sql-user-certificate-store.ts';

/** The opened control store. */
export interface ControlStore {
  readonly users: UserStore;
  readonly groups: GroupStore;
  readonly roles: RoleStore;
  readonly settings: SettingStore;
  readonly backups: ControlBackups;
  readonly revokedTokens: RevokedTokens;
  readonly ruleSets: RuleSetStore;
  readonly collections: CollectionStore;
  readonly userCertificates: UserCertificateStore;
  readonly savedViews: SavedViewStore;
  readonly defenders: DefenderStore;
  /** True when the store was empty before this opening. */
  readonly isNew: boolean;
  close(): Promise<void>;
}

/** Opens the store and brings it to the newest schema. Throws when a migration fails; nothing is half-migrated then. */
export async function openControlStore(dialect: Dialect, now: () => number = Date.now): Promise<ControlStore> {
  const db = new Kysely<ControlSchema>({ dialect });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...controlMigrations }) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw new AppError('store_unavailable', 'The control store could not be brought to the newest schema.', {
      cause: error,
    });
  }
  const users = createUserStore(db);
  return {
    users,
    groups: createGroupStore(db),
    roles: createRoleStore(db),
    settings: createSettingStore(db),
    backups: createControlBackups(db, now),
    revokedTokens: createRevokedTokens(db, now),
    ruleSets: createRuleSetStore(db),
    collections: createCollectionStore(db),
    userCertificates: createUserCertificateStore(db),
    savedViews: createSavedViewStore(db),
    defenders: createDefenderStore(db),
    isNew:
      (results ?? []).some(({ migrationName }) => migrationName === Object.keys(controlMigrations)[0]) ||
      (await users.list()).length === 0,
    close: () => db.destroy(),
  };
}

function createUserStore(db: Kysely<ControlSchema>): UserStore {
  const toUser = (row: ControlSchema['users']): User => ({
    username: row.username,
    role: row.role,
    passwordHash: row.password_hash,
    credentialsVersion: row.credentials_version,
    collections: JSON.parse(row.collections) as string[],
  });
  return {
    byName: async (username) => {
      const row = await db.selectFrom('users').selectAll().where('username', '=', username).executeTakeFirst();
      return row && toUser(row);
    },
    list: async () => (await db.selectFrom('users').selectAll().orderBy('username').execute()).map(toUser),
    save: async (user) => {
      const row = {
        role: user.role,
        password_hash: user.passwordHash,
        credentials_version: user.credentialsVersion,
        collections: JSON.stringify(user.collections),
      };
      await db
        .insertInto('users')
        .values({ username: user.username, ...row })
        .onConflict((conflict) => conflict.column('username').doUpdateSet(row))
        .execute();
    },
    remove: (username) =>
      db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('group_members').where('username', '=', username).execute();
        const { numDeletedRows } = await transaction
          .deleteFrom('users')
          .where('username', '=', username)
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }),
  };
}

function createRevokedTokens(db: Kysely<ControlSchema>, now: () => number): RevokedTokens {
  return {
    revoke: async (tokenId, expiresAt) => {
      await db
        .deleteFrom('revoked_tokens')
        .where('expires_at', '<', Math.floor(now() / 1000))
        .execute();
      await db
        .insertInto('revoked_tokens')
        .values({ token_id: tokenId, expires_at: expiresAt })
        .onConflict((conflict) => conflict.column('token_id').doNothing())
        .execute();
    },
    isRevoked: async (tokenId) =>
      (await db.selectFrom('revoked_tokens').select('token_id').where('token_id', '=', tokenId).executeTakeFirst()) !==
      undefined,
  };
}

/** Versions from before compliance rules are a bare list of access rules. */
function parseRules(text: string): Pick<RuleSet, 'accessRules' | 'complianceRules'> {
  const stored = JSON.parse(text) as AccessRule[] | Pick<RuleSet, 'accessRules' | 'complianceRules'>;
  return Array.isArray(stored) ? { accessRules: stored } : stored;
}

function createRuleSetStore(db: Kysely<ControlSchema>): RuleSetStore {
  const history = async (limit: number): Promise<readonly RuleSetVersion[]> => {
    const rows = await db.selectFrom('rule_sets').selectAll().orderBy('version', 'desc').limit(limit).execute();
    return rows.map((row) => ({
      ruleSet: { version: row.version, ...parseRules(row.rules) },
      savedAt: row.saved_at,
      savedBy: row.saved_by,
      note: row.note,
    }));
  };
  const newest = async () => (await history(1))[0];
  return {
    newest,
    history,
    add: async ({ ruleSet, savedAt, savedBy, note }) => {
      const current = (await newest())?.ruleSet.version ?? ruleSet.version - 1;
      const conflict = () =>
        new AppError('precondition_failed', 'The rules were changed by somebody else meanwhile. Load them again.', {
          details: { version: current },
        });
      if (ruleSet.version !== current + 1) throw conflict();
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('rule_sets')
        .values({
          version: ruleSet.version,
          rules: JSON.stringify({
            accessRules: ruleSet.accessRules,
            complianceRules: ruleSet.complianceRules,
          }),
          saved_at: savedAt,
          saved_by: savedBy,
          note: note ?? '',
        })
        .onConflict((clash) => clash.column('version').doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows === 0n) throw conflict();
    },
  };
}

function createCollectionStore(db: Kysely<ControlSchema>): CollectionStore {
  return {
    list: async () => {
      const rows = await db.selectFrom('collections').select('body').orderBy('name').execute();
      return rows.map(({ body }) => JSON.parse(body) as Collection);
    },
    save: async (collection) => {
      const body = JSON.stringify(collection);
      await db
        .insertInto('collections')
        .values({ name: collection.name, body })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ body }))
        .execute();
    },
    remove: async (name) => {
      const { numDeletedRows } = await db.deleteFrom('collections').where('name', '=', name).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
