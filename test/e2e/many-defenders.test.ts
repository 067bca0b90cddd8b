// 50 Defenders on one Console that is restarted under them. The long form, with 1,000, is the torture run's.
import { describe, expect, it } from 'vitest';
import { runManyDefenders } from './many-defenders.ts';

describe('many Defenders', () => {
  it('has every event of 50 Defenders exactly once although the Console is restarted twice', async () => {
    const result = await runManyDefenders({ defenders: 50, eventsEach: 100, restarts: 2 });
    expect(result).toMatchObject({ issued: 5000, inStore: 5000, missing: [] });
    // The ledger also holds what the Console says of itself, so it cannot be smaller.
    expect(result.inLedger).toBeGreaterThanOrEqual(5000);
  });
});
