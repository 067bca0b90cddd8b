// Whatever is done to a ledger or to the event store by somebody who owns the disk is detected and named.
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDirectorySource,
  createPayloadReader,
  encodeEntryBundle,
  openLedger,
  parseEntryBundle,
} from '@dockledger/ledger';
import { type Dockledger, run, startDockledger, until } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePayloadBlock, encodePayloadBlock } from '../../packages/ledger/src/payload-block.ts';

interface Verdict {
  readonly ok: boolean;
  readonly size: number;
  readonly keyPinned: boolean;
  readonly payloadsRemoved: number;
  readonly store: string;
  readonly failureCount: number;
  readonly failures: readonly { readonly code: string; readonly message: string; readonly index?: number }[];
}

interface Entry {
  readonly envelope: Uint8Array;
  readonly salt: Uint8Array;
  readonly payload: Uint8Array;
}

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const calls = 600;
const noEngine = 'unix:///nonexistent/engine.sock';

let directory = '';
/** A data directory whose ledger is whole; never changed. */
let original = '';
let vkey = '';
let entries: readonly Entry[] = [];
let copies = 0;

/** A copy to be tampered with. */
function copyData(): string {
  const copy = join(directory, `copy-${copies++}`);
  cpSync(original, copy, { recursive: true });
  return copy;
}

async function verify(dataDir: string, ...words: string[]): Promise<Verdict & { exitCode: unknown }> {
  const environment: NodeJS.ProcessEnv = { ...process.env, DOCKLEDGER_ADMIN_PASSWORD: password };
  const { code, stdout, stderr } = await run(
    process.execPath,
    [main, 'verify', '--data-dir', dataDir, '--json', '--key', vkey, ...words],
    { env: environment },
  );
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (last === '') throw new Error(`verify printed nothing: ${stderr}`);
  return { ...(JSON.parse(last) as Verdict), exitCode: code };
}

let password = '';

function callProxy(socketPath: string, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        method: 'POST',
        path: '/v1.41/volumes/create',
        headers: { 'content-type': 'application/json', host: 'docker' },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify({ Name: name }));
  });
}

/** Waits until the newest checkpoint covers all that was accepted. */
async function published(dockledger: Dockledger): Promise<void> {
  await until('all is signed and indexed', async () => {
    const { ledgerSize, indexedSize } = (await dockledger.api('/api/dockledger/v1/status')).json<{
      ledgerSize: number;
      indexedSize: number;
    }>();
    const size = Number(readFileSync(join(dockledger.dataDir, 'ledger/checkpoint'), 'utf8').split('\n')[1]);
    return size === ledgerSize && indexedSize === ledgerSize;
  });
}

/** A ledger of these entries in place of the copy's, signed with the copy's own key: what a thief of the key can make. */
async function forge(dataDir: string, forged: readonly Entry[], { withOwnKey = false } = {}): Promise<void> {
  const keys = readFileSync(join(dataDir, 'ledger-private/signing-keys'));
  const origin = readFileSync(join(dataDir, 'ledger/checkpoint'), 'utf8').split('\n')[0] ?? '';
  for (const name of ['ledger', 'ledger-private']) rmSync(join(dataDir, name), { recursive: true });
  const options = {
    publicDir: join(dataDir, 'ledger'),
    privateDir: join(dataDir, 'ledger-private'),
    origin,
  };
  if (!withOwnKey) {
    await (await openLedger(options)).close();
    writeFileSync(join(options.privateDir, 'signing-keys'), keys);
    for (const name of ['vkey', 'vkeys']) writeFileSync(join(options.publicDir, name), `${vkey}\n`);
  }
  const ledger = await openLedger(options);
  await ledger.append(forged);
  await ledger.close();
}

/** The entry with the digest of what it holds now. */
function withFittingDigest({ envelope, salt, payload }: Entry): Entry {
  const digest = createHash('sha256').update(salt).update(payload).digest('base64');
  const text = Buffer.from(envelope)
    .toString()
    .replace(/"digest":"[^"]*"/, `"digest":"${digest}"`);
  return { envelope: Buffer.from(text), salt, payload };
}

/** Runs SQL on the files of the event store while nothing else has them open. */
async function sql(dataDir: string, ...statements: string[]): Promise<void> {
  const program = `import { Session } from 'chdb';
    const session = new Session(process.argv[1]);
    for (const statement of process.argv.slice(2)) await session.queryAsync(statement);
    session.close();
    process.kill(process.pid, 'SIGKILL');`;
  const store = join(dataDir, 'events/store');
  const { stderr } = await run(
    process.execPath,
    ['--input-type=module', '-e', program, store, ...statements],
    // Where chdb is found.
    { cwd: join(import.meta.dirname, '../../packages/console') },
  );
  expect(stderr).toBe('');
}

