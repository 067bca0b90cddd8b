// `dockledger verify`: checks a ledger from its files or its URL: signatures, tiles, envelopes, payload digests, tombstones and the numbers
// of every Defender; then asks the running Console about its event store. The last line of `--json` is one object; exit code 0 only when all holds.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '@dockledger/contract';
import { createDirectorySource, createPayloadReader, createUrlSource, verifyLedger } from '@dockledger/ledger';
import { type ConsoleClient, type Credentials, createConsoleClient, findConsole } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';
import { createEntryCheck } from './verify-entries.ts';
import { notChecked, type StoreVerdict, toSentence, verifyStore } from './verify-store.ts';

/** What to verify. Exactly one of `dir` and `url`, or the data directory's own ledger. */
export interface VerifyRequest {
  readonly dataDir: string;
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  /** A vkey, or a file with vkeys, one a line. */
  readonly key?: string | undefined;
  /** Files with checkpoints seen earlier or kept elsewhere: the ledger must extend each. */
  readonly since: readonly string[];
  /** PEM of the authority behind an https URL. Defaults to the system's. */
  readonly ca?: string | undefined;
  /** Who asks the Console. */
  readonly credentials: Credentials;
  readonly json: boolean;
}

async function readKeys(key: string): Promise<string[]> {
  const text = existsSync(key) ? await readFile(key, 'utf8') : key;
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (keys.length === 0)
    throw new AppError('bad_setting', `Option --key is "${key}", which holds no key. Give a vkey or a file with one.`);
  return keys;
}

/** Draws a bar on a terminal; nothing elsewhere. */
function createProgress(json: boolean): { show(checked: number, size: number): void; end(): void } {
  if (json || !process.stderr.isTTY) return { show: () => undefined, end: () => undefined };
  return {
    show: (checked, size) => {
      const part = size === 0 ? 1 : checked / size;
      process.stderr.write(`\r[${'#'.repeat(Math.round(part * 40)).padEnd(40)}] ${checked} of ${size}`);
    },
    end: () => process.stderr.write('\n'),
  };
}

/** The Console to ask: the one of the URL, or the one that runs on the data directory. */
async function consoleOf(request: VerifyRequest): Promise<ConsoleClient | string> {
  const { url, ca, dataDir, credentials } = request;
  try {
    if (url !== undefined) {
      if (!/^https:.*\/ledger\/?$/.test(url)) return 'only a Console can be asked, and this URL is none of a Console';
      const pem = ca === undefined ? undefined : await readFile(ca, 'utf8');
      return await createConsoleClient({ url: new URL(url).origin, ca: pem, dataDir, credentials });
    }
    // The ledger elsewhere is not the one of this Console.
    if (request.dir !== undefined && resolve(request.dir) !== resolve(dataDir, 'ledger'))
      return 'the directory is not the ledger of a Console that runs here';
    return (await findConsole(dataDir, credentials)) ?? 'no Console runs on this data directory';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Verifies and prints. Returns the exit code. */
export async function verifyCommand(request: VerifyRequest): Promise<number> {
  const { url, json, key } = request;
  const directory = request.dir ?? join(request.dataDir, 'ledger');
  if (url === undefined && !existsSync(directory)) {
    throw new AppError('bad_setting', `There is no ledger in ${directory}. Name one with --dir, --url or --data-dir.`);
  }
  const privateDir = join(directory, '../ledger-private');
  const console_ = await consoleOf(request);
  const source =
    url === undefined
      ? createDirectorySource(directory)
      : typeof console_ === 'string'
        ? createUrlSource(url)
        : { read: (path: string) => console_.bytes(`/ledger/${path}`) };
  const entries = createEntryCheck();
  const progress = createProgress(json);
  const startedAt = performance.now();
  const report = await verifyLedger({
    source,
    ...(key !== undefined && { vkeys: await readKeys(key) }),
    ...(request.since.length > 0 && { heads: await Promise.all(request.since.map((file) => readFile(file))) }),
    ...(url === undefined && existsSync(privateDir) && { payloads: createPayloadReader(privateDir) }),
    checkEntry: (entry) => entries.check(entry),
    onProgress: ({ checked, size }) => progress.show(checked, size),
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const store: StoreVerdict =
    typeof console_ === 'string'
      ? notChecked(console_)
      : await verifyStore(console_, (checked, size) => progress.show(checked, size));
  progress.end();
  const { uncovered, ...findings } = entries.findings();
  const failureCount = report.failureCount + uncovered.length + store.storeDifferenceCount;
  const result = {
    ...report,
    ok: failureCount === 0,
    failures: [
      ...report.failures,
      ...uncovered.slice(0, 100).map((failure) => ({ code: 'payload-removed', ...failure })),
      ...store.storeDifferences.map((difference) => ({
        code: `store-${difference.kind}`,
        message: toSentence(difference),
        index: difference.ledgerIndex,
      })),
    ],
    failureCount,
    ...findings,
    payloadsChecked: url === undefined && existsSync(privateDir),
    ...store,
    eventsPerSecond: Math.round(report.entriesChecked / Math.max(seconds, 0.001)),
  };
  if (json) console.log(JSON.stringify(result));
  else printResult(result);
  return result.ok ? exitCode.ok : exitCode.failed;
}

function printResult(result: {
  readonly ok: boolean;
  readonly size: number;
  readonly defenders: number;
  readonly gaps: number;
  readonly tombstones: number;
  readonly payloadsRemoved: number;
  readonly payloadsChecked: boolean;
  readonly failureCount: number;
  readonly failures: readonly { readonly code: string; readonly message: string }[];
  readonly origin: string | null;
  readonly root: string | null;
  readonly keyPinned: boolean;
  readonly store: StoreVerdict['store'];
  readonly storeReason: string;
  readonly eventsPerSecond: number;
}): void {
  console.log(
    result.ok
      ? `The ledger holds: ${result.size} events of ${result.defenders} Defenders, ${result.gaps} declared gaps.`
      : `The ledger does NOT hold: ${result.failureCount} failures.`,
  );
  for (const failure of result.failures) console.log(`  ${failure.code}: ${failure.message}`);
  console.log(`  origin ${result.origin ?? 'unknown'}, root ${result.root ?? 'none'}`);
  console.log(
    `  key ${result.keyPinned ? 'pinned' : 'not pinned: the ledger was believed about its own key; give --key'}`,
  );
  console.log(
    result.payloadsChecked
      ? `  payloads checked; ${result.payloadsRemoved} removed, ${result.tombstones} tombstones`
      : '  payloads not checked: they are not part of the public ledger',
  );
  const why = result.storeReason === '' ? '' : ` (${result.storeReason})`;
  console.log(`  event store ${result.store}${why}; ${result.eventsPerSecond} events/s`);
}
