import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessEvent } from '@dockledger/contract';
import { Value } from 'typebox/value';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { openSpool, type Spool, type SpoolOptions } from './spool.ts';
import { aDraft, aRead, aWrite, testHost } from './testing/drafts.ts';
import { killSpool } from './testing/kill-spool.ts';
import { readOutbox } from './testing/read-outbox.ts';

/** Time that passes only when told to. */
class HeldClock implements Clock {
  ms = Date.UTC(2026, 10, 23, 15);
  #timers: { at: number; callback: () => void }[] = [];
  wallMs = (): number => this.ms;
  monotonicMs = (): number => this.ms;
  after = (ms: number, callback: () => void): (() => void) => {
    const timer = { at: this.ms + ms, callback };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  };
  pass(ms: number): void {
    this.ms += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.ms);
    this.#timers = this.#timers.filter((timer) => timer.at > this.ms);
    for (const timer of due) timer.callback();
  }
}

let directory: string;
let clock: HeldClock;
const warnings: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
  clock = new HeldClock();
  warnings.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (options: Partial<SpoolOptions> = {}): Promise<Spool> =>
  openSpool(directory, {
    defenderId: 'd',
    host: testHost,
    clock,
    onWarning: (text) => warnings.push(text),
    ...options,
  });

function record(spool: Spool, ...apis: string[]): void {
  for (const api of apis) void spool.recorder.request(aRead(spool.recorder.nextRid(), api));
}

const apisOf = (events: readonly AccessEvent[]): string[] => events.map((event) => event.api);

function segments(part: string): string[] {
  return readdirSync(join(directory, part))
    .filter((name) => name.endsWith('.segment'))
    .sort()
    .map((name) => join(directory, part, name));
}

