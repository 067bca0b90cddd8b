import { describe, expect, it } from 'vitest';
import { planImport } from './import-plan.ts';

describe('the plan of an import', () => {
  it('puts what is named before what names it, whatever the order of the export', () => {
    const plan = planImport({
      policy: { policyType: 'docker', rules: [{ name: 'web', effect: 'allow', collections: [{ name: 'web' }] }] },
      groups: [{ groupName: 'people', user: [{ username: 'olga' }] }],
      users: [{ username: 'olga', role: 'auditor', authType: 'basic', password: 'x' }],
      collections: [{ name: 'web', containers: ['web*'] }],
      roles: [{ name: 'reader', perms: [{ name: 'user', readWrite: true }] }],
    });
    expect(plan.steps.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'collection web',
      'role reader',
      'user olga',
      'group people',
      'rules rules',
    ]);
  });

  it('takes the bare answers of the routes', () => {
    expect(planImport([{ name: 'web', images: ['*'] }]).steps).toHaveLength(1);
    expect(planImport({ labels: ['team'] }).steps[0]?.kind).toBe('custom labels');
    expect(planImport({ policyType: 'containerCompliance', rules: [] }).steps[0]?.kind).toBe('compliance rules');
    expect(planImport(null)).toEqual({ steps: [], notes: [] });
  });

  it('leaves out what is built in or has no counterpart, and says so', () => {
    const { steps, notes } = planImport([
      { name: 'All', system: true, containers: ['*'] },
      { name: 'admin', system: true, perms: [] },
      { username: 'ldap-user', authType: 'ldap', role: 'ci' },
      { policyType: 'containerRuntime', rules: [] },
      { name: 'apps', containers: ['*'], functions: ['f'] },
      { policyType: 'docker', rules: [{ name: 'r', effect: 'deny', alertThreshold: { enabled: true } }] },
      { odd: 1 },
    ]);
    expect(steps.map(({ id }) => id)).toEqual(['apps', 'rules']);
    expect(notes.join('\n')).toMatch(
      /All.*\n.*admin.*\n.*ldap.*\n.*containerRuntime.*\n.*functions.*\n.*alertThreshold/,
    );
    expect(notes.at(-1)).toContain('Not understood');
  });
});
