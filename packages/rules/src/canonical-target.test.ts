import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CanonicalTarget, parseTarget, queryValue, type TargetRefusalCode } from './canonical-target.ts';

function accepted(target: string): CanonicalTarget {
  const result = parseTarget(target);
  if (result.kind !== 'target') throw new Error(`${target}: ${result.code}`);
  return result;
}

describe('parseTarget', () => {
  it('takes the version off the path', () => {
    expect(accepted('/v1.41/containers/json?all=1')).toEqual({
      kind: 'target',
      path: '/containers/json',
      apiMinor: 41,
      query: [{ name: 'all', value: '1' }],
      canonicalTarget: '/v1.41/containers/json?all=1',
    });
    expect(accepted('/_ping')).toMatchObject({ path: '/_ping', apiMinor: undefined, query: [] });
  });

  it.each([
    ['T-01 escaped letters', '/v1.41/%63ontainers/%63reate'],
    ['T-02 an escaped slash', '/v1.41/containers%2Fcreate'],
    ['T-02 an escaped slash behind the version', '/v1.41%2fcontainers/create'],
    ['T-05 a leading zero in the version', '/v01.41/containers/create'],
    ['T-05 trailing zero parts of the version', '/v1.41.0/containers/create'],
  ])('reads %s as the plain create', (_what, target) => {
    expect(accepted(target).canonicalTarget).toBe('/v1.41/containers/create');
  });

  it('reads no version and an old one as themselves (T-05)', () => {
    expect(accepted('/containers/create').apiMinor).toBeUndefined();
    expect(accepted('/v1.12/containers/create').apiMinor).toBe(12);
  });

  const refusals: readonly (readonly [TargetRefusalCode, string])[] = [
    ['path-elements', '//v1.41/containers/create'],
    ['path-elements', '/v1.41//containers/create'],
    ['path-elements', '/v1.41/images/../containers/create'],
    ['path-elements', '/v1.41/images/%2e%2e/containers/create'],
    ['path-elements', '/v1.41/./containers/create'],
    ['path-elements', '/v1.41/containers/%2E/json'],
    ['path-elements', '/containers/..'],
    ['path-elements', '%2F_ping'],
    ['path-elements', '_ping'],
    ['path-elements', ''],
    ['path-elements', '/containers/x%2F%2Fjson'],
    ['version', '/v.1.41/info'],
    ['version', '/v1/info'],
    ['version', '/v2/info'],
    ['version', '/v2.1/info'],
    ['version', '/v1.410/info'],
    ['version', '/v1.41.7/info'],
    ['version', '/v1./info'],
    ['version', '/v./info'],
    ['path-character', '/v1.41/containers\\create'],
    ['path-character', '/v1.41/containers/create#x'],
    ['path-character', '/containers/"a"/json'],
    ['path-character', '/containers/{a}/json'],
    ['path-character', '/containers/a%00/json'],
    ['path-character', '/containers/a%0a/json'],
    ['path-character', '/containers/a%0D/json'],
    ['path-character', '/containers/a%09/json'],
    ['path-character', '/containers/a%7f/json'],
    ['path-escape', '/containers/a%zz/json'],
    ['path-escape', '/containers/a%2'],
    ['path-escape', '/containers/a%'],
    ['path-escape', '/containers/%ff/json'],
    ['path-escape', '/containers/%c0%af/json'],
    ['path-escape', '/containers/%ed%a0%80/json'],
    ['query-character', '/info?a=1;b=2'],
    ['query-character', '/info?a=1#b'],
    ['query-character', '/info?a=%00'],
    ['query-escape', '/info?a=%zz'],
    ['query-escape', '/info?%=1'],
    ['query-escape', '/info?a=%ff'],
    ['query-duplicate', '/images/create?fromImage=a&fromImage=b'],
    ['query-duplicate', '/images/create?fromImage=a&from%49mage=b'],
    ['query-count', `/info?${Array.from({ length: 257 }, (_, n) => `a${n}=1`).join('&')}`],
  ];
  it.each(refusals.map(([code, target]) => ({ code, target: target.slice(0, 60), whole: target })))(
    'refuses $target as $code (T-04 to T-10)',
    ({ code, whole }) => {
      expect(parseTarget(whole)).toMatchObject({ kind: 'refusal', status: 400, code });
    },
  );

  it('never folds case and keeps a trailing slash, so that the engine answers 404 as it would (T-06)', () => {
    for (const target of ['/V1.41/info', '/v1.41/Containers/Create', '/v1.41/containers/create/']) {
      expect(accepted(target).canonicalTarget).toBe(target);
    }
    expect(accepted('/V1.41/info').path).toBe('/V1.41/info');
  });

  it('decodes once: a doubly escaped dot stays a name (T-07)', () => {
    const target = accepted('/containers/%252e/json');
    expect(target.path).toBe('/containers/%2e/json');
    expect(target.canonicalTarget).toBe('/containers/%252e/json');
  });

  it('keeps query names case-sensitive, equal doubles once and list parameters all (T-10)', () => {
    const target = accepted('/images/create?FromImage=x&fromImage=a&fromImage=a&changes=A&changes=B');
    expect(queryValue(target.query, 'fromImage')).toBe('a');
    expect(target.canonicalTarget).toBe('/images/create?FromImage=x&fromImage=a&changes=A&changes=B');
  });

  it('reads what a JSON filter looks like when it is sent unescaped', () => {
    const target = accepted('/containers/json?filters={"name":["web"]}');
    expect(queryValue(target.query, 'filters')).toBe('{"name":["web"]}');
    expect(target.canonicalTarget).toBe('/containers/json?filters=%7B%22name%22%3A%5B%22web%22%5D%7D');
  });

  it('gives the same path and query when what it forwards is read again', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '%2F',
        '%252e',
        '.',
        '..',
        'v1.41',
        'containers',
        '%20',
        '+',
        '%2B',
        '%c3%a9',
        'a b',
        '~',
        '!',
      ),
      fc.string({ maxLength: 4 }),
    );
    const part = fc.oneof(
      fc.constantFrom('&', '=', '%26', '%3d', '+', '%2b', ';', 't', 'a', '%e2%82%ac'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.array(part, { maxLength: 8 }), (path, query) => {
        const first = parseTarget(`/${path.join('')}?${query.join('')}`);
        if (first.kind !== 'target') return;
        const again = parseTarget(first.canonicalTarget);
        expect(again).toEqual(first);
      }),
      { numRuns: 3_000 },
    );
  });

  it("reads the path and query as WHATWG's decoder does where both have a reading", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'B', '%41', '%2f', '%25', '%c3%a9', '-', '+', '%2B'), { minLength: 1 }),
        (parts) => {
          const text = parts.join('');
          const target = parseTarget(`/x/${text}?k=${text}`);
          if (target.kind !== 'target') return;
          expect(target.path).toBe(`/x/${decodeURIComponent(text)}`);
          expect(queryValue(target.query, 'k')).toBe(new URLSearchParams(`k=${text}`).get('k'));
        },
      ),
    );
  });
});
