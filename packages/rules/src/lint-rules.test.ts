import { type AccessRule, defaultRuleSet } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { lintComplianceRules, lintRules } from './lint-rules.ts';

const allowAll: AccessRule = { name: 'all', effect: 'allow' };
const codes = (rules: readonly AccessRule[], collections?: readonly string[]) =>
  lintRules(rules, collections).map((issue) => `${issue.severity} ${issue.code} ${issue.rule}`);

describe('lintRules', () => {
  it('finds nothing in the shipped list', () => {
    expect(lintRules(defaultRuleSet.accessRules)).toEqual([]);
  });

  it('finds two rules of one name', () => {
    expect(
      codes([
        { name: 'a', effect: 'deny', action: ['docker_info'] },
        { ...allowAll, name: 'a' },
      ]),
    ).toEqual(['error duplicate-name a']);
  });

  const broken: readonly (readonly [string, Partial<AccessRule>, string])[] = [
    ['a star in the middle', { action: ['container_*_start'] }, 'bad-pattern'],
    ['an empty exclusion', { principal: ['*', '-'] }, 'bad-pattern'],
    ['a blank at the end', { group: ['devs '] }, 'bad-pattern'],
    ['an action that does not exist', { action: ['container_creat'] }, 'never-matches'],
    ['a wildcard that no action fits', { action: ['pod_*'] }, 'never-matches'],
    ['an exclusion that takes all away', { principal: ['alice', '-al*'] }, 'never-matches'],
    ['exclusions only', { principal: ['-bob'] }, 'never-matches'],
    ['an empty list', { action: [] }, 'empty-list'],
    ['no collections', { collections: [] }, 'empty-list'],
    ['a collection that does not exist', { collections: ['prod'] }, 'unknown-collection'],
    ['a bad device pattern', { principal: ['alice'], condition: { device: '/a*b' } }, 'bad-pattern'],
  ];
  it.each(broken)('refuses %s', (_what, fields, code) => {
    expect(codes([{ name: 'r', effect: 'allow', ...fields }, allowAll], [])).toEqual([`error ${code} r`]);
  });

  it('warns of a rule that an earlier one always beats', () => {
    const earlier: AccessRule = { name: 'no containers', effect: 'deny', action: ['container_*'], group: ['*'] };
    const later: AccessRule = {
      name: 'alice may',
      effect: 'allow',
      action: ['container_create'],
      principal: ['alice'],
    };
    expect(codes([earlier, later, allowAll])).toEqual(['warning shadowed alice may']);
    expect(codes([{ ...earlier, effect: 'alert' }, later, allowAll])).toEqual([]);
    expect(codes([{ ...earlier, disabled: true }, later, allowAll])).toEqual([]);
    expect(codes([{ ...earlier, action: ['container_*', '-container_create'] }, later, allowAll])).toEqual([]);
    expect(codes([{ ...earlier, collections: ['prod'] }, later, allowAll], ['prod'])).toEqual([]);
  });

  it('warns of a list that does not end in a rule for everything', () => {
    expect(codes([])).toEqual(['warning no-catch-all ']);
    expect(codes([{ name: 'a', effect: 'allow', principal: ['alice'] }])).toEqual(['warning no-catch-all ']);
    expect(codes([{ ...allowAll, disabled: true }])).toEqual(['warning no-catch-all ']);
  });

  it('warns of a condition on a deny rule', () => {
    expect(
      codes([{ name: 'd', effect: 'deny', action: ['docker_info'], condition: { readonly: true } }, allowAll]),
    ).toEqual(['warning condition-without-effect d']);
  });
});

describe('lintComplianceRules', () => {
  const rule = (name: string, ids: readonly number[], collections?: string[]) => ({
    name,
    condition: { vulnerabilities: ids.map((id) => ({ id, block: true })) },
    ...(collections && { collections }),
  });

  it('finds what could not do what it says', () => {
    const issues = lintComplianceRules(
      [rule('a', [54, 54]), rule('a', [41], ['gone']), rule('c', [55], ['web'])],
      ['web'],
    );
    expect(issues.map((issue) => `${issue.severity} ${issue.code} ${issue.rule}`)).toEqual([
      'error repeated-check a',
      'error duplicate-name a',
      'error unknown-collection a',
      'warning unknown-check a',
      'warning shadowed a',
      'warning shadowed c',
    ]);
  });

  it('finds nothing in a list from narrow to wide', () => {
    expect(lintComplianceRules([rule('web', [54], ['web']), rule('all', [531])], ['web'])).toEqual([]);
  });
});