describe('spool', () => {
  it('turns what is recorded into valid events with dense numbers, in order', async () => {
    await using spool = await open();
    record(spool, 'a', 'b', 'c');
    await spool.flush();
    const events = await readOutbox(spool.outbox);
    expect(apisOf(events)).toEqual(['a', 'b', 'c']);
    for (const event of events) expect([...Value.Errors(AccessEvent, event)]).toEqual([]);
    expect(events.map((event) => event.id)).toEqual([1, 2, 3].map((seq) => `d.${spool.outbox.state().epoch}.${seq}`));
  });

  it('continues numbers and the acknowledged position after a restart', async () => {
    let epoch: number;
    {
      await using spool = await open();
      record(spool, 'a', 'b');
      await spool.flush();
      ({ epoch } = spool.outbox.state());
      await spool.outbox.acknowledge(epoch, 2);
    }
    await using spool = await open();
    record(spool, 'c');
    await spool.flush();
    expect(spool.outbox.state()).toEqual({ epoch, firstSeq: 1, nextSeq: 4, acknowledgedSeq: 2 });
    expect(apisOf(await readOutbox(spool.outbox, 2))).toEqual(['b', 'c']);
  });

  it('reads from any number, in batches that respect the limits', async () => {
    await using spool = await open();
    const names = Array.from({ length: 1200 }, (_, position) => `call-${position}`);
    for (const name of names) {
      record(spool, name);
      if (name.endsWith('7')) await spool.flush();
    }
    await spool.flush();
    expect(apisOf(await readOutbox(spool.outbox, 1, { maxBytes: 1_000_000, maxEvents: 7 }))).toEqual(names);
    for (const from of [2, 700, 1200, 35]) {
      expect(apisOf(await readOutbox(spool.outbox, from, { maxBytes: 3000, maxEvents: 1000 }))).toEqual(
        names.slice(from - 1),
      );
    }
    expect(
      await spool.outbox.readBatch(spool.outbox.state().epoch, 1201, { maxBytes: 1, maxEvents: 1 }),
    ).toBeUndefined();
    expect(await spool.outbox.readBatch(1, 1, { maxBytes: 1, maxEvents: 1 })).toBeUndefined();
  });

  it('wakes who waits once an event is durable, and lets a waiter go when it aborts', async () => {
    await using spool = await open();
    const abort = new AbortController();
    const aborted = spool.outbox.waitForMore(0, abort.signal);
    abort.abort();
    await aborted;
    const waiting = spool.outbox.waitForMore(0, new AbortController().signal);
    record(spool, 'a');
    clock.pass(50);
    await waiting;
    expect(apisOf(await readOutbox(spool.outbox))).toEqual(['a']);
  });

  it('tells a late outcome by an event that names the pending one, also after a restart', async () => {
    let rid: string;
    {
      await using spool = await open();
      rid = spool.recorder.nextRid();
      void spool.recorder.request(aWrite(rid, 'container_stop'));
      clock.pass(50);
      await spool.flush();
      expect(await readOutbox(spool.outbox)).toEqual([]);
      clock.pass(1000);
      await spool.flush();
      expect(await readOutbox(spool.outbox)).toMatchObject([{ outcome: { state: 'pending' } }]);
      void spool.recorder.outcome(rid, { state: 'done', status: 204 });
    }
    await using spool = await open();
    await spool.flush();
    const [call, outcome, ...more] = await readOutbox(spool.outbox);
    expect(outcome).toMatchObject({ type: 'outcome', ofEvent: call?.id, outcome: { status: 204 } });
    expect(more).toEqual([]);
  });

  it('gives a request of an earlier run without outcome the outcome unknown', async () => {
    {
      await using spool = await open();
      void spool.recorder.request(aWrite(spool.recorder.nextRid(), 'container_stop'));
    }
    await using spool = await open();
    await spool.flush();
    expect(await readOutbox(spool.outbox)).toMatchObject([{ api: 'container_stop', outcome: { state: 'unknown' } }]);
  });

  it('begins a new epoch on a fork: a gap event first, then what was not acknowledged under new numbers', async () => {
    await using spool = await open();
    const rid = spool.recorder.nextRid();
    record(spool, 'a', 'b');
    void spool.recorder.request(aWrite(rid, 'c'));
    await spool.flush();
    clock.pass(1000);
    await spool.flush();
    const old = spool.outbox.state().epoch;
    await spool.outbox.acknowledge(old, 2);
    await spool.outbox.beginEpoch('fork');
    record(spool, 'd');
    void spool.recorder.outcome(rid, { state: 'done' });
    await spool.flush();
    const events = await readOutbox(spool.outbox);
    expect(spool.outbox.state().epoch).toBeGreaterThan(old);
    expect(events).toMatchObject([
      { type: 'gap', seq: 1, details: { reason: 'fork' } },
      { api: 'b', details: { formerId: `d.${old}.2` } },
      { api: 'c', details: { formerId: `d.${old}.3` } },
      { api: 'd' },
      { type: 'outcome', ofEvent: events[2]?.id },
    ]);
    for (const event of events) expect(Value.Check(AccessEvent, event)).toBe(true);
  });

  it('begins a new epoch when the Console holds numbers that were never given out', async () => {
    await using spool = await open();
    record(spool, 'a');
    await spool.flush();
    const old = spool.outbox.state().epoch;
    await spool.outbox.acknowledge(old, 100);
    await spool.flush();
    expect(await readOutbox(spool.outbox)).toMatchObject([
      { type: 'gap', details: { reason: 'numbers-lost' } },
      { api: 'a' },
    ]);
  });

  it('finishes a new epoch that a crash interrupted right after it was decided', async () => {
    let old: number;
    {
      await using spool = await open();
      record(spool, 'a', 'b');
      await spool.flush();
      old = spool.outbox.state().epoch;
    }
    // What beginEpoch saves before anything is written under the new epoch.
    const { openPositionStore } = await import('@dockledger/journal');
    const carry = [{ epoch: old, fromSeq: 1 }];
    await openPositionStore(join(directory, 'positions')).set('epoch', { epoch: old + 5, reason: 'fork', carry });
    await using spool = await open();
    await spool.flush();
    expect(spool.outbox.state().epoch).toBe(old + 5);
    expect(apisOf(await readOutbox(spool.outbox))).toEqual(['gap', 'a', 'b']);
  });

  it('declares damage in the outbox as a gap and delivers what can still be read', async () => {
    {
      await using spool = await open({ maxBytes: 1024 * 1024 });
      for (let call = 0; call < 30; call += 1) {
        record(spool, `call-${call}`);
        await spool.flush();
      }
    }
    const [file = ''] = segments('outbox');
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.indexOf('call-10'), bytes.indexOf('call-10') + 5);
    writeFileSync(file, bytes);
    await using spool = await open({ maxBytes: 1024 * 1024 });
    const before = await readOutbox(spool.outbox);
    expect(apisOf(before).slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, call) => `call-${call}`));
    await spool.flush();
    const after = await readOutbox(spool.outbox);
    expect(after[0]).toMatchObject({ type: 'gap', details: { reason: 'outbox-damaged', count: 1 } });
    expect(apisOf(after).slice(1)).toEqual(Array.from({ length: 19 }, (_, call) => `call-${call + 11}`));
  });

  it('begins a new epoch when the outbox is lost, and never uses a number twice', async () => {
    let old: number;
    {
      await using spool = await open();
      record(spool, 'a', 'b');
      await spool.flush();
      old = spool.outbox.state().epoch;
      await spool.outbox.acknowledge(old, 3);
    }
    rmSync(join(directory, 'outbox'), { recursive: true });
    await using spool = await open();
    record(spool, 'c');
    await spool.flush();
    expect(spool.outbox.state().epoch).toBeGreaterThan(old);
    expect((await readOutbox(spool.outbox))[0]).toMatchObject({ type: 'gap', details: { reason: 'outbox-lost' } });
  });

  it('makes events of new records after the raw log was lost', async () => {
    {
      await using spool = await open();
      record(spool, 'a', 'b');
      await spool.flush();
    }
    rmSync(join(directory, 'raw'), { recursive: true });
    await using spool = await open();
    record(spool, 'c');
    await spool.flush();
    expect(apisOf(await readOutbox(spool.outbox))).toEqual(['a', 'b', 'c']);
  });

  it('refuses when full, declares afterwards exactly how many calls went unrecorded, and loses nothing else', async () => {
    await using spool = await open({ maxBytes: 1024 * 1024 });
    const tally = { made: 0, refused: 0 };
    const call = async (): Promise<void> => {
      tally.made += 1;
      const recorded = spool.recorder.request(aRead(spool.recorder.nextRid(), `call-${'x'.repeat(800)}`));
      await recorded.written.catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'journal_full' });
        tally.refused += 1;
      });
    };
    while (tally.refused < 5) {
      await call();
      if (tally.made % 50 === 0) await spool.flush();
    }
    expect(spool.recorder.refusal).toMatchObject({ code: 'spool_full' });
    const counts = new Map<string, number>();
    let delivered = 0;
    const deliver = async (): Promise<void> => {
      const { epoch } = spool.outbox.state();
      for (const event of await readOutbox(spool.outbox, delivered + 1)) {
        counts.set(
          event.type,
          (counts.get(event.type) ?? 0) + (event.type === 'gap' ? Number(event.details?.['count']) : event.count),
        );
        delivered = event.seq;
      }
      await spool.outbox.acknowledge(epoch, delivered + 1);
    };
    for (let turn = 0; turn < 20 && (spool.recorder.refusal !== undefined || turn < 5); turn += 1) {
      await deliver();
      clock.pass(1000);
      await spool.flush();
    }
    expect(spool.recorder.refusal).toBeUndefined();
    await call();
    await spool.flush();
    await deliver();
    expect(counts.get('gap')).toBe(tally.refused);
    expect(counts.get('docker')).toBe(tally.made - tally.refused);
  });

  it('keeps acknowledged events for the retention and drops them afterwards', async () => {
    await using spool = await open({ maxBytes: 4 * 1024 * 1024, retentionMs: 48 * 3_600_000 });
    for (let turn = 0; turn < 20; turn += 1) {
      record(spool, ...Array.from({ length: 50 }, () => `call-${'x'.repeat(300)}`));
      await spool.flush();
      clock.pass(3_600_000);
    }
    const { epoch, nextSeq } = spool.outbox.state();
    await spool.outbox.acknowledge(epoch, nextSeq);
    await spool.flush();
    expect(spool.outbox.state().firstSeq).toBe(1);
    clock.pass(40 * 3_600_000);
    await spool.flush();
    const { firstSeq } = spool.outbox.state();
    expect(firstSeq).toBeGreaterThan(1);
    expect(firstSeq).toBeLessThan(nextSeq);
    expect((await readOutbox(spool.outbox, firstSeq)).length).toBe(nextSeq - firstSeq);
  });

  it('sends what it still holds behind a gap event when the Console went back further than events are kept', async () => {
    await using spool = await open({ maxBytes: 1024 * 1024, retentionMs: 1 });
    for (let turn = 0; turn < 20; turn += 1) {
      record(spool, ...Array.from({ length: 20 }, (_, call) => `${turn}-${call}`.padEnd(300, 'x')));
      await spool.flush();
    }
    const before = spool.outbox.state();
    await spool.outbox.acknowledge(before.epoch, before.nextSeq);
    clock.pass(3_600_000);
    await spool.flush();
    const { firstSeq } = spool.outbox.state();
    expect(firstSeq).toBeGreaterThan(11);
    await spool.outbox.acknowledge(before.epoch, firstSeq);
    expect(spool.outbox.state()).toMatchObject({ epoch: before.epoch, acknowledgedSeq: firstSeq });
    await spool.outbox.acknowledge(before.epoch, 11);
    await spool.flush();
    const events = await readOutbox(spool.outbox);
    expect(events[0]).toMatchObject({ type: 'gap', details: { reason: 'events-dropped', count: firstSeq - 11 } });
    expect(events.length).toBe(1 + before.nextSeq - firstSeq);
  });

  it('cuts an oversize record but keeps who, what and the digest of what was cut', async () => {
    await using spool = await open();
    const summary = { body: 'y'.repeat(400_000) };
    const draft = aDraft({ request: { method: 'POST', route: '/x', summary } });
    void spool.recorder.request({ kind: 'request', rid: 'r-1', draft, outcome: { state: 'done' } });
    await spool.flush();
    const [event] = await readOutbox(spool.outbox);
    expect(JSON.stringify(event).length).toBeLessThan(40_000);
    expect(event).toMatchObject({
      actor: { user: 'alice' },
      request: { summary: { cut: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } } },
    });
  });

  it('drops raw records once their events are durable', async () => {
    await using spool = await open({ maxBytes: 1024 * 1024 });
    for (let turn = 0; turn < 100; turn += 1) {
      record(spool, ...Array.from({ length: 5 }, () => `call-${'x'.repeat(300)}`));
      await spool.flush();
    }
    expect(segments('raw').length).toBeLessThanOrEqual(2);
  });

  it('has each call exactly once after kill -9 at random moments', { timeout: 120_000 }, async () => {
    const figures = await killSpool(directory, 2500);
    expect(figures.kills).toBeGreaterThan(2);
    expect(figures.calls).toBeGreaterThan(20);
  });
});
