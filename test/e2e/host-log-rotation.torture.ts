// The full form of the rotation loop: 1.1 million lines, for `npm run torture`.
import { it } from 'vitest';
import { expectEachLineOnce } from './host-log-rotation-suite.ts';

it('has each of 1.1 million lines as one event, through rotations every 0.5 s and kills of the Defender', async () => {
  await expectEachLineOnce({ lines: 1_100_000, linesPerTick: 200, withinMs: 1_800_000 });
}, 5_400_000);
