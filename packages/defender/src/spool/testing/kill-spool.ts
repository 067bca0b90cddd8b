// Kills a recording process again and again; in the end each call it printed must be in the outbox, once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openSpool } from '../spool.ts';
import { testHost } from './drafts.ts';
import { readOutbox } from './read-outbox.ts';

/** Runs for that long and for at least three kills, which a busy machine may need longer for; then checks. Throws at the first call that is missing, doubled or has a wrong outcome. */
export async function killSpool(
  directory: string,
  forMs: number,
): Promise<{ kills: number; events: number; calls: number }> {
  const until = Date.now() + forMs;
  const program = fileURLToPath(new URL('./caller.ts', import.meta.url));
  const printed: string[] = [];
  let kills = 0;
  while (Date.now() < until || kills < 3) {
    const child = spawn(process.execPath, [program, directory, String(kills)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), ended]);
    // The moment is what is random here; nothing is awaited by it.
    await delay(Math.random() * 150);
    child.kill('SIGKILL');
    await ended;
    kills += 1;
    printed.push(
      ...output
        .slice(0, output.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean),
    );
  }
  await using spool = await openSpool(directory, { defenderId: 'd', host: testHost, mergeWindowMs: 40 });
  await spool.flush();
  const events = await readOutbox(spool.outbox);

  const outcomes = new Map(
    events.filter((event) => event.type === 'outcome').map((event) => [event.ofEvent, event.outcome]),
  );
  const reads = new Map<string, number>();
  const writes = new Map<string, string>();
  for (const event of events) {
    if (event.api.startsWith('key-')) reads.set(event.api, (reads.get(event.api) ?? 0) + event.count);
    else if (event.type === 'docker') {
      if (writes.has(event.api)) throw new Error(`${event.api} is there twice.`);
      const outcome = event.outcome.state === 'pending' ? outcomes.get(event.id) : event.outcome;
      writes.set(event.api, outcome?.state ?? 'never told');
    } else if (event.type !== 'outcome') throw new Error(`Unexpected: ${JSON.stringify(event)}`);
  }
  const expectedReads = new Map<string, number>();
  const toldDone = new Set(printed.filter((line) => line.startsWith('outcome ')).map((line) => line.slice(8)));
  for (const line of printed) {
    const name = line.slice(line.indexOf(' ') + 1);
    if (line.startsWith('read ')) expectedReads.set(name, (expectedReads.get(name) ?? 0) + 1);
    else if (line.startsWith('write ')) {
      const state = writes.get(name);
      if (state === undefined) throw new Error(`${name} was recorded and is gone.`);
      if (toldDone.has(name) && state !== 'done') throw new Error(`${name} was done, the outbox says ${state}.`);
      if (state === 'pending' || state === 'never told') throw new Error(`${name} has no outcome.`);
    }
  }
  // A process killed between writing and printing leaves at most one call more than it printed.
  if (writes.size - printed.filter((line) => line.startsWith('write ')).length > kills)
    throw new Error('Writes were invented.');
  for (const [key, count] of reads) {
    const expected = expectedReads.get(key) ?? 0;
    if (count < expected || count > expected + kills)
      throw new Error(`${key}: ${count} counted, ${expected} made, ${kills} kills.`);
  }
  return { kills, events: events.length, calls: printed.filter((line) => !line.startsWith('outcome')).length };
}
