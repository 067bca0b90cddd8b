import { describe, expect, it } from 'vitest';
import { toTerm } from './event-filter.ts';
import { matchesPattern, toReachFilter } from './rule-reach.ts';

const seen = { users: ['alice', 'bob'], actions: ['container_start', 'container_stop', 'image_list'] };

describe('what a rule would have matched', () => {
  it('is asked for by the seen values that its patterns match', () => {
    const rule = { name: 'x', effect: 'deny' as const, principal: ['al*'], action: ['container_*'] };
    expect(toReachFilter(rule, seen)).toEqual([
      toTerm('type', 'docker'),
      toTerm('user', 'alice'),
      toTerm('api', 'container_start'),
      toTerm('api', 'container_stop'),
    ]);
  });

  it('is everything for a rule without lists, and nothing when nobody seen matches', () => {
    expect(toReachFilter({ name: 'x', effect: 'allow' }, seen)).toEqual([toTerm('type', 'docker')]);
    expect(toReachFilter({ name: 'x', effect: 'allow', principal: ['carol'] }, seen)).toBeUndefined();
  });

  it('reads only the star as a pattern', () => {
    expect(matchesPattern('a.c', 'abc')).toBe(false);
    expect(matchesPattern('container_*_start', 'container_exec_start')).toBe(true);
  });
});
