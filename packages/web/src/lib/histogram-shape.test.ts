import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatInstant, formatLength } from './format-time.ts';
import { toColumns, toDragBounds, toHistogramSummary } from './histogram-shape.ts';
import { shiftRange } from './time-range.ts';

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const buckets = [0, 1, 2].map((minute) => ({
  start: at(minute),
  end: at(minute + 1),
  allowed: 600,
  denied: minute,
  gaps: 0,
}));

describe('the histogram', () => {
  it('stacks refused under allowed', () => {
    expect(toColumns(buckets)).toMatchObject({
      total: [600, 601, 602],
      deniedAndGaps: [0, 1, 2],
      seconds: [0, 60, 120],
    });
  });

  it('says in words what it draws', () => {
    expect(toHistogramSummary(buckets)).toBe('1\u202f803 events, 3 refused');
  });

  it('widens a drag to whole bars, in either direction', () => {
    expect(toDragBounds(buckets, 100_000, 70_000)).toEqual({ fromMs: 60_000, toMs: 120_000 });
    expect(toDragBounds(buckets, 900_000, 990_000)).toBeUndefined();
  });
});

describe('a shifted range', () => {
  it('moves by its own length and becomes absolute', () => {
    expect(shiftRange({ kind: 'last', minutes: 1 }, -1, 120_000)).toEqual({ kind: 'between', fromMs: 0, toMs: 60_000 });
  });
});

describe('times and sizes', () => {
  it('are written for people', () => {
    expect(formatInstant(Date.parse('2026-11-23T14:03:22.118Z'), 'utc')).toBe('2026-11-23 14:03:22.118');
    expect([formatLength(4200), formatLength(90_000), formatLength(7)]).toEqual(['4 s', '1 min', '7 ms']);
    expect([formatCount(88213), formatBytes(3_400_000), formatBytes(12)]).toEqual(['88\u202f213', '3.4 MB', '12 B']);
  });
});
