import type { EventDraft, RawRecord, RequestRecord } from '@dockledger/contract';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, type EventBody, Finaliser } from './finaliser.ts';
import { addRanges } from './index-ranges.ts';

const windowMs = 10_000;

function aDraft(overrides: Partial<EventDraft> = {}): EventDraft {
  return {
    type: 'docker',
    api: 'container_list',
    time: '2026-11-23T15:00:00.000Z',
    decision: { effect: 'allow', rule: 'all', reason: 'rule', text: '', findings: [] },
    actor: { user: 'alice', userSource: 'login' },
    target: {},
    provenance: 'proxy',
    ...overrides,
  };
}

function aRead(rid: string, key = 'k', ms = 0): RequestRecord {
  const time = new Date(Date.UTC(2026, 10, 23) + ms).toISOString();
  return { kind: 'request', rid, draft: aDraft({ time }), outcome: { state: 'done', status: 200 }, mergeKey: key };
}

function aWrite(rid: string): RequestRecord {
  return { kind: 'request', rid, draft: aDraft({ api: `write ${rid}` }) };
}

const anOutcome = (rid: string, status = 204): RawRecord => ({
  kind: 'outcome',
  rid,
  outcome: { state: 'done', status },
  at: 0,
});

function bodies(finaliser: Finaliser): EventBody[] {
  const all = finaliser.peek(Number.MAX_SAFE_INTEGER).map((emission) => emission.body);
  finaliser.checkpoint(all.length);
  finaliser.confirm(all.length);
  return all;
}

/** A Defender in miniature: a raw log and an outbox that survive, and a finaliser that does not. */
class Model {
  readonly raw: { record: RawRecord; run: number }[] = [];
  readonly events: { id: string; ofEvent: string | undefined; body: EventBody }[] = [];
  readonly checkpoints: Checkpoint[] = [];
  nowMs = 0;
  run = 0;
  finaliser = new Finaliser({ mergeWindowMs: windowMs, maxOpenWindows: 2, countWindowMs: 30_000 }, 0);
  covered = new Set<number>();
  earlierRunsEnd = 0;

  feed(limit: number): void {
    for (let left = limit; left > 0 && this.finaliser.next < this.raw.length; left -= 1) {
      const index = this.finaliser.next;
      const entry = this.raw[index];
      if (entry === undefined) return;
      if (index === this.earlierRunsEnd) this.endEarlierRuns();
      if (this.covered.has(index)) this.finaliser.skip(index);
      else this.finaliser.feed(index, entry.record, this.nowMs);
    }
    if (this.finaliser.next === this.earlierRunsEnd) this.endEarlierRuns();
  }

  endEarlierRuns(): void {
    this.earlierRunsEnd = -1;
    this.finaliser.endEarlierRuns('2026-11-23T15:00:00.000Z');
  }

  drain(limit: number): void {
    this.finaliser.advance(this.nowMs);
    const batch = this.finaliser.peek(limit);
    for (const [position, emission] of batch.entries()) {
      if (emission.awaits !== undefined) emission.awaits.id = `e${this.events.length + position}`;
    }
    this.checkpoints.push(structuredClone(this.finaliser.checkpoint(batch.length)));
    for (const { body, tells } of batch) this.events.push({ id: `e${this.events.length}`, ofEvent: tells?.id, body });
    this.finaliser.confirm(batch.length);
  }

  crash(): void {
    const last = this.checkpoints.at(-1);
    const low = last?.low ?? 0;
    this.covered = new Set();
    for (const { raws } of this.checkpoints) addRanges(this.covered, raws, low);
    this.finaliser = new Finaliser({ mergeWindowMs: windowMs, maxOpenWindows: 2, countWindowMs: 30_000 }, low, last);
    this.earlierRunsEnd = this.raw.length;
    this.run += 1;
    if (this.finaliser.next === this.earlierRunsEnd) this.endEarlierRuns();
  }
}

