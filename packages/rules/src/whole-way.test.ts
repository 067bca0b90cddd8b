import type { AccessRule, ComplianceRule } from '@dockledger/contract';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicaliseBody } from './canonical-body.ts';
import { parseTarget } from './canonical-target.ts';
import { classify } from './classify.ts';
import { compileRules } from './compiled-rules.ts';
import { compileComplianceRules, evaluateCompliance } from './compliance/evaluate.ts';
import { toWorkload } from './compliance/workload.ts';
import { decide } from './decide.ts';
import { hostPathsOf } from './host-mounts.ts';
import { parseRequestHead } from './request-head.ts';

const accessRules: readonly AccessRule[] = [
  { name: 'no prune', effect: 'deny', action: ['*_prune'] },
  { name: 'data only', effect: 'allow', action: ['container_create'], condition: { device: '/srv/*' } },
  { name: 'look', effect: 'allow', condition: { readonly: true } },
];
const complianceRules: readonly ComplianceRule[] = [
  { name: 'safe', condition: { vulnerabilities: [54, 55, 59, 531].map((id) => ({ id, block: true })) } },
];
const rules = compileRules(accessRules);
const compliance = compileComplianceRules(complianceRules);
const target = { hostname: 'h' };

/** What becomes of the bytes of one request: what is forwarded, or why it is not. */
function judge(bytes: Buffer): { readonly forward: string } | { readonly refused: string } {
  const head = parseRequestHead(bytes, 0, bytes.length);
  if (head.kind !== 'head') return { refused: head.kind === 'refusal' ? head.code : 'incomplete' };
  const canonical = parseTarget(head.target);
  if (canonical.kind === 'refusal') return { refused: canonical.code };
  const route = classify(head.method, canonical.path);
  const payload = bytes.subarray(head.headBytes, head.headBytes + head.contentLength);
  const body = route.body === 'json' ? canonicaliseBody(route.action, payload) : undefined;
  if (body?.kind === 'refusal') return { refused: body.code };
  const hostDevices = hostPathsOf(route.action, body?.value);
  const facts = {
    action: route.action,
    class: route.class,
    user: 'alice',
    principals: ['alice'],
    groups: [],
    target,
    hostDevices,
  };
  const decision = decide(rules, facts);
  if (decision.effect === 'deny') return { refused: `${decision.rule} ${decision.reason}` };
  const workload = toWorkload(route.action, body?.value);
  const block = workload && evaluateCompliance(compliance, workload, target).block;
  return block === undefined
    ? { forward: `${head.method} ${canonical.canonicalTarget} ${body?.text ?? ''}` }
    : { refused: `${block.rule} ${block.checks.join()}` };
}

const request = (method: string, path: string, body: string, version = '/v1.41') => {
  const payload = Buffer.from(body);
  const head = `${method} ${version}${path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), payload]);
};

describe('a request, from its bytes to the verdict', () => {
  const calls = [
    ['GET', '/containers/json', ''],
    ['POST', '/containers/prune', ''],
    ['POST', '/volumes/prune', ''],
    ['POST', '/containers/create', '{"Image":"a","HostConfig":{"Privileged":true}}'],
    ['POST', '/containers/create', '{"Image":"a","HostConfig":{"Binds":["/:/host"]}}'],
    ['POST', '/containers/create', '{"Image":"a","HostConfig":{"NetworkMode":"host"}}'],
    ['POST', '/containers/create', '{"Image":"a","HostConfig":{"Binds":["/srv/x:/x"]}}'],
    ['GET', '/containers/a/archive', ''],
    ['POST', '/containers/a/kill', ''],
    ['GET', '/nope', ''],
  ] as const;

  it('is refused and allowed as the rules say when it is written plainly', () => {
    expect(calls.map(([method, path, body]) => judge(request(method, path, body)))).toEqual([
      { forward: 'GET /v1.41/containers/json ' },
      { refused: 'no prune rule' },
      { refused: 'no prune rule' },
      { refused: 'safe 54' },
      { refused: 'data only device' },
      { refused: 'safe 59' },
      { forward: 'POST /v1.41/containers/create {"Image":"a","HostConfig":{"Binds":["/srv/x:/x"]}}' },
      { refused: 'look readonly' },
      { refused: 'look readonly' },
      { refused: 'look readonly' },
    ]);
  });

  it('is never allowed by a trick of encoding when it is refused plainly', () => {
    const random = fc.infiniteStream(fc.nat(1_000));
    const disguise = (text: string, roll: () => number, how: (letter: string, roll: number) => string): string =>
      Array.from(text, (letter) => how(letter, roll() % 5)).join('');
    const pathTrick = (letter: string, roll: number): string => {
      if (roll === 0) return `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;
      return roll === 2 ? letter.toUpperCase() : letter;
    };
    const letterTrick = (letter: string, roll: number, isKey: boolean): string => {
      if (roll === 0) return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
      if (isKey && roll === 1 && /s/i.test(letter)) return '\u017f';
      if (isKey && roll === 1 && /k/i.test(letter)) return '\u212a';
      return isKey && roll === 2 ? letter.toUpperCase() : letter;
    };
    const bodyTrick = (body: string, roll: () => number): string =>
      body.replace(/"([^"]*)"(:?)/g, (_whole, text: string, colon: string) => {
        const written = disguise(text, roll, (letter, how) => letterTrick(letter, how, colon === ':'));
        return `"${written}"${colon}`;
      });
    const version = fc.constantFrom(
      '/v1.41',
      '',
      '/v01.41',
      '/v1.41.0',
      '/%76%31.41',
      '/v1.12',
      'http://x/v1.41',
      '//v1.41',
      '/./v1.41',
    );
    fc.assert(
      fc.property(fc.constantFrom(...calls), random, version, ([method, path, body], stream, prefix) => {
        const roll = (): number => stream.next().value ?? 0;
        const plain = judge(request(method, path, body));
        const odd = judge(request(method, disguise(path, roll, pathTrick), bodyTrick(body, roll), prefix));
        if ('refused' in plain) expect(odd).toHaveProperty('refused');
        // What is forwarded is what was judged: judged again, it is the same.
        if ('forward' in odd) {
          const [verb = '', forwarded = '', ...rest] = odd.forward.split(' ');
          expect(judge(request(verb, forwarded, rest.join(' '), ''))).toEqual(odd);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
