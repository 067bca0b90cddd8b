import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ledger } from './ledger.ts';
import { createDirectorySource } from './ledger-source.ts';
import { type LedgerOptions, openLedger } from './open-ledger.ts';
import { entriesBetween, entryAt, temporaryLedger } from './testing/ledger-fixtures.ts';
import { parseTilePath } from './tlog/tile-path.ts';
import { verifyLedger } from './verify-ledger.ts';

type Places = Awaited<ReturnType<typeof temporaryLedger>>;

/** The files of a ledger as kill -9 would leave them now, in directories of their own. */
async function copyAsKilled(from: LedgerOptions): Promise<Places> {
  const copy = await temporaryLedger();
  cpSync(from.publicDir, copy.publicDir, { recursive: true });
  mkdirSync(copy.privateDir, { recursive: true });
  cpSync(from.privateDir, copy.privateDir, { recursive: true, filter: (path) => !path.endsWith('/lock') });
  return copy;
}

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name));

async function expectWhole(ledger: Ledger, options: LedgerOptions, size: number): Promise<void> {
  expect(ledger.sizes).toEqual({ accepted: size, published: size });
  const entries = await ledger.read(0, size);
  expect(entries.map(({ envelope }) => String(envelope))).toEqual(
    entriesBetween(0, size).map((e) => String(e.envelope)),
  );
  expect(entries.map(({ payload }) => String(payload))).toEqual(entriesBetween(0, size).map((e) => String(e.payload)));
  const report = await verifyLedger({ source: createDirectorySource(options.publicDir), vkeys: [ledger.vkey] });
  expect(report.failures).toEqual([]);
  expect(report.size).toBe(size);
}

/** An open ledger with 1,050 entries, of which 700 are published and none is settled, and what kill -9 leaves of it. */
async function killedLedger(entryAtIndex = entryAt): Promise<Places> {
  await using options = await temporaryLedger();
  await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
  await ledger.append(entriesBetween(0, 700).map((_, index) => entryAtIndex(index)));
  await ledger.publishNow();
  await ledger.append(entriesBetween(700, 1050));
  return await copyAsKilled(options);
}

/** As {@link killedLedger}, with everything published. */
async function killedIdleLedger(): Promise<Places> {
  await using options = await temporaryLedger();
  await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
  await ledger.append(entriesBetween(0, 1050));
  await ledger.publishNow();
  return await copyAsKilled(options);
}

describe('a ledger that was killed', () => {
  it('goes on with everything that was accepted', async () => {
    await using options = await killedLedger();
    await using ledger = await openLedger(options);
    await expectWhole(ledger, options, 1050);
  });

  it.each([
    ['while it grew', () => killedLedger()],
    ['while it was idle', () => killedIdleLedger()],
  ])(
    'is rebuilt from the journal when the power cut emptied tiles, bundles and payload blocks %s',
    async (_when, make) => {
      await using options = await make();
      const lost = [options.publicDir, options.privateDir]
        .flatMap(filesOf)
        .filter((file) => file.includes('/tile/') || file.includes('/payloads/'));
      expect(lost.length).toBeGreaterThan(8);
      for (const [i, file] of lost.entries())
        if (i % 3 === 0) rmSync(file);
        else truncateSync(file, i % 3 === 1 ? 0 : 20);
      await using ledger = await openLedger(options);
      await expectWhole(ledger, options, 1050);
    },
  );

  it('restores the files of the signed size itself, which somebody may be reading, before it goes on to a larger one', async () => {
    await using options = await killedLedger();
    const paths = ['tile/0/002.p/188', 'tile/entries/002.p/188', 'tile/1/000.p/2'].map((path) =>
      join(options.publicDir, path),
    );
    for (const path of paths) rmSync(path);
    await using ledger = await openLedger(options);
    expect(ledger.sizes.published).toBe(1050);
    for (const path of paths) expect(existsSync(path), path).toBe(true);
  });

  it('deletes every file past its size, wider partial tiles and full ones, and keeps the superseded ones', async () => {
    await using options = await temporaryLedger();
    {
      await using ledger = await openLedger(options);
      await ledger.append(entriesBetween(0, 290));
      await ledger.publishNow();
      await ledger.append(entriesBetween(290, 300));
    }
    const tileFiles = (): string[] =>
      filesOf(options.publicDir)
        .map((f) => f.slice(options.publicDir.length + 1))
        .toSorted();
    const before = tileFiles();
    expect(before).toContain('tile/0/001.p/34');
    for (const path of [
      'tile/0/001',
      'tile/0/001.p/45',
      'tile/0/002',
      'tile/0/003.p/7',
      'tile/1/000.p/2',
      'tile/1/000',
      'tile/2/000.p/1',
      'tile/entries/001',
      'tile/entries/001.p/255',
      'tile/entries/002',
    ]) {
      expect(parseTilePath(path)).toBeDefined();
      mkdirSync(join(options.publicDir, path, '..'), { recursive: true });
      writeFileSync(join(options.publicDir, path), 'left over');
    }
    await using ledger = await openLedger(options);
    expect(tileFiles()).toEqual(before);
    await expectWhole(ledger, options, 300);
  });

  it('writes a torn checkpoint anew, with the same signature', async () => {
    await using options = await temporaryLedger();
    await using other = await (async () => {
      await using ledger = await openLedger(options);
      await ledger.append(entriesBetween(0, 30));
      await ledger.publishNow();
      return await copyAsKilled(options);
    })();
    const path = join(other.publicDir, 'checkpoint');
    const before = readFileSync(path, 'utf8');
    truncateSync(path, 40);
    await using ledger = await openLedger(other);
    expect(readFileSync(path, 'utf8')).toBe(before);
    await expectWhole(ledger, other, 30);
  });
});

