// A process that appends the entries of `entryAt` as fast as it can and prints each acknowledgement, until it is killed.
// Arguments: the ledger's directory.
import { join } from 'node:path';
import { openLedger } from '../open-ledger.ts';
import { entriesBetween } from './ledger-fixtures.ts';

const directory = process.argv[2] ?? '';
const ledger = await openLedger({
  publicDir: join(directory, 'ledger'),
  privateDir: join(directory, 'ledger-private'),
  publishEveryMs: 15,
  settleEveryMs: 60,
});
let next = ledger.sizes.accepted;
process.stdout.write(`${next}\n`);

async function appendOn(batchSize: number): Promise<void> {
  for (;;) {
    const first = next;
    next += batchSize;
    const { firstIndex } = await ledger.append(entriesBetween(first, first + batchSize));
    if (firstIndex !== first) throw new Error(`${firstIndex} instead of ${first}`);
    process.stdout.write(`${firstIndex + batchSize}\n`);
    // Rewriting a block in the middle of it all is the hardest moment to be killed in.
    if (first > 0 && first % 40 === 0) await ledger.erase(Math.floor(first / 2) * 2);
  }
}

await Promise.all([appendOn(1), appendOn(7), appendOn(40)]);
