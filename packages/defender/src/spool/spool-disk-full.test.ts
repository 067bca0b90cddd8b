import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSpool } from './spool.ts';
import { aRead, aWrite, testHost } from './testing/drafts.ts';
import { readOutbox } from './testing/read-outbox.ts';

// Mounting needs root; CI runs as root, so there nothing is left out.
it.runIf(process.getuid?.() === 0)(
  'refuses with disk_full on a full disk, and goes on by itself with an exact gap once there is room',
  { timeout: 20_000 },
  async () => {
    const disk = mkdtempSync(join(tmpdir(), 'spool-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]);
    try {
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(2_500_000));
      await using spool = await openSpool(join(disk, 'spool'), {
        defenderId: 'd',
        host: testHost,
        onWarning: () => {},
      });
      const { recorder } = spool;
      const rid = recorder.nextRid();
      await recorder.request(aWrite(rid, 'write')).written;
      const tally = { made: 0, refused: 0 };
      while (tally.refused < 5) {
        tally.made += 1;
        await recorder
          .request(aRead(recorder.nextRid(), `call-${tally.made}`.padEnd(700, '.')))
          .written.catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'disk_full' });
            tally.refused += 1;
          });
      }
      expect(recorder.refusal).toMatchObject({ code: 'disk_full' });
      for (let refused = 0; refused < 7; refused += 1) recorder.noteUnrecorded();
      await recorder.outcome(rid, { state: 'done', status: 204 }).written.catch(() => {});
      rmSync(ballast);
      await expect.poll(() => recorder.refusal, { timeout: 10_000 }).toBeUndefined();
      await spool.flush();
      const events = await readOutbox(spool.outbox);
      expect(events.filter((event) => event.api.startsWith('call-')).length).toBe(tally.made - tally.refused);
      expect(events.filter((event) => event.type === 'gap')).toMatchObject([{ details: { count: tally.refused + 7 } }]);
      const write = events.find((event) => event.api === 'write');
      const told = write?.outcome.state === 'pending' ? events.find((event) => event.ofEvent === write.id) : write;
      expect(told?.outcome).toEqual({ state: 'done', status: 204 });
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    }
  },
);
