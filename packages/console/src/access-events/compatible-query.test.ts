import { isAppError } from '@dockledger/contract/error-code';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCompatibleQuery, resolveCommas } from './compatible-query.ts';

const parse = (text: string, version = '33.01') => parseCompatibleQuery(text, version);
const at = (text: string) => Date.parse(text);

function refusal(text: string, version?: string): string {
  try {
    parse(text, version);
  } catch (error) {
    if (isAppError(error, 'bad_parameter')) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('query of the compatible audits', () => {
  it('asks for the newest 50 of the compatible types when nothing is given', () => {
    expect(parse('')).toEqual({
      values: { type: ['docker', 'sshd', 'sudo', 'kubernetes'] },
      sort: { by: 'time', direction: 'descending' },
      offset: 0,
      limit: 50,
      ignored: [],
    });
  });

  it('treats empty values as absent', () => {
    const empty = 'offset=&limit=&sort=&reverse=&from=&to=&type=&ruleName=&api=&hostname=&user=&allow=&cluster=&user=,';
    expect(parse(empty)).toEqual(parse(''));
  });

  it.each([
    ['2022-11-15T15:23:57Z', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15T15:23:57.5Z', '2022-11-15T15:23:57.500Z'],
    ['2022-11-15T15:23:57.000Z', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15T15:23:57%2B00:00', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15T15:23:57+00:00', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15T17:23:57%2B0200', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15T10:23:57-05:00', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15t15:23:57z', '2022-11-15T15:23:57.000Z'],
    ['2022-11-15 15:23:57.123456', '2022-11-15T15:23:57.124Z'],
    ['2022-11-15', '2022-11-15T00:00:00.000Z'],
  ])('reads from=%s', (sent, meant) => {
    expect(parse(`from=${sent}`).fromMs).toBe(at(meant));
  });

  it('includes the whole day when `to` is a date alone, and cuts what is finer than milliseconds', () => {
    expect(parse('to=2022-11-15').toMs).toBe(at('2022-11-15T23:59:59.999Z'));
    expect(parse('to=2022-11-15T15:23:57.1239Z').toMs).toBe(at('2022-11-15T15:23:57.123Z'));
  });

  it('reads every instant that a program prints as that instant', () => {
    const day = 86_400_000;
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (date, offset) => {
          const sign = offset < 0 ? '-' : '+';
          const zone = `${sign}${String(Math.trunc(Math.abs(offset) / 60)).padStart(2, '0')}:${String(Math.abs(offset) % 60).padStart(2, '0')}`;
          const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
          expect(parse(`from=${local}${zone}&to=${encodeURIComponent(local + zone)}`)).toMatchObject({
            fromMs: date.getTime(),
            toMs: date.getTime(),
          });
          expect(parse(`from=${date.toISOString().slice(0, 10)}`).fromMs).toBe(Math.floor(date.getTime() / day) * day);
        },
      ),
    );
  });

  it.each([
    ['True', true],
    ['true', true],
    ['1', true],
    ['FALSE', false],
    ['0', false],
    ['false', false],
  ])('reads reverse=%s and allow=%s alike', (word, value) => {
    expect(parse(`reverse=${word}`).sort.direction).toBe(value ? 'ascending' : 'descending');
    expect(parse(`allow=${word}`).allow).toBe(value);
  });

  it('sorts ascending by any field or column name, and turns around with reverse', () => {
    expect(parse('sort=time').sort).toEqual({ by: 'time', direction: 'ascending' });
    expect(parse('sort=time&reverse=true').sort).toEqual({ by: 'time', direction: 'descending' });
    expect(parse('sort=Source%20IP').sort.by).toBe('sourceIP');
    expect(parse('sort=rule').sort.by).toBe('ruleName');
    expect(parse('sort=accountID').sort.by).toBe('accountID');
  });

  it('clamps limit at 250 and takes any offset', () => {
    expect(parse('limit=250').limit).toBe(250);
    expect(parse('limit=100000').limit).toBe(250);
    expect(parse('offset=99999999999999999999').offset).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=ten',
    'limit=1.5',
    'limit=1e2',
    'offset=-1',
    'offset=x',
    'sort=nothing',
    'sort=constructor',
    'reverse=maybe',
    'allow=yes',
    'from=yesterday',
    'from=2022-13-01',
    'to=2022-02-30',
    'to=2022-01-01T25:00:00Z',
    'from=2022-01-01T00:00:00%2B99:00',
  ])('refuses %s and names parameter and value', (sent) => {
    const [name = '', value = ''] = sent.split('=');
    expect(refusal(sent)).toContain(`Parameter ${name} is "${decodeURIComponent(value)}"`);
  });

  it('takes the first value of a repeated scalar and all values of a repeated list', () => {
    expect(parse('limit=5&limit=7').limit).toBe(5);
    expect(parse('user=alice&user=bob').values.user).toEqual(['alice', 'bob']);
  });

  it('ignores what it does not know, and says so', () => {
    expect(parse('{}=&user[]=x&foo=1&project=Central+Console&').ignored).toEqual(['{}', 'user[]', 'foo']);
  });

  it('knows search, collections, accountIDs and fields where the version of the path had them', () => {
    const older = 'search=x&collections=web&accountIDs=1&fields=user,time&provider=aws';
    for (const version of ['1', '21.08', '31.00']) {
      expect(parse(older, version)).toMatchObject({
        text: 'x',
        fields: ['user', 'time'],
        values: { collections: ['web'], accountID: ['1'] },
        ignored: ['provider'],
      });
    }
    expect(parse(older, '31.01').ignored).toEqual(['search', 'collections', 'accountIDs', 'fields', 'provider']);
  });

  it('never throws anything but a refusal that names the parameter', () => {
    const names = fc.constantFrom(
      'offset',
      'limit',
      'sort',
      'reverse',
      'from',
      'to',
      'type',
      'user',
      'allow',
      'search',
      'fields',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.string({ unit: 'binary' }))), (pairs) => {
        const text = new URLSearchParams(
          pairs.map(([name, value]): [string, string] => [name, value.toWellFormed()]),
        ).toString();
        expect(refusal(text, '1')).toMatch(/^accepted$|^Parameter (?:offset|limit|sort|reverse|from|to|allow) is "/);
      }),
    );
  });
});

describe('commas in values', () => {
  it('mean one name when the whole name is on record, else a list', async () => {
    const onRecord = new Set(['deny, then ask']);
    const resolved = await resolveCommas(
      { ruleName: ['deny, then ask', 'a, b'], user: ['alice'] },
      async (_column, value) => onRecord.has(value),
    );
    expect(resolved).toEqual({ ruleName: ['deny, then ask', 'a', 'b'], user: ['alice'] });
  });
});
