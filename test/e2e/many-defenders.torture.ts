// 1,000 Defenders on one Console with rolling restarts: too long for every test run.
import { describe, expect, it } from 'vitest';
import { runManyDefenders } from './many-defenders.ts';

describe('a thousand Defenders', () => {
  it('are all served exactly once over three restarts of the Console', { timeout: 600_000 }, async () => {
    const result = await runManyDefenders({ defenders: 1000, eventsEach: 100, restarts: 3 });
    console.log(`${result.issued} events of 1000 Defenders in ${result.seconds.toFixed(1)} s, three restarts`);
    expect(result).toMatchObject({ issued: 100_000, inStore: 100_000, missing: [] });
  });
});
