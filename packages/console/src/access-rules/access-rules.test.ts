import { defaultRuleSet, type RuleSet } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

const compatible = '/api/v1/policies/docker';
const native = '/api/dockledger/v1/rules';
const headers = { 'content-type': 'application/json' };

const put = (console: TestConsole, path: string, body: unknown, more: Record<string, string> = {}) =>
  console.api.send(path, { method: 'PUT', headers: { ...headers, ...more }, body: JSON.stringify(body) });

describe('access rules', () => {
  it('allow and record everything on a fresh Console', async () => {
    await using console = await startTestConsole();
    expect((await console.api.send(native)).json()).toEqual(defaultRuleSet);
    expect((await console.api.send(compatible)).json()).toMatchObject({
      policyType: 'docker',
      rules: [{ name: 'Default - allow all', effect: 'allow', action: ['*'], group: ['*'], principal: ['*'] }],
    });
  });

  it('take the whole ordered list in the vendor form, and {} as the empty list', async () => {
    await using console = await startTestConsole();
    const rules = [
      {
        name: 'Block create',
        effect: 'block',
        action: ['container_create'],
        blockMsg: 'Ask ops.',
        collections: [{ name: 'All' }],
        verbose: true,
      },
      { name: 'rest', effect: 'allow', condition: { readonly: true, vulnerabilities: [] } },
    ];
    expect((await put(console, compatible, { policyType: 'docker', rules })).status).toBe(200);
    const { version, accessRules } = (await console.api.send(native)).json<RuleSet>();
    expect(version).toBe(2);
    expect(accessRules).toMatchObject([
      {
        name: 'Block create',
        effect: 'deny',
        action: ['container_create'],
        blockMsg: 'Ask ops.',
        collections: ['All'],
        owner: 'admin',
      },
      { name: 'rest', effect: 'allow', condition: { readonly: true } },
    ]);
    await put(console, compatible, {});
    expect((await console.api.send(native)).json()).toEqual({ version: 3, accessRules: [] });
  });

  it('keep owner and modified of unchanged rules, and follow a rename by previousName', async () => {
    let now = Date.parse('2026-11-23T10:00:00Z');
    await using console = await startTestConsole({}, { now: () => now });
    await put(console, native, {
      accessRules: [
        { name: 'a', effect: 'deny' },
        { name: 'b', effect: 'allow' },
      ],
    });
    now += 1000;
    await put(console, native, {
      accessRules: [
        { name: 'b', effect: 'allow' },
        { name: 'c', previousName: 'a', effect: 'deny' },
      ],
    });
    expect((await console.api.send(native)).json<RuleSet>().accessRules).toEqual([
      { name: 'b', effect: 'allow', owner: 'admin', modified: '2026-11-23T10:00:00.000Z' },
      { name: 'c', effect: 'deny', owner: 'admin', modified: '2026-11-23T10:00:01.000Z' },
    ]);
  });

  it('are not overwritten by who has not seen the newest', async () => {
    await using console = await startTestConsole();
    const { etag } = (await console.api.send(native)).headers;
    const first = await put(
      console,
      native,
      { accessRules: [{ name: 'a', effect: 'deny' }] },
      { 'if-match': String(etag) },
    );
    expect([first.status, first.headers['etag']]).toEqual([200, '"2"']);
    const second = await put(console, native, { accessRules: [] }, { 'if-match': String(etag) });
    expect([second.status, second.json()]).toMatchObject([412, { code: 'precondition_failed' }]);
  });

  it.each([
    [
      'two rules of one name',
      {
        accessRules: [
          { name: 'a', effect: 'deny' },
          { name: 'a', effect: 'allow' },
        ],
      },
      422,
    ],
    ['an effect that does not exist', { accessRules: [{ name: 'a', effect: 'maybe' }] }, 400],
    ['a field that does not exist', { accessRules: [{ name: 'a', effect: 'deny', actions: ['*'] }] }, 400],
    [
      'an action that does not exist',
      { accessRules: [{ name: 'a', effect: 'deny', action: ['container_crate'] }] },
      422,
    ],
    ['a collection that does not exist', { accessRules: [{ name: 'a', effect: 'deny', collections: ['web'] }] }, 422],
    ['no list', {}, 400],
  ])('are refused with %s, and stay as they were', async (_what, body, status) => {
    await using console = await startTestConsole();
    expect((await put(console, native, body)).status).toBe(status);
    expect((await console.api.send(native)).json<RuleSet>().version).toBe(1);
  });

  it('stay in force over a restart, with their history', async () => {
    await using first = await startTestConsole();
    await put(first, native, { accessRules: [{ name: 'a', effect: 'deny' }] });
    await using second = await first.restart();
    expect((await second.api.send(native)).json<RuleSet>()).toMatchObject({ version: 2, accessRules: [{ name: 'a' }] });
    const { versions } = (await second.api.send(`${native}/history`)).json<{
      versions: { version: number; savedBy: string }[];
    }>();
    expect(versions.map(({ version, savedBy }) => [version, savedBy])).toEqual([
      [2, 'admin'],
      [1, 'system'],
    ]);
  });
});
