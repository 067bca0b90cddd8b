import type { AccessRule } from '@dockledger/contract';
import { defaultRuleSet } from '@dockledger/contract';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CollectionScope } from './collection-scope.ts';
import { compileRules } from './compiled-rules.ts';
import { decide, isFor, type RequestFacts } from './decide.ts';
import { explain } from './explain.ts';
import { actionNames, routes } from './routes.ts';

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const patternList = (...values: readonly string[]) =>
  fc.option(fc.array(pick('*', ...values, ...values.map((value) => `-${value}`)), { minLength: 1, maxLength: 3 }), {
    nil: undefined,
  });

const ruleArbitrary: fc.Arbitrary<AccessRule> = fc
  .record({
    effect: pick<AccessRule['effect']>('allow', 'deny', 'alert'),
    action: patternList('container_create', 'container_*', '*_list', 'docker_ping', 'unknown'),
    principal: patternList('alice', 'bob', 'uid:0', 'container:*', 'al*'),
    group: patternList('devs', 'ops', '*s'),
    collections: fc.option(fc.array(pick('All', 'prod', 'missing'), { minLength: 1, maxLength: 2 }), {
      nil: undefined,
    }),
    readonly: fc.boolean(),
    disabled: fc.boolean(),
    name: fc.uuid(),
  })
  .map(({ action, principal, group, collections, readonly, disabled, ...rest }) => ({
    ...rest,
    ...(action && { action }),
    ...(principal && { principal }),
    ...(group && { group }),
    ...(collections && { collections }),
    ...(readonly && { condition: { readonly } }),
    ...(disabled && { disabled }),
  }));

const collections: readonly CollectionScope[] = [{ name: 'prod', containers: ['prod-*'] }];
const factsArbitrary: fc.Arbitrary<RequestFacts> = fc.record({
  action: pick('container_create', 'container_list', 'docker_ping', 'unknown', 'image_list'),
  class: pick('read', 'write', 'sensitive-read'),
  user: pick('alice', 'bob', ''),
  principals: fc.subarray(['alice', 'bob', 'uid:0', 'uid:1000', 'container:ci']),
  groups: fc.subarray(['devs', 'ops', 'docker']),
  target: fc.record({
    hostname: pick('host-1'),
    containerName: pick('/prod-db', '/web', undefined),
    isUnresolved: fc.boolean(),
  }),
});

describe('decide', () => {
  it('never lets a later rule change what an earlier one decided', () => {
    fc.assert(
      fc.property(
        fc.array(ruleArbitrary, { maxLength: 6 }),
        fc.array(ruleArbitrary, { maxLength: 3 }),
        factsArbitrary,
        (rules, later, facts) => {
          const before = decide(compileRules(rules, { collections }), facts);
          const after = decide(compileRules([...rules, ...later], { collections }), facts);
          if (before.reason === 'no-rule-matched')
            expect(after.findings.slice(0, before.findings.length)).toEqual(before.findings);
          else expect(after).toEqual(before);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('gives what looking at every rule in order gives, so that the index only saves time', () => {
    fc.assert(
      fc.property(fc.array(ruleArbitrary, { maxLength: 10 }), factsArbitrary, (rules, facts) => {
        const compiled = compileRules(rules, { collections });
        const covering = new Set([
          ...compiled.forAction(facts.action).forAll,
          ...[...compiled.forAction(facts.action).byKey.values()].flat(),
        ]);
        const first = compiled.rules.find(
          (rule) => covering.has(rule) && rule.source.effect !== 'alert' && isFor(rule, facts),
        );
        const decision = decide(compiled, facts);
        expect(decision.rule).toBe(first?.source.name ?? 'Default - deny all');
        const { steps } = explain(compiled, facts);
        expect(steps.find((step) => step.verdict === 'decided')?.rule).toBe(first?.source.name);
        expect(steps.filter((step) => step.verdict === 'found').map((step) => step.rule)).toEqual(
          decision.findings.map((finding) => finding.rule),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('allows every action under the shipped rules, and records it', () => {
    const compiled = compileRules(defaultRuleSet.accessRules);
    for (const action of actionNames) {
      const decision = decide(compiled, {
        action,
        class: 'write',
        user: '',
        principals: [],
        groups: [],
        target: { hostname: 'h' },
      });
      expect(decision).toMatchObject({ effect: 'allow', rule: 'Default - allow all', audit: true, findings: [] });
    }
  });

  it.each([
    ['no rule', [], () => 'deny'],
    ['allow', [{ name: 'r', effect: 'allow' }], () => 'allow'],
    [
      'deny',
      [
        { name: 'r', effect: 'deny' },
        { name: 'all', effect: 'allow' },
      ],
      () => 'deny',
    ],
    [
      'alert',
      [
        { name: 'r', effect: 'alert' },
        { name: 'all', effect: 'allow' },
      ],
      () => 'allow',
    ],
    [
      'readonly',
      [{ name: 'r', effect: 'allow', condition: { readonly: true } }],
      (actionClass: string) => (actionClass === 'read' ? 'allow' : 'deny'),
    ],
  ] as const)('decides every route under "%s"', (_what, rules, expected) => {
    const compiled = compileRules(rules);
    for (const route of routes) {
      const facts: RequestFacts = {
        action: route.action,
        class: route.class,
        user: 'alice',
        principals: ['alice'],
        groups: [],
        target: { hostname: 'h' },
      };
      expect(`${route.template} ${decide(compiled, facts).effect}`).toBe(`${route.template} ${expected(route.class)}`);
    }
  });
});
