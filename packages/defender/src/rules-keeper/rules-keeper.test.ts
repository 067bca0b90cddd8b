import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { openRulesKeeper } from './rules-keeper.ts';

const refuseAll = { version: 7, accessRules: [{ name: 'none', effect: 'deny' as const }] };

describe('rules in force', () => {
  it('are the default ones before a Console has been heard', async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    expect(keeper.version).toBe(0);
    expect(keeper.current.rules.map((rule) => rule.source.name)).toEqual(['Default - allow all']);
  });

  it('survive a start without the Console', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'rules.json');
    await (await openRulesKeeper(path, () => {})).apply(refuseAll);
    const again = await openRulesKeeper(path, () => {});
    expect(again.version).toBe(7);
    expect(again.current.rules.map((rule) => rule.source.name)).toEqual(['none']);
  });

  it('stay when a new set does not validate', async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    await keeper.apply(refuseAll);
    await expect(keeper.apply({ version: 8, accessRules: [{ name: 'x', effect: 'perhaps' }] })).rejects.toThrow(
      /refused/,
    );
    expect(keeper.version).toBe(7);
  });

  it('refuse everything when the file is damaged, for nobody knows what was allowed', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'rules.json');
    await writeFile(path, '{"version":3,"accessRu');
    const warnings: string[] = [];
    const keeper = await openRulesKeeper(path, (text) => warnings.push(text));
    expect(keeper.current.rules).toEqual([]);
    expect(keeper.version).toBe(0);
    expect(warnings).toHaveLength(1);
  });

  it('are access and compliance rules with the collections that both name', async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    await keeper.apply({
      version: 2,
      accessRules: [{ name: 'shop only', effect: 'allow', collections: ['shop'] }],
      complianceRules: [
        { name: 'safe', collections: ['shop'], condition: { vulnerabilities: [{ id: 54, block: true }] } },
      ],
      collections: [{ name: 'shop', containers: ['shop-*'] }],
    });
    expect(keeper.compliance.hasBlocking).toBe(true);
    expect(keeper.current.rules[0]).toMatchObject({ hasUnknownCollection: false, scopes: [{ name: 'shop' }] });
    const again = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    expect(again.compliance.rules).toHaveLength(1);
  });

  it("leave BuildKit's tunnels to rules that name them while a compliance rule blocks", async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    const covering = () => keeper.current.forAction('buildkit_grpc').forAll.map(({ source }) => source.name);
    expect(covering()).toEqual(['Default - allow all']);
    await keeper.apply({
      version: 2,
      accessRules: [
        { name: 'all', effect: 'allow' },
        { name: 'builders', effect: 'allow', action: ['buildkit_grpc'] },
      ],
      complianceRules: [{ name: 'safe', condition: { vulnerabilities: [{ id: 54, block: true }] } }],
    });
    expect(covering()).toEqual(['builders']);
  });

  it('tell whether people differ, so that nobody may start the exec of another (T-53)', async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    const all = { name: 'all', effect: 'allow' as const };
    const differs = async (...accessRules: object[]) => {
      await keeper.apply({ version: 1, accessRules });
      return keeper.distinguishesPeople;
    };
    expect(await differs(all)).toBe(false);
    expect(await differs({ ...all, principal: ['*'], group: ['*'], action: ['container_*'] })).toBe(false);
    expect(await differs({ name: 'off', effect: 'deny', disabled: true }, all)).toBe(false);
    expect(await differs({ name: 'no', effect: 'deny' }, all)).toBe(true);
    expect(await differs({ name: 'hm', effect: 'alert' }, all)).toBe(true);
    expect(await differs({ ...all, principal: ['alice'] })).toBe(true);
    expect(await differs({ ...all, group: ['devs'] })).toBe(true);
  });

  it('refuse a caller without a name by rules for anybody, and allow by none for certain people', async () => {
    await using dir = await createTempDir();
    const keeper = await openRulesKeeper(join(dir.path, 'rules.json'), () => {});
    await keeper.apply({
      version: 1,
      accessRules: [
        { name: 'for alice', effect: 'allow', principal: ['alice'] },
        { name: 'not bob', effect: 'deny', principal: ['bob'], group: ['ops'] },
      ],
    });
    expect(keeper.forUnknownCallers.rules.map(({ source }) => source.principal)).toEqual([['alice'], ['*']]);
    expect(keeper.current.rules.map(({ source }) => source.principal)).toEqual([['alice'], ['bob']]);
  });

  it('bring revoked certificates along, also over a start', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'rules.json');
    await (await openRulesKeeper(path, () => {})).apply({ ...refuseAll, revokedCertificates: ['0a1b'] });
    const again = await openRulesKeeper(path, () => {});
    expect([again.isRevoked('0a1b'), again.isRevoked('0a1c')]).toEqual([true, false]);
  });
});
