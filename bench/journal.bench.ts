// What an append costs, alone and made durable, and why appends write synchronously. Prints a table and one line of JSON.
// Run: npx node bench/journal.bench.ts
import { closeSync, fdatasync, openSync, writeSync, writev } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '@dockledger/journal';

interface Figures {
  readonly what: string;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const record = Buffer.alloc(700, 'x');

function toFigures(what: string, latenciesNs: number[], elapsedNs: number): Figures {
  latenciesNs.sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((latenciesNs[Math.floor(latenciesNs.length * share)] ?? 0) / 100) / 10;
  return { what, perSecond: Math.round((latenciesNs.length * 1e9) / elapsedNs), p50Us: at(0.5), p99Us: at(0.99) };
}

async function measure(
  what: string,
  times: number,
  inFlight: number,
  work: () => void | Promise<void>,
): Promise<Figures> {
  const latencies: number[] = [];
  const began = process.hrtime.bigint();
  let left = times;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const start = process.hrtime.bigint();
      const working = work();
      if (working !== undefined) await working;
      latencies.push(Number(process.hrtime.bigint() - start));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return toFigures(what, latencies, Number(process.hrtime.bigint() - began));
}

const appendDurable = (journal: Journal) => (): Promise<void> => {
  journal.append(record);
  return journal.durable();
};

const directory = await mkdtemp(join(tmpdir(), 'journal-bench-'));
try {
  const results: Figures[] = [];
  {
    const fd = openSync(join(directory, 'plain'), 'w');
    let at = 0;
    const advance = (): number => (at += record.length) - record.length;
    results.push(
      await measure(
        'plain write(2), synchronous',
        20_000,
        1,
        () => void writeSync(fd, record, 0, record.length, advance()),
      ),
    );
    results.push(
      await measure(
        'plain writev(2), thread pool',
        5000,
        1,
        () => new Promise((resolve) => writev(fd, [record], advance(), () => resolve())),
      ),
    );
    results.push(
      await measure('plain write + fdatasync, one at a time', 1000, 1, () => {
        writeSync(fd, record, 0, record.length, advance());
        return new Promise((resolve) => fdatasync(fd, () => resolve()));
      }),
    );
    closeSync(fd);
  }
  for (const preallocateBytes of [0, 256 * 1024]) {
    await using journal = await openJournal(join(directory, `ahead-${preallocateBytes}`), { preallocateBytes });
    const label = preallocateBytes === 0 ? '' : ', 256 KiB ahead';
    await measure('warm', 5000, 1, () => void journal.append(record));
    await journal.durable();
    results.push(await measure(`append, written${label}`, 50_000, 1, () => void journal.append(record)));
    await journal.durable();
    results.push(await measure(`append + durable, 1 in flight${label}`, 2000, 1, appendDurable(journal)));
    results.push(await measure(`append + durable, 64 in flight${label}`, 50_000, 64, appendDurable(journal)));
  }
  for (const row of results) {
    process.stdout.write(
      `${row.what.padEnd(52)}${String(row.perSecond).padStart(9)}/s   p50 ${row.p50Us} us   p99 ${row.p99Us} us\n`,
    );
  }
  process.stdout.write(`${JSON.stringify({ bench: 'journal', recordBytes: record.length, results })}\n`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
