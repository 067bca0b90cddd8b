// What every control store promises, as tests that each adapter runs: the same answers from SQLite and PostgreSQL.
import { defaultRuleSet } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import type { Group } from '../../users/group-store.ts';
import type { User } from '../../users/user-store.ts';
import type { ControlStore } from '../sql/control-store.ts';

const aUser = (overrides: Partial<User> = {}): User => ({
  username: 'olga',
  role: 'auditor',
  passwordHash: '$argon2id$x',
  credentialsVersion: 1,
  collections: ['web', "O'Brien; --"],
  ...overrides,
});
const aGroup = (overrides: Partial<Group> = {}): Group => ({
  name: 'people',
  kind: 'local',
  role: '',
  members: ['olga'],
  collections: ['web'],
  owner: 'admin',
  lastModified: '2026-11-23T10:00:00.000Z',
  ...overrides,
});

/** Runs the suite. `reopen` opens the same store again after `close`; `open` an empty one. */
export function describeControlStore(
  adapter: string,
  open: () => Promise<{ readonly store: ControlStore; readonly reopen: () => Promise<ControlStore> }>,
): void {
  describe(`control store on ${adapter}`, () => {
    it('keeps everything over a restart, and migrates only once', async () => {
      const { store, reopen } = await open();
      expect(store.isNew).toBe(true);
      await store.users.save(aUser());
      await store.groups.save(aGroup());
      await store.roles.save({ name: 'reader', description: 'reads', grants: new Map([['user', 'write']]) });
      await store.settings.save('logon', { sessionTimeoutSec: 60 });
      await store.collections.save({ name: 'web', containers: ['web*'] });
      await store.ruleSets.add({ ruleSet: defaultRuleSet, savedAt: '2026-11-23T10:00:00.000Z', savedBy: 'system' });
      await store.close();
      const again = await reopen();
      try {
        expect(again.isNew).toBe(false);
        expect(await again.users.list()).toEqual([aUser()]);
        expect(await again.groups.list()).toEqual([aGroup()]);
        expect(await again.roles.byName('reader')).toEqual({
          name: 'reader',
          description: 'reads',
          grants: new Map([['user', 'write']]),
        });
        expect(await again.settings.load('logon')).toEqual({ sessionTimeoutSec: 60 });
        expect(await again.collections.list()).toEqual([{ name: 'web', containers: ['web*'] }]);
        expect((await again.ruleSets.newest())?.ruleSet).toEqual(defaultRuleSet);
      } finally {
        await again.close();
      }
    });

    it('replaces a user of the same name, tells names apart by case, and removes one with their memberships', async () => {
      const { store } = await open();
      try {
        await store.users.save(aUser());
        await store.users.save(aUser({ role: 'ci', credentialsVersion: 2, collections: [] }));
        await store.users.save(aUser({ username: 'Olga' }));
        expect((await store.users.byName('olga'))?.role).toBe('ci');
        expect((await store.users.list()).map(({ username }) => username)).toEqual(['Olga', 'olga']);
        await store.groups.save(aGroup());
        expect(await store.users.remove('olga')).toBe(true);
        expect(await store.users.remove('olga')).toBe(false);
        expect(await store.users.byName('olga')).toBeUndefined();
        expect((await store.groups.byName('people'))?.members).toEqual([]);
      } finally {
        await store.close();
      }
    });

    it('tells the groups of a user, whose members change as a whole', async () => {
      const { store } = await open();
      try {
        await store.groups.save(aGroup({ name: 'b', members: ['olga', 'alice'] }));
        await store.groups.save(aGroup({ name: 'a', members: ['olga'] }));
        await store.groups.save(aGroup({ name: 'c', members: [] }));
        expect((await store.groups.ofUser('olga')).map(({ name }) => name)).toEqual(['a', 'b']);
        await store.groups.save(aGroup({ name: 'b', members: ['alice'], role: 'ci' }));
        expect((await store.groups.ofUser('olga')).map(({ name }) => name)).toEqual(['a']);
        expect(await store.groups.byName('b')).toEqual(aGroup({ name: 'b', members: ['alice'], role: 'ci' }));
        expect(await store.groups.remove('b')).toBe(true);
        expect(await store.groups.remove('b')).toBe(false);
        expect(await store.groups.ofUser('alice')).toEqual([]);
      } finally {
        await store.close();
      }
    });

    it('takes one of two writers of the same version of the rules', async () => {
      const { store } = await open();
      try {
        const at = { savedAt: '2026-11-23T10:00:00.000Z', savedBy: 'system' };
        await store.ruleSets.add({ ruleSet: defaultRuleSet, ...at });
        const next = { ruleSet: { ...defaultRuleSet, version: defaultRuleSet.version + 1 }, ...at };
        const results = await Promise.allSettled([store.ruleSets.add(next), store.ruleSets.add(next)]);
        expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect((await store.ruleSets.history(10)).map(({ ruleSet }) => ruleSet.version)).toEqual([
          defaultRuleSet.version + 1,
          defaultRuleSet.version,
        ]);
      } finally {
        await store.close();
      }
    });

    it('takes its own backup back: removed things return, sign-ins end, what was revoked since stays revoked', async () => {
      const { store } = await open();
      try {
        const at = { savedAt: '2026-11-23T10:00:00.000Z', savedBy: 'system' };
        const defender = {
          defenderId: 'host-1',
          name: 'host-1',
          cluster: '',
          labels: {},
          enrolledAt: 1,
          certificateExpiresAt: 2,
          refuseIssuedUntil: 0,
          revokedAt: undefined,
          lastSeenAt: 1,
          hostname: 'host-1',
        };
        await store.users.save(aUser({ username: 'root', role: 'admin', credentialsVersion: 7 }));
        await store.users.save(aUser());
        await store.groups.save(aGroup());
        await store.ruleSets.add({ ruleSet: defaultRuleSet, ...at });
        await store.defenders.save(defender);
        const backup = await store.backups.dump();
        await store.users.remove('olga');
        await store.groups.remove('people');
        await store.ruleSets.add({ ruleSet: { version: defaultRuleSet.version + 1, accessRules: [] }, ...at });
        await store.defenders.save({ ...defender, revokedAt: 1_795_428_000_000 });
        await store.backups.restore(JSON.parse(JSON.stringify(backup)), 'root');
        expect(await store.groups.ofUser('olga')).toEqual([aGroup()]);
        expect((await store.users.byName('root'))?.credentialsVersion).toBeGreaterThan(7);
        expect((await store.ruleSets.newest())?.ruleSet).toEqual({
          ...defaultRuleSet,
          version: defaultRuleSet.version + 2,
        });
        expect((await store.defenders.list())[0]?.revokedAt).toBe(1_795_428_000_000);
        await expect(store.backups.restore({ ...backup, tables: {} }, 'root')).rejects.toThrow('administrator');
        expect(await store.users.list()).toHaveLength(2);
      } finally {
        await store.close();
      }
    });

    it('remembers a revoked token until it would have expired, and times beyond 32 bits', async () => {
      const { store } = await open();
      try {
        const farAway = 32_503_680_000;
        await store.revokedTokens.revoke('one', farAway);
        await store.revokedTokens.revoke('one', farAway);
        expect([await store.revokedTokens.isRevoked('one'), await store.revokedTokens.isRevoked('two')]).toEqual([
          true,
          false,
        ]);
        const defender = {
          defenderId: 'host-1',
          name: 'host-1',
          cluster: '',
          labels: { tier: 'web' },
          enrolledAt: 1_795_428_000_000,
          certificateExpiresAt: 1_803_204_000_000,
          refuseIssuedUntil: 0,
          revokedAt: undefined,
          lastSeenAt: 1_795_428_000_001,
          hostname: 'host-1',
        };
        await store.defenders.save(defender);
        expect(await store.defenders.list()).toEqual([defender]);
      } finally {
        await store.close();
      }
    });
  });
}
