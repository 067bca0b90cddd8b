import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryInput } from './batch-record.ts';
import { createDirectorySource, createUrlSource } from './ledger-source.ts';
import { nodeTreeHasher } from './node-crypto.ts';
import { openLedger } from './open-ledger.ts';
import { createPayloadReader } from './payload-reader.ts';
import { createSigningKey, signNote } from './signing-key.ts';
import { entriesBetween, entryAt, temporaryLedger } from './testing/ledger-fixtures.ts';
import { encodeEntryBundle, parseEntryBundle } from './tlog/entry-bundle.ts';
import { formatNote, parseNote } from './tlog/note.ts';
import { type VerifyOptions, verifyLedger } from './verify-ledger.ts';
import type { VerifyReport } from './verify-report.ts';

const size = 1100;

describe('verifying a ledger', () => {
  let original: Awaited<ReturnType<typeof temporaryLedger>>;
  let vkey = '';
  let checkpoint: Uint8Array;

  beforeAll(async () => {
    original = await temporaryLedger();
    await using ledger = await openLedger(original);
    vkey = ledger.vkey;
    await ledger.append(entriesBetween(0, size));
    await ledger.publishNow();
    checkpoint = readFileSync(join(original.publicDir, 'checkpoint'));
  });
  afterAll(() => original[Symbol.asyncDispose]());

  /** Verifies a copy of the ledger after `tamper` has had its hands on it. */
  async function verifyTampered(
    tamper: (publicDir: string) => void,
    more: Partial<VerifyOptions> = {},
  ): Promise<VerifyReport> {
    await using copy = await temporaryLedger();
    cpSync(original.publicDir, copy.publicDir, { recursive: true });
    tamper(copy.publicDir);
    return await verifyLedger({ source: createDirectorySource(copy.publicDir), vkeys: [vkey], ...more });
  }

  /** A ledger with the same key and origin but other entries: what the owner of the disk could make. */
  async function verifyForged(
    entries: readonly EntryInput[],
    more: Partial<VerifyOptions> = {},
  ): Promise<VerifyReport> {
    await using copy = await temporaryLedger();
    mkdirSync(copy.privateDir, { recursive: true });
    cpSync(join(original.privateDir, 'signing-keys'), join(copy.privateDir, 'signing-keys'));
    await using ledger = await openLedger(copy);
    await ledger.append(entries);
    await ledger.publishNow();
    return await verifyLedger({ source: createDirectorySource(copy.publicDir), vkeys: [vkey], ...more });
  }

  const changeBundle =
    (path: string, width: number, change: (entries: Uint8Array[]) => Uint8Array[]) =>
    (publicDir: string): void => {
      const file = join(publicDir, path);
      writeFileSync(file, encodeEntryBundle(change(parseEntryBundle(readFileSync(file), width))));
    };
  const changeAt = (entries: Uint8Array[], at: number): Uint8Array[] => entries.with(at, Buffer.from('something else'));
  const codes = (report: VerifyReport): string[] => report.failures.map(({ code }) => code);

  it('finds nothing wrong with an untouched one', async () => {
    const seen: number[] = [];
    const report = await verifyTampered(() => undefined, {
      heads: [checkpoint],
      checkEntry: ({ index, envelope }) => {
        seen.push(index);
        return String(envelope) === `envelope ${index}` ? undefined : 'wrong';
      },
    });
    expect(report).toMatchObject({ ok: true, size, entriesChecked: size, keyPinned: true, failures: [] });
    expect(seen).toEqual(Array.from({ length: size }, (_, i) => i));
  });

  it('says when it had to believe the log about its own key', async () => {
    const report = await verifyLedger({ source: createDirectorySource(original.publicDir) });
    expect(report).toMatchObject({ ok: true, keyPinned: false });
  });

  it.each([
    ['a full bundle', 'tile/entries/002', 256, 512 + 17],
    ['the unfinished bundle', 'tile/entries/004.p/76', 76, 1024 + 17],
  ])('names the entry that was changed in %s', async (_what, path, width, index) => {
    const report = await verifyTampered(changeBundle(path, width, (entries) => changeAt(entries, 17)));
    expect(report).toMatchObject({ ok: false, failureCount: 1, failures: [{ code: 'entry-changed', index, path }] });
  });

  it('names the entry when a single byte of it differs, and the bundle when a length does', async () => {
    const flip = (at: number) => (publicDir: string) => {
      const file = join(publicDir, 'tile/entries/001');
      const bytes = readFileSync(file);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    };
    expect((await verifyTampered(flip(5))).failures).toMatchObject([{ code: 'entry-changed', index: 256 }]);
    expect(codes(await verifyTampered(flip(1)))).toContain('bundle-malformed');
  });

  it('names the bundle from which an entry was dropped', async () => {
    const report = await verifyTampered(changeBundle('tile/entries/001', 256, (entries) => entries.toSpliced(9, 1)));
    expect(report).toMatchObject({ ok: false, failures: [{ code: 'bundle-malformed', path: 'tile/entries/001' }] });
  });

  it('names both entries that were swapped', async () => {
    const swap = (entries: Uint8Array[]): Uint8Array[] =>
      entries.with(3, entries[8] ?? Buffer.of()).with(8, entries[3] ?? Buffer.of());
    const report = await verifyTampered(changeBundle('tile/entries/000', 256, swap));
    expect(report.failures.map(({ code, index }) => [code, index])).toEqual([
      ['entry-changed', 3],
      ['entry-changed', 8],
    ]);
  });

  it('names a hash tile that was replaced, and not the entries below it', async () => {
    const report = await verifyTampered((publicDir) =>
      writeFileSync(join(publicDir, 'tile/0/001'), Buffer.alloc(8192)),
    );
    expect(report).toMatchObject({ failureCount: 1, failures: [{ code: 'tile-changed', path: 'tile/0/001' }] });
    const upper = await verifyTampered((publicDir) =>
      writeFileSync(join(publicDir, 'tile/1/000.p/4'), Buffer.alloc(128)),
    );
    expect(upper).toMatchObject({ failures: [{ code: 'tile-changed', path: 'tile/1/000.p/4' }] });
  });

  it('names where a bundle and its tile were replaced together', async () => {
    const report = await verifyTampered((publicDir) => {
      changeBundle('tile/entries/002', 256, (entries) => changeAt(entries, 0))(publicDir);
      const entries = parseEntryBundle(readFileSync(join(publicDir, 'tile/entries/002')), 256);
      writeFileSync(join(publicDir, 'tile/0/002'), Buffer.concat(entries.map((entry) => nodeTreeHasher.leaf(entry))));
    });
    expect(codes(report)).toEqual(['tile-changed', 'root-mismatch']);
    expect(report.failures[0]).toMatchObject({ path: 'tile/1/000.p/4', index: 512 });
  });

  it.each([
    ['bundle-missing', 'tile/entries/003'],
    ['tile-missing', 'tile/0/003'],
    ['tile-missing', 'tile/1/000.p/4'],
    ['checkpoint-missing', 'checkpoint'],
  ])('reports %s by name', async (code, path) => {
    const report = await verifyTampered((publicDir) => rmSync(join(publicDir, path)));
    expect(report).toMatchObject({ ok: false, failures: [{ code, path }] });
  });

  it('refuses a checkpoint signed by another key, also when the log names that key as its own', async () => {
    const stranger = createSigningKey('dockledger.example/test');
    const resign = (publicDir: string): void => {
      const { text } = parseNote(checkpoint);
      writeFileSync(join(publicDir, 'checkpoint'), formatNote(signNote(text, [stranger])));
      for (const file of ['vkey', 'vkeys']) writeFileSync(join(publicDir, file), `${stranger.vkey}\n`);
    };
    expect(await verifyTampered(resign)).toMatchObject({ ok: false, failures: [{ code: 'signature-invalid' }] });
    const { vkeys: _pinned, ...unpinned } = { vkeys: [vkey] };
    await using copy = await temporaryLedger();
    cpSync(original.publicDir, copy.publicDir, { recursive: true });
    resign(copy.publicDir);
    const believed = await verifyLedger({ source: createDirectorySource(copy.publicDir), ...unpinned });
    expect(believed).toMatchObject({ ok: true, keyPinned: false });
  });

  it('refuses a checkpoint whose size or root was edited', async () => {
    const edit = (from: string, to: string) => (publicDir: string) =>
      writeFileSync(join(publicDir, 'checkpoint'), Buffer.from(checkpoint).toString().replace(from, to));
    expect(codes(await verifyTampered(edit('\n1100\n', '\n1099\n')))).toContain('signature-invalid');
    expect(codes(await verifyTampered(edit('\n1100\n', '\n01100\n')))).toEqual(['checkpoint-malformed']);
  });

  it('finds a tail that was cut off when it knows an earlier checkpoint, and only then', async () => {
    const cut = entriesBetween(0, 1000);
    expect(await verifyForged(cut)).toMatchObject({ ok: true, size: 1000 });
    const report = await verifyForged(cut, { heads: [checkpoint] });
    expect(report).toMatchObject({ ok: false, failures: [{ code: 'truncated' }] });
    expect(report.failures[0]?.message).toContain('100 were cut off');
  });

  it('finds a rewritten history that grew beyond an earlier checkpoint', async () => {
    const rewritten = entriesBetween(0, 1200).with(7, { ...entryAt(7), envelope: Buffer.from('never happened') });
    expect(await verifyForged(rewritten, { heads: [checkpoint] })).toMatchObject({
      ok: false,
      failures: [{ code: 'forked' }],
    });
    expect(await verifyForged(entriesBetween(0, 1200), { heads: [checkpoint] })).toMatchObject({
      ok: true,
      size: 1200,
    });
  });

  it('hands payloads to the check of an entry, whose sentence becomes a failure', async () => {
    await using ledger = await openLedger(original);
    await ledger.erase(5);
    const report = await verifyLedger({
      source: createDirectorySource(original.publicDir),
      vkeys: [vkey],
      payloads: createPayloadReader(original.privateDir),
      checkEntry: ({ index, content }) => {
        if (content?.removed === 'erased') return index === 5 ? undefined : 'erased by mistake';
        const expected = index === 300 ? 'another payload' : String(entryAt(index).payload);
        return String(content?.payload) === expected ? undefined : 'its payload is not the recorded one';
      },
    });
    expect(report).toMatchObject({ failureCount: 1, payloadsUnavailable: 0 });
    expect(report.failures).toMatchObject([
      { code: 'entry-check', index: 300, message: 'Entry 300: its payload is not the recorded one' },
    ]);
  });

  it('finds nothing wrong with one that grows meanwhile', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger({ ...options, publishEveryMs: 1 });
    const enough = new AbortController();
    const growing = (async () => {
      for (let first = 0; !enough.signal.aborted; first += 33) await ledger.append(entriesBetween(first, first + 33));
    })();
    const heads: Uint8Array[] = [];
    const sizes = new Set<number>();
    const deadline = Date.now() + 20_000;
    while (sizes.size < 8 && Date.now() < deadline) {
      const report = await verifyLedger({
        source: createDirectorySource(options.publicDir),
        vkeys: [ledger.vkey],
        heads,
        payloads: createPayloadReader(options.privateDir),
        checkEntry: ({ index, content }) =>
          Buffer.from(content?.payload ?? []).equals(Buffer.from(entryAt(index).payload)) ? undefined : 'other payload',
      });
      expect(report).toMatchObject({ failures: [], payloadsUnavailable: 0 });
      sizes.add(report.size);
      heads.push(readFileSync(join(options.publicDir, 'checkpoint')));
    }
    enough.abort();
    await growing;
    expect(sizes.size).toBe(8);
  });

  it('finds payloads that are only in the journal yet, and misses those that are in no file', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    await ledger.append(entriesBetween(0, 300));
    await ledger.publishNow();
    const verify = () =>
      verifyLedger({
        source: createDirectorySource(options.publicDir),
        vkeys: [ledger.vkey],
        payloads: createPayloadReader(options.privateDir),
        checkEntry: ({ content }) => (content?.payload === undefined ? 'no payload' : undefined),
      });
    expect(await verify()).toMatchObject({ ok: true, size: 300, payloadsUnavailable: 0 });
    await ledger.close();
    rmSync(join(options.privateDir, 'payloads'), { recursive: true });
    rmSync(join(options.privateDir, 'journal'), { recursive: true });
    expect(await verify()).toMatchObject({ payloadsUnavailable: 256 });
  });

  it('works from a URL, and does not take an error there for a missing file', async () => {
    const server = createServer((request, response) => {
      const path = join(original.publicDir, request.url?.replace('/log/', '') ?? '');
      if (request.headers.authorization !== 'Bearer token') response.writeHead(401).end();
      else if (existsSync(path)) response.writeHead(200).end(readFileSync(path));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = server.address();
      const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/log/`;
      const source = createUrlSource(url, { authorization: 'Bearer token' });
      expect(await verifyLedger({ source, vkeys: [vkey] })).toMatchObject({ ok: true, size });
      await expect(verifyLedger({ source: createUrlSource(url), vkeys: [vkey] })).rejects.toMatchObject({
        code: 'unavailable',
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('accepts the old key while it signs beside the new one, and no longer when it is retired', async () => {
    await using options = await temporaryLedger();
    await using ledger = await openLedger(options);
    const oldKey = ledger.vkey;
    const source = createDirectorySource(options.publicDir);
    await ledger.append(entriesBetween(0, 10));
    const newKey = await ledger.rotateKey();
    await ledger.publishNow();
    for (const key of [oldKey, newKey]) expect((await verifyLedger({ source, vkeys: [key] })).ok).toBe(true);
    await ledger.retireOldKeys();
    expect(codes(await verifyLedger({ source, vkeys: [oldKey] }))).toEqual(['signature-invalid']);
    expect((await verifyLedger({ source, vkeys: [newKey] })).ok).toBe(true);
    expect(ledger.keyHistory()).toEqual([oldKey, newKey]);
    expect(readFileSync(join(options.publicDir, 'vkey'), 'utf8')).toBe(`${newKey}\n`);
    await ledger.close();
    await using again = await openLedger(options);
    expect(again.vkey).toBe(newKey);
  });
});
