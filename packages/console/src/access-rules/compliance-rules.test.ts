import type { RuleSet } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

const compatible = '/api/v1/policies/compliance/container';
const native = '/api/dockledger/v1/compliance-rules';
const headers = { 'content-type': 'application/json' };
const put = (console: TestConsole, path: string, body: unknown, method = 'PUT') =>
  console.api.send(path, { method, headers, body: JSON.stringify(body) });
const ruleSet = async (console: TestConsole) => (await console.api.send('/api/dockledger/v1/rules')).json<RuleSet>();

const privileged = { name: 'no privileged', condition: { vulnerabilities: [{ id: 54, block: true }] } };

describe('compliance rules', () => {
  it('are none on a fresh Console, and taken as a whole in the vendor form', async () => {
    await using console = await startTestConsole();
    expect((await console.api.send(compatible)).json()).toMatchObject({ policyType: 'containerCompliance', rules: [] });
    const rules = [
      { ...privileged, effect: 'alert', allCompliance: true, collections: [{ name: 'All' }], blockMsg: 'Ask ops.' },
      { name: 'watch', condition: { vulnerabilities: [{ id: 55 }] } },
    ];
    expect((await put(console, compatible, { policyType: 'containerCompliance', rules })).status).toBe(200);
    expect((await console.api.send(compatible)).json()).toMatchObject({
      rules: [
        { name: 'no privileged', effect: 'alert, block', collections: [{ name: 'All' }], blockMsg: 'Ask ops.' },
        { name: 'watch', effect: 'alert', condition: { vulnerabilities: [{ id: 55, block: false }] } },
      ],
    });
    await put(console, compatible, {});
    expect((await console.api.send(compatible)).json()).toMatchObject({ rules: [] });
  });

  it('share one version with the access rules, and neither save loses the other', async () => {
    await using first = await startTestConsole();
    await put(first, native, { complianceRules: [privileged] });
    await put(first, '/api/dockledger/v1/rules', { accessRules: [{ name: 'a', effect: 'allow' }] });
    await using console = await first.restart();
    expect(await ruleSet(console)).toMatchObject({
      version: 3,
      accessRules: [{ name: 'a' }],
      complianceRules: [{ name: 'no privileged', owner: 'admin' }],
    });
  });

  it('take the collections that they name along, and are announced anew when one changes', async () => {
    await using console = await startTestConsole();
    const shop = { name: 'shop', containers: ['shop-*'] };
    await put(console, '/api/v1/collections', shop, 'POST');
    await put(console, '/api/v1/collections', { name: 'unused', images: ['x'] }, 'POST');
    await put(console, native, { complianceRules: [{ ...privileged, collections: ['shop'] }] });
    expect(await ruleSet(console)).toMatchObject({ version: 2, collections: [shop] });
    expect((await console.api.send('/api/v1/collections/shop', { method: 'DELETE' })).status).toBe(409);
    await put(console, '/api/v1/collections/shop', { name: 'shop', containers: ['store-*'] });
    expect(await ruleSet(console)).toMatchObject({ version: 3, collections: [{ containers: ['store-*'] }] });
  });

  it.each([
    ['a collection that does not exist', { complianceRules: [{ ...privileged, collections: ['nowhere'] }] }, 422],
    ['two rules of one name', { complianceRules: [privileged, privileged] }, 422],
    ['no checks', { complianceRules: [{ name: 'x', condition: {} }] }, 400],
  ])('are refused with %s', async (_what, body, status) => {
    await using console = await startTestConsole();
    expect((await put(console, native, body)).status).toBe(status);
    expect((await ruleSet(console)).version).toBe(1);
  });
});
