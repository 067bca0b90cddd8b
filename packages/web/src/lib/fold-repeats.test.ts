import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../../browser/sample-events.ts';
import { foldRepeats } from './fold-repeats.ts';
import { mergeNewest } from './merge-newest.ts';

describe('folded repeats', () => {
  it('put a run of the same allowed call into one group and count its calls', () => {
    const events = [
      anEvent(4, 4),
      anEvent(3, 3, { count: 5 }),
      anEvent(2, 2),
      anEvent(1, 1, { api: 'container_start' }),
    ];
    expect(foldRepeats(events).map(({ events, count }) => [events.length, count])).toEqual([
      [3, 7],
      [1, 1],
    ]);
  });

  it('never fold what was refused or failed', () => {
    const refused = [1, 2, 3].map((seq) => anEvent(seq, seq, { decision: { effect: 'deny' } }));
    const failed = [4, 5, 6].map((seq) => anEvent(seq, seq, { outcome: { state: 'failed', status: 500 } }));
    expect(foldRepeats([...refused, ...failed])).toHaveLength(6);
  });

  it('keep every event once and in order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b')), (users) => {
        const events = users.map((user, index) => anEvent(index + 1, index, { actor: { user } }));
        expect(foldRepeats(events).flatMap((group) => group.events)).toEqual(events);
      }),
    );
  });
});

describe('merged lists', () => {
  it('hold each event once, newest first, ties by ledger position', () => {
    const [a, b, c] = [anEvent(1, 10), anEvent(2, 20), anEvent(3, 20)];
    expect(mergeNewest([b, a], [c, b]).map(({ seq }) => seq)).toEqual([3, 2, 1]);
  });
});
