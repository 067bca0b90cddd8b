// Lines per second of the host-log parsers on one core, over the recorded corpus in each of its three forms.
// Run: npm run bench -- host-logs
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConnectionTracker, type HostLineContext, parseHostLine } from '../packages/host-logs/src/index.ts';

type Line = { readonly bsd: string; readonly iso: string; readonly journal: Record<string, unknown> };

const corpusDir = join(dirname(fileURLToPath(import.meta.url)), '..', 'corpus');
const lines: Line[] = [];
for (const version of readdirSync(corpusDir)) {
  for (const name of readdirSync(join(corpusDir, version)).filter((file) => file.endsWith('.jsonl'))) {
    for (const text of readFileSync(join(corpusDir, version, name), 'utf8').split('\n')) {
      if (text !== '') lines.push(...(JSON.parse(text) as { lines: Line[] }).lines);
    }
  }
}

const referenceTimeMs = Date.UTC(2026, 11, 1);
const file: HostLineContext = { source: 'file', referenceTimeMs, zone: 'Europe/Berlin' };
const journal: HostLineContext = { source: 'journal', referenceTimeMs };
const encoder = new TextEncoder();
const inputs: readonly {
  readonly name: string;
  readonly context: HostLineContext;
  readonly lines: readonly (string | Uint8Array)[];
}[] = [
  { name: 'RFC 3164 text', context: file, lines: lines.map(({ bsd }) => bsd) },
  { name: 'RFC 3164 bytes', context: file, lines: lines.map(({ bsd }) => encoder.encode(bsd)) },
  { name: 'RFC 3339 text', context: file, lines: lines.map(({ iso }) => iso) },
  { name: 'journal JSON', context: journal, lines: lines.map((line) => JSON.stringify(line.journal)) },
];

for (const input of inputs) {
  const run = (rounds: number): number => {
    const tracker = createConnectionTracker();
    let results = 0;
    for (let round = 0; round < rounds; round++) {
      for (const line of input.lines) results += tracker.push(parseHostLine(line, input.context)).length;
    }
    return results;
  };
  run(100);
  const rounds = 400;
  const startedAt = process.hrtime.bigint();
  const results = run(rounds);
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  const perSecond = Math.round((rounds * input.lines.length) / seconds);
  console.log(
    `host-logs ${input.name.padEnd(15)} ${perSecond.toLocaleString('en-US').padStart(10)} lines/s (${results} results)`,
  );
}
