import { describe, expect, it } from 'vitest';
import { killConsoleAgainAndAgain } from './testing/kill-console.ts';

describe('a Console that is killed thirty times under load', () => {
  it('has every acknowledged event exactly once, in order', { timeout: 600_000 }, async () => {
    const { sent, records } = await killConsoleAgainAndAgain({ kills: 30, defenders: 4 });
    expect(records).toEqual({ total: sent, repeated: [], outOfOrder: [] });
  });
});
