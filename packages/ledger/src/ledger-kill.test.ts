import { describe, expect, it } from 'vitest';
import { runKillLoop } from './testing/kill-loop.ts';

describe('a ledger whose process is killed', () => {
  it('keeps every acknowledged entry at its index, verifies after each kill, and never signs two histories', async () => {
    const result = await runKillLoop(6, 250);
    expect(result.badReports).toEqual([]);
    expect(result.strayFiles).toEqual([]);
    expect(result.wrongEntries).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(0);
    expect(result.found).toBeGreaterThanOrEqual(result.acknowledged);
  }, 60_000);
});
