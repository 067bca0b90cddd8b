// The short form of test/torture/delivery.torture.ts.
import { engineUnavailable } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { formatFigures, runDelivery } from './delivery-run.ts';

const why = engineUnavailable();

describe.skipIf(why !== undefined)('delivery from a Defender to a Console on another machine', () => {
  it('has every answered call once, in order and verified, whatever was killed, cut, stopped or full meanwhile', async () => {
    const seed = Date.now() % 100_000;
    const figures = await runDelivery({ seconds: 25, seed });
    const told = formatFigures(seed, figures);
    console.log(told);
    expect(figures.missing, told).toEqual([]);
    expect(figures.doubled, told).toEqual([]);
    expect(figures.outOfOrder, told).toBe(0);
    expect(figures.countedByGaps, told).toBe(figures.refusedUnrecorded);
    expect(figures.verdict, told).toMatchObject({ ok: true, failures: [], store: 'agrees' });
    expect(figures.answered, told).toBeGreaterThan(100);
  });
});
