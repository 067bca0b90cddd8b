import type { AccessRule } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { diffRules, findShadow, hasCatchAll, moveRule, parseList } from './rule-list.ts';

const aRule = (name: string, more: Partial<AccessRule> = {}): AccessRule => ({ name, effect: 'allow', ...more });

describe('a rule that can never decide', () => {
  it('is found behind one that covers it', () => {
    const rules = [
      aRule('all of alice', { principal: ['alice'] }),
      aRule('alice lists', { principal: ['alice'], action: ['container_list'] }),
    ];
    expect(findShadow(rules, 1)?.name).toBe('all of alice');
  });

  it('is not claimed behind a rule that only alerts, is off, has a condition or covers less', () => {
    for (const earlier of [
      aRule('x', { effect: 'alert' }),
      aRule('x', { disabled: true }),
      aRule('x', { condition: { readonly: true } }),
      aRule('x', { collections: ['databases'] }),
      aRule('x', { action: ['container_*'] }),
    ]) {
      expect(findShadow([earlier, aRule('last')], 1)).toBeUndefined();
    }
  });

  it('is seen through patterns with a star at the end', () => {
    const rules = [
      aRule('x', { action: ['container_*'] }),
      aRule('y', { action: ['container_start', 'container_exec_*'] }),
    ];
    expect(findShadow(rules, 1)?.name).toBe('x');
  });
});

describe('the catch-all', () => {
  it('is missing when the last rule leaves something open', () => {
    expect(hasCatchAll([aRule('a', { principal: ['alice'] })])).toBe(false);
    expect(hasCatchAll([aRule('a', { principal: ['alice'] }), aRule('rest', { action: ['*'] })])).toBe(true);
  });
});

describe('the diff before saving', () => {
  const before = [aRule('a'), aRule('b'), aRule('c')];

  it('names what was added, removed, changed and renamed', () => {
    const after = [aRule('a', { effect: 'deny' }), aRule('b2', { previousName: 'b' }), aRule('d')];
    expect(diffRules(before, after).map(({ kind, name }) => [kind, name])).toEqual([
      ['removed', 'c'],
      ['changed', 'a'],
      ['changed', 'b2'],
      ['added', 'd'],
    ]);
  });

  it('names moved rules and nothing else after a move', () => {
    expect(diffRules(before, moveRule(before, 0, 2)).map(({ kind, name }) => [kind, name])).toEqual([['moved', 'a']]);
  });

  it('passes over a default that is written out', () => {
    const after = [aRule('a', { action: ['*'], auditAllowed: true, notes: '' }), ...before.slice(1)];
    expect(diffRules(before, after)).toEqual([]);
  });

  it('is empty when nothing changed', () => {
    expect(diffRules(before, [...before])).toEqual([]);
  });
});

describe('a list field', () => {
  it('means everything when empty and keeps each value once', () => {
    expect(parseList(' ')).toEqual(['*']);
    expect(parseList('alice, bob\nalice')).toEqual(['alice', 'bob']);
  });
});