const eventStart = 3;
const indexOf = (offset: number) => eventStart + offset;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dl-tamper-'));
  original = join(directory, 'original');
  const dockledger = await startDockledger({ engineHost: noEngine, dataDir: original });
  password = dockledger.password;
  const socket = dockledger.dockerHost.replace('unix://', '');
  for (let start = 0; start < calls; start += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, offset) => callProxy(socket, `v-${start + offset}`)));
  }
  await until('all calls are in the ledger', async () => {
    const { ledgerSize } = (await dockledger.api('/api/dockledger/v1/status')).json<{ ledgerSize: number }>();
    return ledgerSize >= calls;
  });
  await published(dockledger);
  vkey = readFileSync(join(original, 'ledger/vkey'), 'utf8').trim();
  expect(await dockledger.stop()).toBe(0);
  const source = createDirectorySource(join(original, 'ledger'));
  const size = Number(readFileSync(join(original, 'ledger/checkpoint'), 'utf8').split('\n')[1]);
  const payloads = createPayloadReader(join(original, 'ledger-private'));
  const all: Entry[] = [];
  for (let first = 0; first < size; first += 256) {
    const width = Math.min(256, size - first);
    const name = `tile/entries/${String(first / 256).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`;
    const envelopes = parseEntryBundle((await source.read(name)) ?? new Uint8Array(), width);
    const contents = await payloads(first / 256, width);
    for (const [i, envelope] of envelopes.entries()) {
      const content = contents[i];
      if (content?.payload == null) throw new Error(`no payload of ${first + i}`);
      all.push({ envelope, salt: content.salt, payload: content.payload });
    }
  }
  entries = all;
}, 120_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a ledger that nobody touched', () => {
  it('holds, every payload checked, and the event store is not claimed to agree while no Console runs', async () => {
    expect(await verify(original)).toMatchObject({
      ok: true,
      exitCode: 0,
      size: entries.length,
      keyPinned: true,
      payloadsUnavailable: 0,
      store: 'not-checked',
      failures: [],
    });
  });
});

describe('tampering with the files of the ledger', () => {
  it('names the event of which a byte was changed', async () => {
    const data = copyData();
    const path = join(data, 'ledger/tile/entries/000');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"time":"', bytes.indexOf(entries[indexOf(40)]?.envelope ?? '')) + 12;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await verify(data)).toMatchObject({ ok: false, exitCode: 1 });
    expect((await verify(data)).failures).toContainEqual(
      expect.objectContaining({ code: 'entry-changed', index: indexOf(40) }),
    );
  });

  it('names the event whose payload was changed, with its checksum put right', async () => {
    const data = copyData();
    const path = join(data, 'ledger-private/payloads/000/000/000.zst');
    const block = await decodePayloadBlock(0, readFileSync(path));
    const changed = block.map((entry, index) =>
      index === 50 && entry.payload
        ? { ...entry, payload: Buffer.from(Buffer.from(entry.payload).toString().replace('v-', 'w-')) }
        : entry,
    );
    writeFileSync(path, await encodePayloadBlock(0, changed));
    const verdict = await verify(data);
    expect(verdict).toMatchObject({ ok: false, exitCode: 1, failureCount: 1 });
    expect(verdict.failures[0]).toMatchObject({ code: 'entry-check', index: 50 });
    expect(verdict.failures[0]?.message).toContain('is not the one that was recorded');
  });

  it('names the events of a payload file that was damaged or deleted, and those whose removal no tombstone tells', async () => {
    const data = copyData();
    const path = join(data, 'ledger-private/payloads/000/000/000.zst');
    const block = await decodePayloadBlock(0, readFileSync(path));
    const nothing = new Uint8Array(0);
    const hidden = block.map((entry, index) =>
      index === 60 || index === 61 ? { salt: nothing, payload: null, removed: 'erased' as const } : entry,
    );
    writeFileSync(path, await encodePayloadBlock(0, hidden));
    const silent = await verify(data);
    expect(silent).toMatchObject({ ok: false, payloadsRemoved: 2 });
    expect(silent.failures).toMatchObject([{ code: 'payload-removed', index: 60 }]);
    expect(silent.failures[0]?.message).toContain('entries 60 to 61');

    const bytes = readFileSync(path);
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect((await verify(data)).failures[0]?.message).toContain('damaged block');
    // The journal may still hold them, which would be no loss.
    for (const gone of [path, join(data, 'ledger-private/journal')]) rmSync(gone, { recursive: true });
    expect(await verify(data)).toMatchObject({ ok: false, failureCount: 256, payloadsUnavailable: 256 });
  });

  it('names both of two events that were swapped in their file', async () => {
    const data = copyData();
    const path = join(data, 'ledger/tile/entries/000');
    const bundle = [...parseEntryBundle(readFileSync(path), 256)];
    [bundle[70], bundle[71]] = [bundle[71] ?? new Uint8Array(), bundle[70] ?? new Uint8Array()];
    writeFileSync(path, encodeEntryBundle(bundle));
    const named = (await verify(data)).failures.filter(({ code }) => code === 'entry-changed');
    expect(named.map(({ index }) => index)).toEqual([70, 71]);
  });

  it('names a tile that was replaced as a whole', async () => {
    const data = copyData();
    cpSync(join(data, 'ledger/tile/0/000'), join(data, 'ledger/tile/0/001'));
    const verdict = await verify(data);
    expect(verdict).toMatchObject({ ok: false, exitCode: 1 });
    expect(JSON.stringify(verdict.failures)).toContain('tile/0/001');
  });
});

