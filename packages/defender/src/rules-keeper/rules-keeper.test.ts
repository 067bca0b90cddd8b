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
});
