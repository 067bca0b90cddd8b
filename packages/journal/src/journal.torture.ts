// The long form of the kill -9 loop: `npx vitest run` with the torture configuration, or `npm run torture`.
import { expect, it } from 'vitest';
import { killLoop } from '../fixtures/kill-loop.ts';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';

it.each([0, 65_536])(
  'has every durable record after two minutes of kill -9 (%i bytes ahead)',
  { timeout: 180_000 },
  async (preallocate) => {
    await using directory = await temporaryDirectory();
    const figures = await killLoop(directory.path, { forMs: 120_000, preallocate });
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    expect(figures.kills).toBeGreaterThan(100);
  },
);
