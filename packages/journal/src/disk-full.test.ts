import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAppError } from '@dockledger/contract/error-code';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';
import { type Journal, openJournal, openPositionStore } from './index.ts';

async function smallDisk(path: string): Promise<AsyncDisposable> {
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
  return { [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', path]) };
}

function fillUp(journal: Journal, bytes: number): void {
  try {
    for (;;) journal.append(Buffer.from(`${journal.next}:`.padEnd(bytes, '.')));
  } catch (error) {
    if (!isAppError(error, 'disk_full')) throw error;
  }
}

async function expectUnbroken(journal: Journal): Promise<void> {
  let expected = journal.first;
  for await (const { index, record } of journal.read(expected)) {
    expect([index, Buffer.from(record).toString().split(':')[0]]).toEqual([expected, String(expected)]);
    expected += 1;
  }
  expect(expected).toBe(journal.next);
}

// Mounting needs root; CI runs as root, so there nothing is left out.
describe.runIf(process.getuid?.() === 0)('journal on a full disk', () => {
  it.each([0, 8192])(
    'refuses with disk_full, shows nothing of the refused record, and goes on when there is room (%i bytes ahead)',
    async (preallocateBytes) => {
      await using directory = await temporaryDirectory();
      const disk = join(directory.path, 'disk');
      await using _mount = await smallDisk(disk);
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(200_000));
      const path = join(disk, 'journal');
      {
        await using journal = await openJournal(path, { maxSegmentBytes: 100_000, preallocateBytes });
        fillUp(journal, 7001);
        const next = journal.next;
        await journal.durable();
        expect(journal.durableNext).toBe(next);
        await expectUnbroken(journal);
        rmSync(ballast);
        expect(journal.append(Buffer.from(`${next}:after`))).toBe(next);
        await journal.durable();
        fillUp(journal, 333);
      }
      await using again = await openJournal(path, { maxSegmentBytes: 100_000 });
      await expectUnbroken(again);
      await again.trim(again.next);
      again.append(Buffer.from(`${again.next}:room by trimming`));
      await expectUnbroken(again);
    },
  );

  it('keeps the position before when the next cannot be saved', async () => {
    await using directory = await temporaryDirectory();
    const disk = join(directory.path, 'disk');
    await using _mount = await smallDisk(disk);
    const positions = openPositionStore(join(disk, 'positions'));
    await positions.set('reader', 1);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(1024 * 1024 - 20 * 4096));
    await expect(positions.set('reader', 'x'.repeat(200_000))).rejects.toMatchObject({ code: 'disk_full' });
    expect(openPositionStore(join(disk, 'positions')).get('reader')).toBe(1);
  });
});
