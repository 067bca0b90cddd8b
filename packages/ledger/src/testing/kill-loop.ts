// Kills an appending process again and again and checks after every kill what a ledger promises.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createDirectorySource } from '../ledger-source.ts';
import { openLedger } from '../open-ledger.ts';
import { parseTilePath, tileWidth, widthAtSize } from '../tlog/tile-path.ts';
import { verifyLedger } from '../verify-ledger.ts';
import type { VerifyReport } from '../verify-report.ts';
import { entryAt, temporaryLedger } from './ledger-fixtures.ts';

/** What a loop did, for the test to look at. */
export interface KillLoopResult {
  readonly acknowledged: number;
  readonly found: number;
  /** Verifications that were not ok, after a kill or a restart. */
  readonly badReports: VerifyReport[];
  /** Files in the public directory, after the last restart, that a log of its size does not have. */
  readonly strayFiles: string[];
  /** Acknowledged entries that are not at their index with their content. */
  readonly wrongEntries: number[];
}

const childPath = fileURLToPath(new URL('append-child.ts', import.meta.url));

/** Runs the child until it has acknowledged something and `afterMs` have passed, then kills it. Gives the acknowledged size. */
async function runAndKill(directory: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [childPath, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  let acknowledged = 0;
  let lines = 0;
  let isDue = false;
  const kill = (): void => {
    if (isDue && lines > 1) child.kill('SIGKILL');
  };
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines += 1;
    acknowledged = Math.max(acknowledged, Number(line));
    if (lines === 2)
      setTimeout(() => {
        isDue = true;
        kill();
      }, afterMs);
  });
  await ended;
  if (!isDue) throw new Error(`the appending process ended by itself after ${lines} lines`);
  return acknowledged;
}

/** What a power cut may do: everything that was not synced is there by name but empty. */
function loseUnsyncedFiles(publicDir: string, privateDir: string): void {
  const settled = Number(/"settledSize":(\d+)/.exec(readFileSync(join(privateDir, 'state.json'), 'utf8'))?.[1]);
  const settledFull = settled - (settled % tileWidth);
  for (const file of readdirSync(publicDir, { recursive: true, encoding: 'utf8' })) {
    const tile = parseTilePath(file);
    if (!tile) continue;
    const leaves = tileWidth ** (tile.level === 'entries' ? 1 : tile.level + 1);
    const isSettled = tile.width === tileWidth && (tile.index + 1) * leaves <= settledFull;
    if (!isSettled) truncateSync(join(publicDir, file), 0);
  }
  const payloads = join(privateDir, 'payloads');
  if (!existsSync(payloads)) return;
  for (const file of readdirSync(payloads, { recursive: true, encoding: 'utf8' })) {
    const block = /^(\d{3})\/(\d{3})\/(\d{3})\.zst$/.exec(file);
    if (block && Number(`${block[1]}${block[2]}${block[3]}`) * tileWidth >= settledFull)
      truncateSync(join(payloads, file), 0);
  }
}

/** Tile files that a tree of `size` does not have, and files that are no tiles. */
function findStrayFiles(publicDir: string, size: number): string[] {
  const files = readdirSync(publicDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files
    .map((file) => relative(publicDir, join(file.parentPath, file.name)))
    .filter((path) => {
      const tile = parseTilePath(path);
      if (!tile) return !['checkpoint', 'vkey', 'vkeys'].includes(path);
      return tile.width > widthAtSize(size, tile.level, tile.index);
    });
}

/** Kills `rounds` times after up to `maxRunMs`; every third time unsynced files are lost as well. */
export async function runKillLoop(rounds: number, maxRunMs: number): Promise<KillLoopResult> {
  await using options = await temporaryLedger();
  // The first opening alone fixes origin and key, so that every round can be checked against the same key.
  const first = await openLedger(options);
  const vkeys = [first.vkey];
  await first.close();
  const badReports: VerifyReport[] = [];
  const heads: Uint8Array[] = [];
  let acknowledged = 0;
  const source = createDirectorySource(options.publicDir);
  const verify = async (): Promise<void> => {
    const checkEntry = ({ index, envelope }: { index: number; envelope: Uint8Array }): string | undefined =>
      Buffer.from(envelope).equals(entryAt(index).envelope) ? undefined : 'is not what was appended';
    const report = await verifyLedger({ source, vkeys, heads, checkEntry });
    if (!report.ok) badReports.push(report);
    heads.push(readFileSync(join(options.publicDir, 'checkpoint')));
  };
  for (let round = 0; round < rounds; round++) {
    acknowledged = Math.max(acknowledged, await runAndKill(options.directory, Math.random() * maxRunMs));
    await verify();
    if (round % 3 === 2) loseUnsyncedFiles(options.publicDir, options.privateDir);
  }
  await using ledger = await openLedger(options);
  await verify();
  const strayFiles = findStrayFiles(options.publicDir, ledger.sizes.published);
  const wrongEntries: number[] = [];
  for (let from = 0; from < ledger.sizes.accepted; ) {
    for (const entry of await ledger.read(from, 1000)) {
      const expected = entryAt(entry.index);
      const isErased = entry.removed === 'erased';
      const isRight =
        Buffer.from(entry.envelope).equals(expected.envelope) &&
        (isErased || Buffer.from(entry.payload ?? []).equals(expected.payload)) &&
        (isErased || Buffer.from(entry.salt).equals(expected.salt));
      if (!isRight) wrongEntries.push(entry.index);
      from = entry.index + 1;
    }
  }
  return { acknowledged, found: ledger.sizes.accepted, badReports, strayFiles, wrongEntries };
}
