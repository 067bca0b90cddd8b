// `dockledger reindex`: has the running Console compare its event store with the ledger, stretch by stretch, and put right what differs.
// Reads go on meanwhile. A store that is empty fills by itself and needs no command.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@dockledger/contract';
import { type Credentials, findConsole } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';
import { type StoreDifference, toSentence } from './verify-store.ts';

const entriesAtOnce = 20_000;
const behindWithinMs = 60_000;

/** Repairs and prints what was mended. Returns the exit code. */
export async function reindexCommand(dataDir: string, json: boolean, credentials: Credentials): Promise<number> {
  const client = await findConsole(dataDir, credentials);
  if (client === undefined)
    throw new AppError(
      'unavailable',
      `No Console runs on ${dataDir}. Start it; what its event store lacks it fills in by itself.`,
    );
  const mended: StoreDifference[] = [];
  let from = 0;
  let size: number | undefined;
  let deadline = Date.now() + behindWithinMs;
  do {
    const stretch: { to: number; ledgerSize: number; differences: StoreDifference[] } = await client.json(
      `/api/dockledger/v1/ledger/store-repair?from=${from}&limit=${entriesAtOnce}`,
      'POST',
    );
    size ??= stretch.ledgerSize;
    mended.push(...stretch.differences);
    if (stretch.to > from) deadline = Date.now() + behindWithinMs;
    else if (from < size) {
      if (Date.now() > deadline)
        throw new AppError('unavailable', `The event store does not get beyond ${from} of ${size}.`);
      await delay(100);
    }
    from = stretch.to;
    if (!json && process.stderr.isTTY) process.stderr.write(`\r${from} of ${size}`);
  } while (from < size);
  if (json)
    console.log(JSON.stringify({ ok: true, checked: from, mended: mended.length, differences: mended.slice(0, 100) }));
  else {
    for (const difference of mended.slice(0, 100)) console.log(`  mended: ${toSentence(difference)}`);
    console.log(`The event store agrees with the ledger: ${from} entries, ${mended.length} mended.`);
  }
  return exitCode.ok;
}
