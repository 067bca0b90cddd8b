import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTilePath, parseTilePath } from './tile-path.ts';

describe('a tile path', () => {
  it.each([
    [{ level: 0, index: 5, width: 256 }, 'tile/0/005'],
    [{ level: 1, index: 0, width: 1 }, 'tile/1/000.p/1'],
    [{ level: 'entries' as const, index: 1_234_067, width: 256 }, 'tile/entries/x001/x234/067'],
    [{ level: 0, index: 1000, width: 112 }, 'tile/0/x001/000.p/112'],
  ])('of %o is %s', (tile, path) => {
    expect(formatTilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    'tile/00/000',
    'tile/64/000',
    'tile/0/5',
    'tile/0/x000/005',
    'tile/0/005.p/0',
    'tile/0/005.p/256',
    'tile/0/005.p/01',
    'tile/0/x1234/067',
    'tile/data/005',
    'tile/0/005/',
    '/tile/0/005',
    'tile/0/../005',
    'tile/0/001/234',
    'tile/0/x001/x234',
  ])('is not spelled %s', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it('has one spelling, which parses back', () => {
    const tile = fc.record({
      level: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
      index: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(tile, (one) => {
        expect(parseTilePath(formatTilePath(one))).toEqual(one);
      }),
    );
  });
});
