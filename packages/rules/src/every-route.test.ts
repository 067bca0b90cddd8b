import type { AccessRule } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { compileRules } from './compiled-rules.ts';
import { type AccessDecision, decide } from './decide.ts';
import { type Route, routes } from './routes.ts';

const judge = (rules: readonly AccessRule[], route: Route): AccessDecision =>
  decide(compileRules(rules), {
    action: route.action,
    class: route.class,
    user: 'alice',
    principals: ['alice'],
    groups: [],
    target: { hostname: 'h' },
  });

/** Effect, rule and number of findings. */
const verdict = (rules: readonly AccessRule[], route: Route): string => {
  const { effect, rule, findings } = judge(rules, route);
  return `${effect} ${rule} ${findings.length}`;
};

describe('every route of both engine versions', () => {
  it.each(routes.map((route) => [`${route.method} ${route.template}`, route] as const))('%s', (_line, route) => {
    const action = [route.action];
    const rest: AccessRule = { name: 'rest', effect: 'allow' };
    expect(verdict([], route)).toBe('deny Default - deny all 0');
    expect(verdict([{ name: 'it', effect: 'allow', action }], route)).toBe('allow it 0');
    expect(verdict([{ name: 'it', effect: 'deny', action }, rest], route)).toBe('deny it 0');
    expect(verdict([{ name: 'it', effect: 'alert', action }, rest], route)).toBe('allow rest 1');
    expect(verdict([{ name: 'others', effect: 'deny', action: [`-${route.action}`] }, rest], route)).toBe(
      'allow rest 0',
    );
    const readOnly: AccessRule = { name: 'it', effect: 'allow', condition: { readonly: true } };
    expect(verdict([readOnly, rest], route)).toBe(`${route.class === 'read' ? 'allow' : 'deny'} it 0`);
  });
});
