import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type AccessEvent, CompatibleRecord, toCompatibleRecord } from '@dockledger/contract';
import * as fc from 'fast-check';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';
import { compareText } from './access-event-columns.ts';

const path = '/api/v33.01/audits/access';
const recordsCheck = Compile(Type.Array(CompatibleRecord));
const start = Date.parse('2026-11-23T10:00:00.000Z');

/** 400 events over some values, some with blanks, commas and quotes; times repeat. */
function someEvents(): AccessEvent[] {
  const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
  return Array.from({ length: 400 }, (_, index) =>
    anEvent({
      seq: index + 1,
      time: new Date(start + ((index * 7919) % 100) * 500).toISOString(),
      type: pick(['docker', 'docker', 'sudo', 'sshd', 'gap'] as const, index),
      api: pick(['container_create', 'container_list', "it's; DROP TABLE --", 'container_exec_create'], index * 3),
      actor: {
        user: pick(['alice', 'bob', 'Ärger', '', 'a,b', '%_*\\'], index * 5),
        sourceIP: pick(['', '10.0.0.1'], index),
      },
      decision: {
        effect: pick(['allow', 'allow', 'deny'] as const, index),
        rule: pick(['Default - allow all', 'no, never', "{x:String}'"], index * 11),
      },
      host: { hostname: pick(['web-1', 'web-2', 'ci'], index * 13), cluster: pick(['', 'east'], index * 17) },
      target:
        index % 3 === 0
          ? { containerName: `/c${index % 5}`, imageName: 'alpine:latest', labels: { n: String(index % 4) } }
          : {},
    }),
  );
}

const listFields = {
  type: 'type',
  ruleName: 'ruleName',
  api: 'api',
  hostname: 'hostname',
  user: 'user',
  cluster: 'cluster',
} as const;
const sortFields = [
  'time',
  'user',
  'api',
  'hostname',
  'ruleName',
  'type',
  'cluster',
  'containerName',
  'imageName',
  'sourceIP',
] as const;

