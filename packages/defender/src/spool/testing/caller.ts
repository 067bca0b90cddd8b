// A process to be killed: records calls and prints each once it is written. Arguments: directory, run number.
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openSpool } from '../spool.ts';
import { aRead, aWrite, testHost } from './drafts.ts';

const [directory = '', run = '0'] = process.argv.slice(2);
const spool = await openSpool(directory, { defenderId: 'd', host: testHost, mergeWindowMs: 40 });
const { recorder } = spool;

for (let turn = 0; ; turn += 1) {
  const key = `key-${turn % 3}`;
  recorder.request(aRead(recorder.nextRid(), key, key));
  writeSync(1, `read ${key}\n`);
  const name = `write-${run}-${turn}`;
  const rid = recorder.nextRid();
  await recorder.request(aWrite(rid, name)).durable();
  writeSync(1, `write ${name}\n`);
  if (turn % 3 !== 0) {
    recorder.outcome(rid, { state: 'done', status: 204 });
    writeSync(1, `outcome ${name}\n`);
  }
  if (turn % 20 === 0) await delay(15);
}
