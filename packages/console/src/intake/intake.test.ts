import { gzipSync } from 'node:zlib';
import { type AccessEvent, channelRoutes, type HelloAnswer, protocolHeader, type RuleSet } from '@dockledger/contract';
import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

const numbers = (from: number, to: number, overrides: Parameters<typeof anEvent>[0] = {}) =>
  Array.from({ length: to - from + 1 }, (_, offset) => anEvent({ ...overrides, seq: from + offset }));

async function storedIds(console: TestConsole): Promise<string[]> {
  await console.indexed();
  const answer = await console.api.send('/api/dockledger/v1/events?order=oldest&limit=1000');
  return answer.json<{ events: AccessEvent[] }>().events.map(({ id }) => id);
}

describe('intake', () => {
  it('acknowledges a batch and tells a greeting Defender which number comes next, also after a restart', async () => {
    await using first = await startTestConsole();
    expect((await first.defender().send(numbers(1, 5))).json()).toEqual({ expectedSeq: 6, ledgerSize: 5 });
    await using second = await first.restart();
    const hello = {
      defenderId: 'host-1',
      version: '0.1.0',
      epoch: 1,
      firstSeq: 1,
      nextSeq: 6,
      host: anEvent().host,
      sentAt: Date.now(),
    };
    const answer = await second
      .defender()
      .request(channelRoutes.hello, { method: 'POST', body: JSON.stringify(hello) });
    expect(answer.json<HelloAnswer>()).toMatchObject({ protocol: 1, expectedSeq: 6, rulesVersion: 1 });
  });

  it('stores a resent batch once, also when it goes on with new numbers', async () => {
    await using console = await startTestConsole();
    const defender = console.defender();
    await defender.send(numbers(1, 3));
    expect((await defender.send(numbers(1, 3))).json()).toEqual({ expectedSeq: 4, ledgerSize: 3 });
    expect((await defender.send(numbers(2, 5))).json()).toEqual({ expectedSeq: 6, ledgerSize: 5 });
    expect(await storedIds(console)).toHaveLength(5);
  });

  it('refuses numbers that come too early and names the one it expects', async () => {
    await using console = await startTestConsole();
    const answer = await console.defender().send(numbers(3, 4));
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: 'sequence_mismatch', details: { expectedSeq: 1 } });
    expect(await storedIds(console)).toEqual([]);
  });

  it('sees a fork, stores nothing of it, and puts one gap on record', async () => {
    await using console = await startTestConsole();
    const defender = console.defender();
    await defender.send(numbers(1, 300));
    const forked = [...numbers(290, 299), anEvent({ seq: 300, api: 'container_create' }), anEvent({ seq: 301 })];
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await defender.send(forked);
      expect(answer.status).toBe(409);
      expect(answer.json()).toMatchObject({ code: 'forked', details: { expectedSeq: 301 } });
    }
    await console.indexed();
    const gaps = (await console.api.send('/api/v1/audits/access?type=gap')).json<{ api: string; msg: string }[]>();
    expect(gaps.map(({ api }) => api)).toEqual(['defender_forked']);
    expect(gaps[0]?.msg).toContain('number 300 of epoch 1');
    expect((await console.api.send('/api/v1/audits/access')).headers['total-count']).toBe('300');
  });

  it('puts a gap on record when a Defender begins a new epoch', async () => {
    await using console = await startTestConsole();
    await console.defender().send(numbers(1, 2));
    await console.defender().send(numbers(1, 2, { epoch: 2 }));
    const gaps = async () => (await console.api.send('/api/v1/audits/access?type=gap')).json<{ api: string }[]>();
    await console.indexed();
    expect((await gaps()).map(({ api }) => api)).toEqual(['defender_epoch_began']);
    await console.defender().send(numbers(3, 3, { epoch: 2 }));
    await console.indexed();
    expect(await gaps()).toHaveLength(1);
  });

  it('keeps order and stores each number once when batches of one Defender overlap and race', async () => {
    await using console = await startTestConsole();
    const defender = console.defender();
    const batches = Array.from({ length: 20 }, (_, index) => numbers(index * 5 + 1, index * 5 + 10));
    let accepted = 0;
    await until('all are accepted', async () => {
      const answers = await Promise.all(batches.map((batch) => defender.send(batch)));
      accepted = Math.max(...answers.map((answer) => answer.json<{ expectedSeq?: number }>().expectedSeq ?? 0));
      return accepted === 106;
    });
    const ids = await storedIds(console);
    expect(ids).toHaveLength(105);
    expect(new Set(ids).size).toBe(105);
  });

  it('keeps the bytes that the Defender sent, whatever their spacing', async () => {
    await using console = await startTestConsole();
    const spaced = `${JSON.stringify(anEvent(), null, 1).replaceAll('\n', ' ')}\n`;
    const send = (body: string) =>
      console
        .defender()
        .request(channelRoutes.events, { method: 'POST', body, headers: { 'content-type': 'application/x-ndjson' } });
    expect((await send(spaced)).status).toBe(200);
    expect((await send(spaced)).status).toBe(200);
    expect((await send(`${JSON.stringify(anEvent())}\n`)).json()).toMatchObject({ code: 'forked' });
  });

  it.each([
    ['not JSON', 'nonsense\n', 422],
    ['an event without its fields', '{"v":1}\n', 422],
    ['another Defender', `${JSON.stringify(anEvent({ defenderId: 'host-2' }))}\n`, 422],
    ['an id that does not fit', `${JSON.stringify(anEvent({ id: 'host-1.1.7' }))}\n`, 422],
    ['a hole inside', `${[anEvent(), anEvent({ seq: 3 })].map((event) => JSON.stringify(event)).join('\n')}\n`, 422],
    ['a day that does not exist', `${JSON.stringify(anEvent({ time: '2026-13-45T10:00:00.000Z' }))}\n`, 422],
    ['a depth bomb', `{"v":1,"details":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`, 422],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]), 422],
    ['nothing', '', 422],
  ])('refuses a batch with %s and stores none of it', async (_what, body, status) => {
    await using console = await startTestConsole();
    const answer = await console.defender().request(channelRoutes.events, { method: 'POST', body });
    expect([answer.status, answer.json<{ code: string }>().code]).toEqual([status, 'bad_record']);
    expect((await console.api.send('/api/dockledger/v1/status')).json()).toMatchObject({ ledgerSize: 0 });
  });

  it('accepts a batch that is larger than one ledger record, and refuses an event that could never be kept', async () => {
    await using console = await startTestConsole();
    const large = (seq: number, bytes: number) => anEvent({ seq, raw: 'x'.repeat(bytes) });
    const batch = Array.from({ length: 12 }, (_, index) => large(index + 1, 2_000_000));
    expect((await console.defender().send(batch)).json()).toEqual({ expectedSeq: 13, ledgerSize: 12 });
    expect((await console.defender().send([large(13, 3_500_000)])).status).toBe(422);
  });

  it('bounds what gzip unpacks to', async () => {
    await using console = await startTestConsole();
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
    const answer = await console
      .defender()
      .request(channelRoutes.events, { method: 'POST', body: bomb, headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(413);
  });

  it('refuses whoever speaks another protocol, and nameless Defenders', async () => {
    await using console = await startTestConsole();
    const defender = console.defender();
    const other = await defender.send(numbers(1, 1), { [protocolHeader]: '99' });
    expect([other.status, other.json<{ message: string }>().message]).toEqual([
      426,
      expect.stringContaining('speaks 1'),
    ]);
    const nameless = await defender.send(numbers(1, 1), { 'dockledger-defender': 'a b' });
    expect(nameless.status).toBe(403);
  });

  it('answers waiting Defenders within a second of a change of rules', async () => {
    await using console = await startTestConsole();
    const path = `${channelRoutes.rules}?after=1&waitMs=20000`;
    const waiting = console.defender().request(path);
    const early = await console.defender('host-2').request(`${channelRoutes.rules}?after=1&waitMs=10`);
    expect(early.status).toBe(204);
    const saved = await console.api.send('/api/v1/policies/docker', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules: [{ name: 'no-create', effect: 'deny', action: ['container_create'] }] }),
    });
    expect(saved.status).toBe(200);
    const changedAt = Date.now();
    const answer = (await waiting).json<RuleSet>();
    expect(Date.now() - changedAt).toBeLessThan(1000);
    expect(answer).toMatchObject({ version: 2, accessRules: [{ name: 'no-create', effect: 'deny' }] });
  });

  it('lists Defenders with what they report', async () => {
    await using console = await startTestConsole();
    const condition = { name: 'engine-unavailable', text: 'No engine.', since: '2026-11-23T10:00:00.000Z' };
    const report = {
      defenderId: 'host-1',
      backlog: 7,
      conditions: [condition],
      engine: { reachable: false },
      rulesVersion: 1,
      sentAt: Date.now(),
    };
    const sent = await console
      .defender()
      .request(channelRoutes.status, { method: 'POST', body: JSON.stringify(report) });
    expect(sent.status).toBe(204);
    const { defenders } = (await console.api.send('/api/dockledger/v1/defenders')).json<{ defenders: unknown[] }>();
    expect(defenders).toMatchObject([{ defenderId: 'host-1', isConnected: true, backlog: 7, conditions: [condition] }]);
  });
});