describe('a ledger that was made anew by a thief of its key', () => {
  it('betrays an event that was left out by the number that is missing', async () => {
    const data = copyData();
    await forge(data, entries.toSpliced(indexOf(100), 1));
    const verdict = await verify(data);
    expect(verdict).toMatchObject({ ok: false, exitCode: 1, failureCount: 1 });
    expect(verdict.failures[0]?.message).toMatch(/number \d+ of Defender \S+, epoch \d+, follows \d+/);
  });

  it('betrays two events that were swapped by their numbers', async () => {
    const data = copyData();
    const [a, b] = [entries[indexOf(100)], entries[indexOf(101)]];
    if (a === undefined || b === undefined) throw new Error('too few entries');
    await forge(data, entries.toSpliced(indexOf(100), 2, b, a));
    expect(await verify(data)).toMatchObject({ ok: false, failureCount: 3 });
  });

  it('is whole by itself when the tail was cut off, and found out by any head kept elsewhere', async () => {
    const data = copyData();
    await forge(data, entries.slice(0, 400));
    expect(await verify(data)).toMatchObject({ ok: true, size: 400 });
    const cut = await verify(data, '--since', join(original, 'ledger/checkpoint'));
    expect(cut).toMatchObject({ ok: false, exitCode: 1, failures: [{ code: 'truncated' }] });
    expect(cut.failures[0]?.message).toContain(`${entries.length - 400} were cut off`);
  });

  it('is found out by a head kept elsewhere when its events were invented anew', async () => {
    const data = copyData();
    const before = entries.slice(0, 300);
    const invented = entries.slice(300).map((entry) => ({ ...entry, salt: Buffer.alloc(16) }));
    await forge(data, [...before, ...invented.map(withFittingDigest)]);
    expect(await verify(data)).toMatchObject({ ok: true });
    const verdict = await verify(data, '--since', join(original, 'ledger/checkpoint'));
    expect(verdict).toMatchObject({ ok: false, failures: [{ code: 'forked' }] });
  });

  it('is refused when another key signed it', async () => {
    const data = copyData();
    await forge(data, entries, { withOwnKey: true });
    const verdict = await verify(data);
    expect(verdict).toMatchObject({ ok: false, exitCode: 1, failures: [{ code: 'signature-invalid' }] });
  });
});

describe('tampering with the event store', () => {
  const table = 'dockledger.events_v1';
  const mutate = 'SETTINGS mutations_sync = 1';

  it('agrees when nobody touched it, names the rows that were edited, deleted and inserted, and is put right by reindex', async () => {
    const data = copyData();
    const dockledger = await startDockledger({ engineHost: noEngine, dataDir: data });
    try {
      await published(dockledger);
      expect(await verify(data)).toMatchObject({ ok: true, exitCode: 0, store: 'agrees', storeDifferences: [] });
    } finally {
      await dockledger.stop();
    }
    const [edited, deleted, copied] = [indexOf(200), indexOf(210), indexOf(220)];
    await sql(
      data,
      `ALTER TABLE ${table} UPDATE user = 'mallory' WHERE ledgerIndex = ${edited} ${mutate}`,
      `ALTER TABLE ${table} DELETE WHERE ledgerIndex = ${deleted} ${mutate}`,
      `INSERT INTO ${table} SELECT * FROM ${table} WHERE ledgerIndex = ${copied}`,
      `INSERT INTO ${table} SELECT * REPLACE (9000000 AS ledgerIndex) FROM (SELECT * FROM ${table} WHERE ledgerIndex = ${edited})`,
    );
    await dockledger.start();
    try {
      await published(dockledger);
      const verdict = await verify(data);
      expect(verdict).toMatchObject({ ok: false, exitCode: 1, store: 'differs', failureCount: 4 });
      expect(verdict.failures).toMatchObject([
        { code: 'store-changed', index: edited },
        { code: 'store-missing', index: deleted },
        { code: 'store-added', index: copied },
        { code: 'store-added', index: 9_000_000 },
      ]);
      expect(verdict.failures[0]?.message).toContain('user');

      const environment: NodeJS.ProcessEnv = { ...process.env, DOCKLEDGER_ADMIN_PASSWORD: password };
      const words = [main, 'reindex', '--data-dir', data, '--json'];
      const repaired = await run(process.execPath, words, { env: environment });
      expect(JSON.parse(repaired.stdout)).toMatchObject({ ok: true, mended: 4 });
      expect(await verify(data)).toMatchObject({ ok: true, store: 'agrees' });
    } finally {
      await dockledger[Symbol.asyncDispose]();
    }
  });
});