interface Question {
  readonly lists: Partial<Record<keyof typeof listFields, readonly string[]>>;
  readonly allow: boolean | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly sort: (typeof sortFields)[number] | undefined;
  readonly reverse: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** The plain answer: filter, sort, slice. */
function plainAnswer(
  events: readonly AccessEvent[],
  question: Question,
): { readonly total: number; readonly page: CompatibleRecord[] } {
  const rows = events.map((event, ledgerIndex) => ({
    event,
    ledgerIndex,
    record: toCompatibleRecord({ ...event, ledgerIndex, receivedAt: event.time, collections: ['All'] }),
  }));
  const types = question.lists.type ?? ['docker', 'sshd', 'sudo', 'kubernetes'];
  const matching = rows.filter(({ event, record }) => {
    const time = Date.parse(event.time);
    if (question.allow !== undefined && record.allow !== question.allow) return false;
    if (time < (question.from ?? -Infinity) || time > (question.to ?? Infinity)) return false;
    return (Object.entries({ ...question.lists, type: types }) as [keyof typeof listFields, readonly string[]][]).every(
      ([field, values]) => values.includes(record[listFields[field]]),
    );
  });
  type Row = (typeof rows)[number];
  const oldestFirst = (a: Row, b: Row) =>
    Date.parse(a.event.time) - Date.parse(b.event.time) ||
    a.ledgerIndex - b.ledgerIndex ||
    compareText(a.event.id, b.event.id);
  const { sort, reverse } = question;
  const compare = (a: Row, b: Row): number => {
    if (sort === undefined) return reverse ? oldestFirst(a, b) : oldestFirst(b, a);
    if (sort === 'time') return reverse ? oldestFirst(b, a) : oldestFirst(a, b);
    return compareText(a.record[sort], b.record[sort]) * (reverse ? -1 : 1) || oldestFirst(b, a);
  };
  const sorted = matching.toSorted(compare).map(({ record }) => record);
  return { total: sorted.length, page: sorted.slice(question.offset, question.offset + Math.min(question.limit, 250)) };
}

function toQuery(question: Question): string {
  const params = new URLSearchParams();
  for (const [name, values] of Object.entries(question.lists))
    for (const value of values ?? []) params.append(name, value);
  if (question.allow !== undefined) params.set('allow', String(question.allow));
  if (question.from !== undefined) params.set('from', new Date(question.from).toISOString());
  if (question.to !== undefined) params.set('to', new Date(question.to).toISOString());
  if (question.sort !== undefined) params.set('sort', question.sort);
  if (question.reverse) params.set('reverse', 'True');
  params.set('offset', String(question.offset));
  params.set('limit', String(question.limit));
  return params.toString();
}

describe.each(['memory', 'embedded'])('GET audits/access on the %s store', (eventStore) => {
  let console: TestConsole;
  const events = someEvents();
  const values = (field: keyof typeof listFields) =>
    [
      ...new Set(
        events.map(
          (event) =>
            toCompatibleRecord({ ...event, ledgerIndex: 0, receivedAt: event.time, collections: [] })[
              listFields[field]
            ],
        ),
      ),
    ].filter((value) => value !== '');

  beforeAll(async () => {
    console = await startTestConsole({ eventStore });
    const sent = await console.defender().send(events);
    expect(sent.status).toBe(200);
    await console.indexed();
  });
  afterAll(async () => console[Symbol.asyncDispose]());

  it('answers as filtering, sorting and slicing the same events does', async () => {
    const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
    const list = (field: keyof typeof listFields) =>
      fc.subarray([...values(field), 'nobody', "'; SELECT 1"], { minLength: 1, maxLength: 3 });
    const lists = fc.record(
      Object.fromEntries(Object.keys(listFields).map((field) => [field, list(field as keyof typeof listFields)])),
      { requiredKeys: [] },
    );
    const time = fc.integer({ min: start - 1000, max: start + 51_000 });
    const question: fc.Arbitrary<Question> = fc.record({
      lists: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: lists }),
      allow: optional(fc.boolean()),
      from: optional(time),
      to: optional(time),
      sort: optional(fc.constantFrom(...sortFields)),
      reverse: fc.boolean(),
      offset: fc.nat(420),
      limit: fc.integer({ min: 1, max: 300 }),
    });
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const answer = await console.api.send(`${path}?${toQuery(asked)}`);
        const { total, page } = plainAnswer(events, asked);
        expect([answer.status, answer.headers['total-count']]).toEqual([200, String(total)]);
        expect(answer.json()).toEqual(page);
      }),
      { numRuns: eventStore === 'memory' ? 150 : 40 },
    );
  });

  it('takes comma lists and repeated keys, and a comma that is part of a known name', async () => {
    const total = async (query: string) => Number((await console.api.send(`${path}?${query}`)).headers['total-count']);
    const [alice, bob, both] = [await total('user=alice'), await total('user=bob'), await total('user=a%2Cb')];
    expect(await total('user=alice,bob')).toBe(alice + bob);
    expect(await total('user=alice&user=bob')).toBe(alice + bob);
    expect(both).toBeGreaterThan(0);
    expect(await total('user=a,b&user=alice,nobody')).toBe(both + alice);
  });

  it('answers 200, an empty list and the count past the end', async () => {
    const answer = await console.api.send(`${path}?offset=100000`);
    expect([answer.status, answer.text, answer.headers['total-count']]).toEqual([200, '[]', '320']);
    const none = await console.api.send(`${path}?user=nobody`);
    expect([none.status, none.text, none.headers['total-count']]).toEqual([200, '[]', '0']);
  });

  it('answers bodies of the specification in its field order', async () => {
    const answer = await console.api.send(`${path}?limit=250`);
    const records = answer.json<CompatibleRecord[]>();
    expect(recordsCheck.Check(records)).toBe(true);
    expect(Object.keys(records.find((record) => record.labels) ?? {})).toEqual(
      Object.keys(CompatibleRecord.properties),
    );
  });

  it('streams all matches as CSV, not a page of them', async () => {
    const answer = await console.api.send(`${path}/download?limit=5&sort=user`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/csv']);
    expect(answer.headers['content-disposition']).toMatch(
      /^attachment; filename="access-audits-\d{4}-\d\d-\d\d\.csv"$/,
    );
    expect(answer.text.trimEnd().split('\r\n')).toHaveLength(321);
  });

  it('compresses as the client asks', async () => {
    const plain = await console.api.send(path);
    const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
    for (const [encoding, decompress] of Object.entries(unpack)) {
      for (const [route, expected] of [
        [path, plain.text],
        [`${path}/download`, undefined],
      ] as const) {
        const answer = await console.api.send(route, { headers: { 'accept-encoding': encoding } });
        expect(answer.headers['content-encoding']).toBe(encoding);
        const text = decompress(answer.body).toString('utf8');
        if (expected !== undefined) expect(text).toBe(expected);
        else expect(text).toContain('containerName,imageName');
      }
    }
  });
});
