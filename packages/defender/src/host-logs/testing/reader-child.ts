// A process of its own around a file reader, for tests that kill it: appends each batch with its last position to a
// record file in one write, and goes on from the last whole record. Usage: node reader-child.ts LOG RECORDS
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { openFileLogReader } from '../file-log-reader.ts';
import type { FilePosition } from '../log-file-identity.ts';

const [path = '', recordsPath = ''] = process.argv.slice(2);
const records = existsSync(recordsPath) ? readFileSync(recordsPath, 'utf8') : '';
const whole = records.slice(0, records.lastIndexOf('\n') + 1);
if (whole.length < records.length) truncateSync(recordsPath, Buffer.byteLength(whole));
const last = whole.trimEnd().split('\n').at(-1);
const resumeFrom = last === undefined || last === '' ? null : (JSON.parse(last) as { position: FilePosition }).position;

const reader = openFileLogReader({
  path,
  resumeFrom,
  startAt: 'beginning',
  pollMs: 5,
  retireMs: 300,
  deliver: async (lines) => {
    const position = lines.at(-1)?.position;
    const texts = lines.map(({ bytes }) => Buffer.from(bytes).toString());
    appendFileSync(recordsPath, `${JSON.stringify({ texts, position })}\n`);
    await Promise.resolve();
  },
  onGap: ({ reason }) =>
    appendFileSync(recordsPath, `${JSON.stringify({ gap: reason, texts: [], position: resumeFrom })}\n`),
});
await reader.done;