describe('finaliser', () => {
  it('tells the first of identical reads at once and the repeats as one event when the window closes', () => {
    const finaliser = new Finaliser({ mergeWindowMs: windowMs }, 0);
    for (let index = 0; index < 5; index += 1)
      finaliser.feed(index, aRead(`r-${index}`, 'k', index * 1000), index * 1000);
    expect(bodies(finaliser)).toMatchObject([{ count: 1, time: '2026-11-23T00:00:00.000Z' }]);
    finaliser.advance(9999);
    expect(bodies(finaliser)).toEqual([]);
    finaliser.advance(10_000);
    expect(bodies(finaliser)).toMatchObject([
      { count: 4, time: '2026-11-23T00:00:01.000Z', lastTime: '2026-11-23T00:00:04.000Z' },
    ]);
    finaliser.feed(5, aRead('r-5'), 10_001);
    expect(bodies(finaliser)).toMatchObject([{ count: 1 }]);
  });

  it.each([
    ['refused', aDraft({ decision: { effect: 'deny', rule: 'r', reason: 'rule', text: '', findings: [] } })],
    ['sudo', aDraft({ type: 'sudo' })],
  ])('never merges %s events, even with a key', (_, draft) => {
    const finaliser = new Finaliser({ mergeWindowMs: windowMs }, 0);
    for (let index = 0; index < 3; index += 1) {
      finaliser.feed(
        index,
        { kind: 'request', rid: `r-${index}`, draft, outcome: { state: 'refused' }, mergeKey: 'k' },
        0,
      );
    }
    expect(bodies(finaliser).map((body) => body.count)).toEqual([1, 1, 1]);
  });

  it('joins an outcome that comes within a second, with what the call made', () => {
    const finaliser = new Finaliser({ mergeWindowMs: windowMs }, 0);
    finaliser.feed(0, aWrite('r-1'), 0);
    finaliser.advance(999);
    expect(finaliser.readyCount).toBe(0);
    finaliser.feed(
      1,
      { kind: 'outcome', rid: 'r-1', outcome: { state: 'done', status: 201 }, at: 5, target: { containerId: 'c' } },
      999,
    );
    expect(bodies(finaliser)).toMatchObject([
      { outcome: { state: 'done', status: 201 }, target: { containerId: 'c' } },
    ]);
  });

  it('sends an event as pending after a second, and its outcome as an event of its own', () => {
    const finaliser = new Finaliser({ mergeWindowMs: windowMs }, 0);
    finaliser.feed(0, aWrite('r-1'), 0);
    finaliser.advance(1000);
    const [pending] = finaliser.peek(1);
    expect(pending).toMatchObject({ body: { outcome: { state: 'pending' } } });
    if (pending?.awaits !== undefined) pending.awaits.id = 'd.1.7';
    finaliser.confirm(1);
    finaliser.feed(1, anOutcome('r-1'), 60_000);
    finaliser.feed(2, anOutcome('r-1'), 60_000);
    expect(finaliser.peek(9)).toMatchObject([
      { body: { type: 'outcome', outcome: { status: 204 } }, tells: { id: 'd.1.7' } },
    ]);
    expect(finaliser.readyCount).toBe(1);
  });

  it('closes the oldest window when too many are open', () => {
    const finaliser = new Finaliser({ mergeWindowMs: windowMs, maxOpenWindows: 2 }, 0);
    finaliser.feed(0, aRead('0', 'a'), 0);
    finaliser.feed(1, aRead('1', 'a'), 0);
    finaliser.feed(2, aRead('2', 'b'), 0);
    expect(finaliser.readyCount).toBe(2);
    finaliser.feed(3, aRead('3', 'c'), 0);
    expect(bodies(finaliser).length).toBe(4);
  });

  it('represents every call exactly once over any schedule of calls, outcomes, batches and crashes', () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('read' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('unaudited' as const), rule: fc.constantFrom('x', 'y') }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('outcome' as const), pick: fc.nat(5) }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 500, 1000, 10_000, 40_000) }),
      },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('feed' as const), limit: fc.integer({ min: 1, max: 20 }) }) },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('drain' as const), limit: fc.integer({ min: 0, max: 6 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const model = new Model();
        const open: string[] = [];
        const told = new Set<string>();
        const calls = new Map<string, number>();
        const note = (name: string): void => void calls.set(name, (calls.get(name) ?? 0) + 1);
        let counter = 0;
        for (const action of steps) {
          counter += 1;
          if (action.do === 'read') {
            const record = aRead(`r-${counter}`, action.key, model.nowMs);
            model.raw.push({ record: { ...record, draft: { ...record.draft, api: action.key } }, run: model.run });
            note(action.key);
          } else if (action.do === 'write') {
            model.raw.push({ record: aWrite(`w-${counter}`), run: model.run });
            open.push(`w-${counter}`);
            note(`write w-${counter}`);
          } else if (action.do === 'unaudited') {
            const { draft } = aRead('');
            const decision = { ...draft.decision, rule: action.rule };
            model.raw.push({
              record: { ...aRead(`u-${counter}`), draft: { ...draft, decision }, audit: false },
              run: model.run,
            });
            note(`rule ${action.rule}`);
          } else if (action.do === 'outcome') {
            const [rid] = open.splice(action.pick % Math.max(1, open.length), 1);
            if (rid === undefined) continue;
            model.raw.push({ record: anOutcome(rid), run: model.run });
            told.add(rid);
          } else if (action.do === 'pass') model.nowMs += action.ms;
          else if (action.do === 'feed') model.feed(action.limit);
          else if (action.do === 'drain') model.drain(action.limit);
          else {
            model.crash();
            open.length = 0;
          }
        }
        model.crash();
        model.feed(Number.MAX_SAFE_INTEGER);
        model.finaliser.finish();
        model.drain(Number.MAX_SAFE_INTEGER);

        const found = new Map<string, number>();
        for (const { body } of model.events) {
          if (body.type === 'outcome') continue;
          const name = body.type === 'condition' ? `rule ${body.decision.rule}` : body.api;
          found.set(name, (found.get(name) ?? 0) + body.count);
        }
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(calls));
        for (const { id, body } of model.events) {
          if (!body.api.startsWith('write') || body.type === 'outcome') continue;
          const later = model.events.filter((event) => event.ofEvent === id);
          expect(later.length).toBe(body.outcome.state === 'pending' ? 1 : 0);
          const last = later[0]?.body.outcome.state ?? body.outcome.state;
          expect(last).toBe(told.has(body.api.slice(6)) ? 'done' : 'unknown');
        }
        expect(model.checkpoints.at(-1)?.low).toBe(model.raw.length);
      }),
      { numRuns: 600 },
    );
  });
});
