import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAppError } from '@dockledger/contract/error-code';
import { describe, expect, it } from 'vitest';
import type { EntryInput } from './batch-record.ts';
import { createDirectorySource } from './ledger-source.ts';
import { openLedger } from './open-ledger.ts';
import { temporaryLedger } from './testing/ledger-fixtures.ts';
import { verifyLedger } from './verify-ledger.ts';

const bulky = (index: number, bytes: number): EntryInput => ({
  envelope: Buffer.from(`bulky ${index}`),
  salt: Buffer.from('salt'),
  payload: Buffer.concat([Buffer.from(`${index} `), randomBytes(bytes)]),
});

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the journal of a ledger', () => {
  it('is shortened once its entries are settled in files', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1, settleEveryMs: 1 });
    const journal = join(options.privateDir, 'journal');
    const journalBytes = (): number =>
      readdirSync(journal).reduce(
        (sum, name) => sum + (statSync(join(journal, name), { throwIfNoEntry: false })?.size ?? 0),
        0,
      );
    for (let first = 0; first < 1024; first += 64) {
      await ledger.append(Array.from({ length: 64 }, (_, i) => bulky(first + i, 60_000)));
    }
    await until(() => {
      void ledger.append([bulky(ledger.sizes.accepted, 10)]);
      return journalBytes() < 33_000_000;
    });
    expect(String(await ledger.readPayload(700)).startsWith('700 ')).toBe(true);
  });
});

describe('a ledger whose public directory cannot be written', () => {
  it('goes on accepting, says so, and publishes everything once it can', async () => {
    await using options = await temporaryLedger();
    const problems: string[] = [];
    const onProblem = (message: string): void => void problems.push(message);
    await using ledger = await openLedger({ ...options, publishEveryMs: 1, onProblem });
    const inTheWay = join(options.publicDir, 'tile');
    writeFileSync(inTheWay, 'a file where a directory belongs');
    for (let first = 0; first < 1000; first += 100) {
      await ledger.append(Array.from({ length: 100 }, (_, i) => bulky(first + i, 10)));
    }
    await until(() => ledger.problem !== null);
    expect(problems[0]).toContain('trying again');
    expect(ledger.sizes).toEqual({ accepted: 1000, published: 0 });
    expect(await ledger.read(0, 2000)).toHaveLength(1000);
    rmSync(inTheWay);
    await until(() => ledger.problem === null && ledger.sizes.published === 1000);
    const source = createDirectorySource(options.publicDir);
    expect(await verifyLedger({ source, vkeys: [ledger.vkey] })).toMatchObject({ ok: true, size: 1000 });
  });
});

// Mounting needs root; CI runs as root, so there nothing is left out.
describe.runIf(process.getuid?.() === 0)('a ledger on a full disk', () => {
  it('refuses with disk_full, keeps what it accepted, and goes on when there is room', async () => {
    await using options = await temporaryLedger();
    const disk = join(options.directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]);
    try {
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(6_000_000));
      const places = { publicDir: join(disk, 'ledger'), privateDir: join(disk, 'private'), onProblem: () => undefined };
      await using ledger = await openLedger({ ...places, publishEveryMs: 5, settleEveryMs: 5 });
      let accepted = 0;
      const appendOne = async (): Promise<boolean> => {
        try {
          const { firstIndex } = await ledger.append([bulky(accepted, 5000)]);
          expect(firstIndex).toBe(accepted);
          accepted += 1;
          return true;
        } catch (error) {
          if (!isAppError(error, 'disk_full')) throw error;
          return false;
        }
      };
      while (await appendOne());
      expect(accepted).toBeGreaterThan(100);
      rmSync(ballast);
      await until(() => ledger.problem === null);
      expect(await appendOne()).toBe(true);
      await ledger.publishNow();
      expect(ledger.sizes).toEqual({ accepted, published: accepted });
      for (const entry of await ledger.read(0, accepted)) {
        expect(String(entry.payload).startsWith(`${entry.index} `)).toBe(true);
      }
      const report = await verifyLedger({ source: createDirectorySource(places.publicDir), vkeys: [ledger.vkey] });
      expect(report).toMatchObject({ ok: true, size: accepted });
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