describe('a ledger whose files cannot be synced', () => {
  it('lets its journal go of nothing, says so, and is rebuilt at the next start', async () => {
    await using options = await temporaryLedger();
    const problems: string[] = [];
    const onProblem = (message: string): void => void problems.push(message);
    {
      await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000, onProblem });
      await ledger.append(entriesBetween(0, 600));
      await ledger.publishNow();
      // What cannot be opened cannot be synced.
      rmSync(join(options.publicDir, 'tile/0/001'));
      await expect(ledger.erase(3)).rejects.toMatchObject({ code: 'ledger_failed' });
      expect(ledger.problem).toContain('Restart');
      await ledger.append(entriesBetween(600, 601));
      await expect(ledger.publishNow()).rejects.toMatchObject({ code: 'ledger_failed' });
      expect(readFileSync(join(options.privateDir, 'state.json'), 'utf8')).toContain('"settledSize":0');
    }
    expect(problems.join(' ')).toContain('could not settle at close');
    await using ledger = await openLedger(options);
    await expectWhole(ledger, options, 601);
  });
});

describe('a ledger whose private state is', () => {
  const settled = async (size: number): Promise<Places> => {
    const options = await temporaryLedger();
    await using ledger = await openLedger(options);
    await ledger.append(entriesBetween(0, size));
    return options;
  };

  it.each([
    ['lost after a clean stop in the middle of a block', () => settled(1050), 1050],
    ['lost after a clean stop at the end of a block', () => settled(512), 512],
    ['lost in a crash', () => killedLedger(), 1050],
  ])('%s finds it again', async (_when, make, size) => {
    await using options = await make();
    const problems: string[] = [];
    rmSync(join(options.privateDir, 'state.json'));
    await using ledger = await openLedger({ ...options, onProblem: (message) => problems.push(message) });
    await expectWhole(ledger, options, size);
    expect(problems.join(' ')).toContain('written anew');
  });

  it('torn sets it aside and finds it again', async () => {
    await using options = await killedLedger();
    const problems: string[] = [];
    truncateSync(join(options.privateDir, 'state.json'), 30);
    await using ledger = await openLedger({ ...options, onProblem: (message) => problems.push(message) });
    await expectWhole(ledger, options, 1050);
    expect(existsSync(join(options.privateDir, 'state.json.damaged'))).toBe(true);
    expect(problems[0]).toContain('set aside');
  });

  it('older than the published checkpoint is refused, as going on would sign a second history', async () => {
    await using options = await temporaryLedger();
    await using old = await (async () => {
      await using ledger = await openLedger(options);
      await ledger.append(entriesBetween(0, 30));
      await ledger.publishNow();
      const copy = await copyAsKilled(options);
      await ledger.append([entryAt(30)]);
      return copy;
    })();
    rmSync(options.privateDir, { recursive: true });
    cpSync(old.privateDir, options.privateDir, { recursive: true });
    const before = readFileSync(join(options.publicDir, 'checkpoint'), 'utf8');
    await expect(openLedger(options)).rejects.toMatchObject({ code: 'ledger_corrupt' });
    expect(readFileSync(join(options.publicDir, 'checkpoint'), 'utf8')).toBe(before);
  });

  it('without the journal that the signed size needs is refused, and nothing is signed', async () => {
    await using options = await killedLedger();
    const before = readFileSync(join(options.publicDir, 'checkpoint'), 'utf8');
    rmSync(join(options.privateDir, 'journal'), { recursive: true });
    await expect(openLedger(options)).rejects.toMatchObject({ code: 'ledger_corrupt' });
    expect(readFileSync(join(options.publicDir, 'checkpoint'), 'utf8')).toBe(before);
  });

  it('beside the journal of another ledger is refused, and nothing is signed', async () => {
    await using options = await killedLedger();
    await using other = await killedLedger((index) => entryAt(index === 699 ? 7 : index));
    const before = readFileSync(join(options.publicDir, 'checkpoint'), 'utf8');
    rmSync(join(options.privateDir, 'journal'), { recursive: true });
    cpSync(join(other.privateDir, 'journal'), join(options.privateDir, 'journal'), { recursive: true });
    await expect(openLedger(options)).rejects.toThrow(/root is .* was signed/);
    expect(readFileSync(join(options.publicDir, 'checkpoint'), 'utf8')).toBe(before);
  });

  it('without its signing key is refused with the way out', async () => {
    await using options = await settled(10);
    rmSync(join(options.privateDir, 'signing-keys'));
    await expect(openLedger(options)).rejects.toThrow(/signing-keys is missing.*backup/);
  });

  it('whole but beside a changed bundle or tile is refused before it signs on', async () => {
    await using options = await settled(600);
    const path = join(options.publicDir, 'tile/entries/001');
    const bytes = readFileSync(path);
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await expect(openLedger(options)).rejects.toMatchObject({ code: 'ledger_corrupt' });
  });
});
