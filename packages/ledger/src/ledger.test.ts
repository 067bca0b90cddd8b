import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeTreeHasher } from './node-crypto.ts';
import { openLedger } from './open-ledger.ts';
import { entriesBetween, entryAt, temporaryLedger } from './testing/ledger-fixtures.ts';
import { NaiveTree } from './testing/naive-tree.ts';
import { verifyConsistency, verifyInclusion } from './tlog/proof.ts';
import { toHex } from './tlog/tree-hash.ts';

const naiveTree = (size: number): NaiveTree =>
  new NaiveTree(Array.from({ length: size }, (_, i) => NaiveTree.leaf(entryAt(i).envelope)));

/** All files below `directory`, as paths relative to it. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(directory.length + 1))
    .toSorted();
}

const holdsText = (directory: string, text: string): string[] =>
  filesBelow(directory).filter((file) => readFileSync(join(directory, file)).includes(text));

describe('a ledger', () => {
  it('gives dense indexes in the order of calls to batches that are appended at once', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    const batches = Array.from({ length: 40 }, (_, i) => entriesBetween(i * 7, i * 7 + 7));
    const answers = await Promise.all(batches.map((batch) => ledger.append(batch)));
    expect(answers.map(({ firstIndex }) => firstIndex)).toEqual(batches.map((_, i) => i * 7));
    expect(ledger.sizes.accepted).toBe(280);
    const read = await ledger.read(0, 1000);
    expect(read.map(({ index, envelope }) => `${index} ${String(envelope)}`)).toEqual(
      Array.from({ length: 280 }, (_, i) => `${i} envelope ${i}`),
    );
  });

  it('reads the same entries before and after integration and after a restart', async () => {
    await using options = await temporaryLedger();
    const expected = entriesBetween(0, 1000);
    const check = async (ledger: Awaited<ReturnType<typeof openLedger>>): Promise<void> => {
      for (const [from, limit] of [
        [0, 1000],
        [250, 20],
        [767, 2],
        [999, 5],
        [1000, 5],
      ] as const) {
        const entries = await ledger.read(from, limit);
        expect(entries.map(({ envelope, salt, payload }) => ({ envelope, salt, payload }).payload)).toEqual(
          expected.slice(from, from + limit).map(({ payload }) => payload),
        );
        for (const { index, envelope, salt, removed } of entries) {
          expect(Buffer.from(envelope).equals(expected[index]?.envelope ?? Buffer.of())).toBe(true);
          expect(Buffer.from(salt).equals(expected[index]?.salt ?? Buffer.of())).toBe(true);
          expect(removed).toBeNull();
        }
      }
    };
    {
      await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
      await ledger.append(expected.slice(0, 1));
      await ledger.publishNow();
      await ledger.append(expected.slice(1));
      expect(ledger.sizes).toEqual({ accepted: 1000, published: 1 });
      await check(ledger);
      await ledger.publishNow();
      expect(ledger.sizes).toEqual({ accepted: 1000, published: 1000 });
      await check(ledger);
    }
    await using ledger = await openLedger(options);
    expect(ledger.sizes).toEqual({ accepted: 1000, published: 1000 });
    await check(ledger);
    expect(await ledger.append(entriesBetween(1000, 1001))).toEqual({ firstIndex: 1000 });
  });

  it('publishes exactly the files of a tlog-tiles directory, with the root of the recursive definition', async () => {
    await using options = await temporaryLedger();
    {
      await using ledger = await openLedger(options);
      await ledger.append(entriesBetween(0, 600));
    }
    await using ledger = await openLedger(options);
    expect(toHex(ledger.checkpoint().root)).toBe(toHex(naiveTree(600).root(0, 600)));
    expect(filesBelow(options.publicDir)).toEqual(
      [
        'checkpoint',
        'tile/0/000',
        'tile/0/001',
        'tile/0/002.p/88',
        'tile/1/000.p/2',
        'tile/entries/000',
        'tile/entries/001',
        'tile/entries/002.p/88',
        'vkey',
        'vkeys',
      ].toSorted(),
    );
  });

  it('keeps the signing key and everything private from other users', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    await ledger.append(entriesBetween(0, 300));
    await ledger.publishNow();
    expect(statSync(options.privateDir).mode & 0o777).toBe(0o700);
    for (const file of ['signing-keys', 'state.json', 'payloads/000/000/000.zst']) {
      expect(statSync(join(options.privateDir, file)).mode & 0o777, file).toBe(0o600);
    }
  });

  it('proves inclusion and consistency for its own and for earlier sizes', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
    const naive = naiveTree(1500);
    for (const [from, to] of [
      [0, 5],
      [5, 300],
      [300, 1500],
    ] as const) {
      await ledger.append(entriesBetween(from, to));
      await ledger.publishNow();
    }
    for (const size of [1, 5, 256, 300, 1500]) {
      for (const index of [0, 4, 255, 299, 1499].filter((i) => i < size)) {
        const proof = await ledger.inclusionProof(index, size);
        const leafHash = nodeTreeHasher.leaf(entryAt(index).envelope);
        const claim = { leafHash, index, size, root: naive.root(0, size) };
        expect(verifyInclusion(nodeTreeHasher, claim, proof), `${index} in ${size}`).toBe(true);
      }
      const proof = await ledger.consistencyProof(size);
      const newer = { size: 1500, root: naive.root(0, 1500) };
      expect(verifyConsistency(nodeTreeHasher, { size, root: naive.root(0, size) }, newer, proof)).toBe(true);
    }
    await expect(ledger.inclusionProof(1500)).rejects.toMatchObject({ code: 'bad_parameter' });
    await expect(ledger.consistencyProof(3, 1501)).rejects.toMatchObject({ code: 'bad_parameter' });
  });

  it('refuses an entry that does not fit, and appends nothing of its batch', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    const tooLong = { ...entryAt(1), envelope: new Uint8Array(65_536) };
    await expect(ledger.append([entryAt(0), tooLong])).rejects.toMatchObject({ code: 'too_large' });
    expect(await ledger.append([entryAt(0)])).toEqual({ firstIndex: 0 });
    const longest = { ...entryAt(1), envelope: new Uint8Array(65_535) };
    expect(await ledger.append([longest])).toEqual({ firstIndex: 1 });
    expect((await ledger.readEntry(1)).envelope).toHaveLength(65_535);
  });

  it.each([
    ['in the unfinished block', 300, 299, 'at once'],
    ['in a block that is written', 300, 17, 'at once'],
    ['that is accepted but not integrated', 3, 1, 'at once'],
    ['in the unfinished block', 300, 299, 'after a restart'],
    ['in a block that is written', 300, 17, 'after a restart'],
  ])(
    'erases salt and payload of an entry %s from every file, for good (%i entries, index %i, %s)',
    async (_where, size, index, when) => {
      await using options = await temporaryLedger();
      const secret = 'find-me-nowhere';
      const entries = entriesBetween(0, size);
      entries[index] = { ...entryAt(index), salt: Buffer.from(secret), payload: Buffer.from(secret) };
      if (when === 'after a restart') {
        await using ledger = await openLedger(options);
        await ledger.append(entries.splice(0));
      }
      {
        await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
        if (entries.length > 0) await ledger.append(entries);
        else await ledger.append([entryAt(size)]);
        expect(holdsText(options.privateDir, secret)).not.toEqual([]);
        await ledger.erase(index);
        await ledger.erase(index);
        expect(await ledger.readEntry(index)).toMatchObject({ payload: null, removed: 'erased' });
        expect(holdsText(options.privateDir, secret)).toEqual([]);
      }
      await using ledger = await openLedger(options);
      expect(await ledger.readEntry(index)).toMatchObject({ payload: null, removed: 'erased' });
      expect(String((await ledger.readEntry(index)).envelope)).toBe(`envelope ${index}`);
      for (const other of [0, index - 1, size - 1].filter((i) => i !== index)) {
        expect(Buffer.from((await ledger.readPayload(other)) ?? []).toString()).toBe(String(entryAt(other).payload));
      }
      expect((await ledger.append(entriesBetween(size, size + 600))).firstIndex).toBeGreaterThanOrEqual(size);
      await ledger.publishNow();
      expect(await ledger.readEntry(index)).toMatchObject({ payload: null, removed: 'erased' });
    },
  );

  it('erases many entries at once, in written blocks and in the unfinished one, and no other', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    await ledger.append(entriesBetween(0, 600));
    const erased = [0, 255, 256, 300, 511, 512, 599];
    await ledger.erase(erased);
    const found = (await ledger.read(0, 600)).filter(({ removed }) => removed !== null);
    expect(found.map(({ index, removed }) => [index, removed])).toEqual(erased.map((index) => [index, 'erased']));
    await expect(ledger.erase([1, 600])).rejects.toMatchObject({ code: 'not_found' });
    expect(await ledger.readPayload(1)).not.toBeNull();
  });

  it('reads envelopes alone across memory and files', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
    await ledger.append(entriesBetween(0, 700));
    await ledger.publishNow();
    await ledger.append(entriesBetween(700, 800));
    for (const [from, limit] of [
      [0, 1000],
      [255, 2],
      [300, 1],
      [500, 250],
      [799, 9],
      [800, 1],
    ] as const) {
      const read = await ledger.readEnvelopes(from, limit);
      expect(read.map(({ index, envelope }) => [index, String(envelope)])).toEqual(
        entriesBetween(from, Math.min(800, from + limit)).map(({ envelope }, i) => [from + i, String(envelope)]),
      );
    }
  });

  it('drops the payloads that retention names and keeps every envelope', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    await ledger.append(entriesBetween(0, 1100));
    await ledger.publishNow();
    await ledger.erase(1099);
    const shouldDrop = ({ index }: { index: number }): boolean => index % 2 === 0;
    const { dropped } = await ledger.dropPayloads({ from: 100, to: 900, shouldDrop });
    expect(dropped).toBe(400);
    for (const entry of await ledger.read(0, 1100)) {
      const isDropped = entry.index >= 100 && entry.index < 900 && entry.index % 2 === 0;
      expect(String(entry.envelope)).toBe(`envelope ${entry.index}`);
      if (entry.index !== 1099) expect(entry.removed).toBe(isDropped ? 'dropped' : null);
    }
    expect(await ledger.dropPayloads({ from: 100, to: 900, shouldDrop })).toEqual({ dropped: 0, bytes: 0 });
  });

  it('reads around a payload block that is damaged and says so once', async () => {
    await using options = await temporaryLedger();
    const problems: string[] = [];
    const { writeFileSync } = await import('node:fs');
    {
      await using ledger = await openLedger(options);
      await ledger.append(entriesBetween(0, 800));
    }
    const path = join(options.privateDir, 'payloads/000/000/001.zst');
    const block = readFileSync(path);
    block[block.length - 1] = (block.at(-1) ?? 0) ^ 1;
    writeFileSync(path, block);
    await using ledger = await openLedger({ ...options, onProblem: (message) => problems.push(message) });
    const entries = await ledger.read(0, 800);
    expect(entries.filter(({ removed }) => removed === 'lost').map(({ index }) => index)).toEqual(
      Array.from({ length: 256 }, (_, i) => 256 + i),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('001.zst');
  });

  it('deletes partial tiles of full tiles only after they were superseded for the time allowed', async () => {
    await using options = await temporaryLedger();
    let now = 0;
    await using ledger = await openLedger({ ...options, now: () => now, publishEveryMs: 1_000_000 });
    const partials = (): string[] => filesBelow(options.publicDir).filter((file) => file.includes('.p/'));
    const growTo = async (size: number): Promise<void> => {
      await ledger.append(entriesBetween(ledger.sizes.accepted, size));
      await ledger.publishNow();
    };
    await growTo(200);
    await growTo(300);
    now = 599_999;
    await growTo(301);
    expect(partials()).toContain('tile/0/000.p/200');
    now = 600_001;
    await growTo(302);
    expect(partials()).toEqual(
      [300, 301, 302]
        .flatMap((size) => [`tile/0/001.p/${size - 256}`, `tile/entries/001.p/${size - 256}`])
        .concat('tile/1/000.p/1')
        .toSorted(),
    );
  });

  it('makes appending wait when memory is full, and never for ever', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1, maxTailBytes: 1000 });
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) await ledger.append(entriesBetween(0, 7));
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(ledger.sizes.accepted).toBe(4 * 40 * 7);
  });

  it('tells subscribers of acceptance and publication, until they leave', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1_000_000 });
    const seen: { accepted: number; published: number }[] = [];
    const leave = ledger.subscribe((sizes) => seen.push(sizes));
    await ledger.append(entriesBetween(0, 3));
    await ledger.publishNow();
    leave();
    await ledger.append(entriesBetween(3, 4));
    expect(seen[0]).toEqual({ accepted: 3, published: 0 });
    expect(seen.at(-1)).toEqual({ accepted: 3, published: 3 });
  });

  it('is open once: a second opener is refused, a closed one appends nothing', async () => {
    await using options = await temporaryLedger();
    const ledger = await openLedger(options);
    await expect(openLedger(options)).rejects.toMatchObject({ code: 'conflict' });
    await ledger.close();
    await expect(ledger.append([entryAt(0)])).rejects.toMatchObject({ code: 'ledger_closed' });
    await using again = await openLedger(options);
    expect(again.sizes.accepted).toBe(0);
  });

  it('keeps its origin: another one is refused with both names', async () => {
    await using options = await temporaryLedger();
    await (await openLedger(options)).close();
    await expect(openLedger({ ...options, origin: 'other.example/log' })).rejects.toThrow(
      /dockledger\.example\/test.*other\.example\/log/,
    );
  });

  it('makes up an origin of its own that stays', async () => {
    await using options = await temporaryLedger();
    const { publicDir, privateDir } = options;
    const first = await openLedger({ publicDir, privateDir });
    expect(first.origin).toMatch(/^dockledger\.local\/[0-9a-f]{16}$/);
    await first.close();
    await using second = await openLedger({ publicDir, privateDir });
    expect(second.origin).toBe(first.origin);
    expect(existsSync(join(publicDir, 'checkpoint'))).toBe(true);
  });
});
