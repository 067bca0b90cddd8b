import { it } from 'vitest';
import { expectEachLineOnce } from './host-log-rotation-suite.ts';

it('has every line of a log as one event, through rotations every 0.5 s and kills of the Defender', async () => {
  await expectEachLineOnce({ lines: 4001, linesPerTick: 20, withinMs: 150_000 });
}, 300_000);
