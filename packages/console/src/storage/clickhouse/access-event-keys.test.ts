import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toSpans } from './access-event-keys.ts';

const nowMs = Date.UTC(2026, 10, 23);
const hourMs = 3_600_000;
const edges = [0, hourMs, 24 * hourMs, 14 * 24 * hourMs];
// Around every edge that a span may have, and anywhere.
const near = fc
  .tuple(fc.constantFrom(...edges), fc.integer({ min: -2, max: 2 }))
  .map(([age, shift]) => nowMs - age + shift);
const moment = fc.oneof(near, fc.integer({ min: -1e13, max: 1e13 }));

describe('the spans that a search widens over', () => {
  it('hold every moment of the filter once, and the later span only what is further on', () => {
    fc.assert(
      fc.property(
        fc.option(moment, { nil: undefined }),
        fc.option(moment, { nil: undefined }),
        moment,
        moment,
        fc.constantFrom('ascending', 'descending'),
        (fromMs, toMs, one, other, direction) => {
          const filter = { scope: null, ...(fromMs !== undefined && { fromMs }), ...(toMs !== undefined && { toMs }) };
          const spans = toSpans(filter, direction, nowMs);
          const spanOf = (timeMs: number): number[] =>
            spans.flatMap((span, index) =>
              timeMs >= (span.fromMs ?? -Infinity) && timeMs <= (span.toMs ?? Infinity) ? [index] : [],
            );
          const isAsked = (timeMs: number): boolean => timeMs >= (fromMs ?? -Infinity) && timeMs <= (toMs ?? Infinity);
          for (const timeMs of [one, other]) expect(spanOf(timeMs)).toHaveLength(isAsked(timeMs) ? 1 : 0);
          if (!isAsked(one) || !isAsked(other)) return;
          const [first = 0] = spanOf(direction === 'descending' ? Math.max(one, other) : Math.min(one, other));
          const [second = 0] = spanOf(direction === 'descending' ? Math.min(one, other) : Math.max(one, other));
          expect(first).toBeLessThanOrEqual(second);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
