// `dockledger verify`: checks a ledger from its files or its URL alone: signatures, tiles, envelopes, payload digests and
// the numbers of every Defender. The last line of `--json` is one object; exit code 0 only when everything holds.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnvelope } from '@dockledger/console';
import { AppError } from '@dockledger/contract';
import {
  type CheckedEntry,
  createDirectorySource,
  createPayloadReader,
  createUrlSource,
  verifyLedger,
} from '@dockledger/ledger';
import { exitCode } from '../exit-code.ts';

/** What to verify. Exactly one of `dir` and `url`, or the data directory's own ledger. */
export interface VerifyRequest {
  readonly dataDir: string;
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  /** A vkey, or a file with vkeys, one a line. */
  readonly key?: string | undefined;
  /** A file with a checkpoint seen earlier: the ledger must extend it. */
  readonly since?: string | undefined;
  readonly json: boolean;
}

/** Follows the numbers of every Defender through the ledger. */
function createEntryCheck() {
  const last = new Map<string, { epoch: number; seq: number }>();
  let gapEvents = 0;
  const check = ({ envelope, content }: CheckedEntry): string | undefined => {
    let parsed: ReturnType<typeof parseEnvelope>;
    try {
      parsed = parseEnvelope(envelope);
    } catch (error) {
      return (error as Error).message;
    }
    const { defender, epoch, seq, length, digest, type } = parsed;
    if (type === 'gap') gapEvents++;
    const before = last.get(defender);
    last.set(defender, { epoch, seq });
    if (before !== undefined && before.epoch === epoch && seq !== before.seq + 1) {
      return `number ${seq} of Defender ${defender}, epoch ${epoch}, follows ${before.seq}`;
    }
    if (before !== undefined && epoch < before.epoch)
      return `epoch ${epoch} of Defender ${defender} follows epoch ${before.epoch}`;
    if (content === null || content.payload === null) return undefined;
    const { salt, payload } = content;
    if (payload.length !== length)
      return `the payload of event ${defender}.${epoch}.${seq} has ${payload.length} bytes instead of ${length}`;
    const actual = createHash('sha256').update(salt).update(payload).digest('base64');
    return actual === digest
      ? undefined
      : `the payload of event ${defender}.${epoch}.${seq} is not the one that was recorded`;
  };
  return { check, defenders: () => last.size, gapEvents: () => gapEvents };
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

/** Verifies and prints. Returns the exit code. */
export async function verifyCommand(request: VerifyRequest): Promise<number> {
  const directory = request.dir ?? join(request.dataDir, 'ledger');
  if (request.url === undefined && !existsSync(directory)) {
    throw new AppError('bad_setting', `There is no ledger in ${directory}. Name one with --dir, --url or --data-dir.`);
  }
  const privateDir = join(directory, '../ledger-private');
  const entries = createEntryCheck();
  const showProgress = !request.json && process.stderr.isTTY;
  const startedAt = performance.now();
  const report = await verifyLedger({
    source: request.url === undefined ? createDirectorySource(directory) : createUrlSource(request.url),
    ...(request.key !== undefined && { vkeys: await readKeys(request.key) }),
    ...(request.since !== undefined && { heads: [await readFile(request.since)] }),
    ...(request.url === undefined && existsSync(privateDir) && { payloads: createPayloadReader(privateDir) }),
    checkEntry: entries.check,
    ...(showProgress && {
      onProgress: ({ checked, size }) => {
        const part = size === 0 ? 1 : checked / size;
        process.stderr.write(`\r[${'#'.repeat(Math.round(part * 40)).padEnd(40)}] ${checked} of ${size}`);
      },
    }),
  });
  if (showProgress) process.stderr.write('\n');
  const seconds = (performance.now() - startedAt) / 1000;
  const result = {
    ...report,
    defenders: entries.defenders(),
    gaps: entries.gapEvents(),
    // Only the running Console can be asked whether its index agrees; never success by silence.
    store: 'not-checked' as const,
  };
  if (request.json) console.log(JSON.stringify(result));
  else {
    console.log(
      report.ok
        ? `The ledger holds: ${report.size} events of ${result.defenders} Defenders, ${result.gaps} declared gaps.`
        : `The ledger does NOT hold: ${report.failureCount} failures.`,
    );
    for (const failure of report.failures) console.log(`  ${failure.code}: ${failure.message}`);
    console.log(`  origin ${report.origin ?? 'unknown'}, root ${report.root ?? 'none'}`);
    console.log(
      `  key ${report.keyPinned ? 'pinned' : 'not pinned: the ledger was believed about its own key; give --key'}`,
    );
    console.log(`  event store not checked; ${Math.round(report.entriesChecked / Math.max(seconds, 0.001))} events/s`);
  }
  return report.ok ? exitCode.ok : exitCode.failed;
}
