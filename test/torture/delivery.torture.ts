// Ten minutes of real Docker traffic under every fault; TORTURE_SECONDS and TORTURE_SEED change length and order.
import { describe, expect, it } from 'vitest';
import { formatFigures, runDelivery } from '../e2e/delivery-run.ts';

describe('delivery, at length', () => {
  it('loses nothing, doubles nothing, keeps the order and verifies', async () => {
    const seconds = Number(process.env['TORTURE_SECONDS'] ?? 600);
    const seed = Number(process.env['TORTURE_SEED'] ?? Date.now() % 100_000);
    const figures = await runDelivery({ seconds, seed, lanes: 8 });
    const told = formatFigures(seed, figures);
    console.log(told);
    expect(figures, told).toMatchObject({
      missing: [],
      doubled: [],
      outOfOrder: 0,
      verdict: { ok: true, store: 'agrees' },
    });
  });
});
