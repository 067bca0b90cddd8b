// A log file that is rotated by rename and by copytruncate in turn while the Defender is killed -9 again and again: every
// line becomes exactly one event. The short form runs in `npm test`, the long one in `npm run torture`.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startDockledger, until } from '@dockledger/testkit';
import { expect } from 'vitest';

/** How long and how much. */
export interface RotationLoop {
  readonly lines: number;
  readonly linesPerTick: number;
  readonly withinMs: number;
}

const tickMs = 50;
const rotateEveryTicks = 10;
const killEveryTicks = 60;

function shift(path: string): void {
  let last = 1;
  while (existsSync(`${path}.${last}`)) last++;
  for (let k = last; k > 1; k--) renameSync(`${path}.${k - 1}`, `${path}.${k}`);
}

/** Runs the loop and expects each line as one event, in order. */
export async function expectEachLineOnce({ lines, linesPerTick, withinMs }: RotationLoop): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'dlr-'));
  const path = join(dir, 'auth.log');
  const nameOf = (line: number) => `u${String(line).padStart(8, '0')}`;
  const log = { written: 0 };
  const write = (count: number): void => {
    const text = Array.from({ length: count }, () => {
      const stamp = new Date().toISOString().replace('Z', '000+00:00');
      return `${stamp} web1 sshd[${1000 + (log.written % 30_000)}]: Accepted publickey for ${nameOf(log.written++)} from 203.0.113.7 port 4242 ssh2: ED25519 SHA256:x\n`;
    });
    appendFileSync(path, text.join(''));
  };
  write(1);
  try {
    await using dockledger = await startDockledger({
      engineHost: `unix://${join(dir, 'no-engine.sock')}`,
      settings: { HOST_LOGS: `file:${path}` },
    });
    const count = async () => {
      const answer = await dockledger.api('/api/dockledger/v1/events/count?api=login');
      return answer.status === 200 ? answer.json<{ rows: number }>().rows : 0;
    };
    await until('the first line is an event', async () => (await count()) === 1, { withinMs: 30_000, everyMs: 100 });
    let kills = 0;
    for (let tick = 1; log.written < lines; tick++) {
      write(Math.min(linesPerTick, lines - log.written));
      await delay(tickMs);
      if (tick % rotateEveryTicks === 0) {
        shift(path);
        if (tick % (2 * rotateEveryTicks) === 0) {
          copyFileSync(path, `${path}.1`);
          truncateSync(path);
        } else {
          renameSync(path, `${path}.1`);
          writeFileSync(path, '');
        }
      }
      if (tick % killEveryTicks === 0) {
        const { defender } = await dockledger.pids();
        for (const pid of defender) process.kill(pid, 'SIGKILL');
        kills += defender.length;
      }
    }
    expect(kills).toBeGreaterThan(1);
    await until('every line is an event', async () => (await count()) >= lines, { withinMs, everyMs: 250 }).catch(
      (error: unknown) => {
        throw new Error(`${(error as Error).message}\n${dockledger.output().slice(-2000)}`);
      },
    );
    const gaps = await dockledger.events('type=gap');
    expect(gaps.map(({ decision }) => decision.text)).toEqual([]);
    const users = (await dockledger.events('api=login')).map(({ actor }) => actor.user);
    const wrong = users.toSorted().findIndex((user, line) => user !== nameOf(line));
    expect({ count: users.length, wrong, there: users[wrong] }).toEqual({ count: lines, wrong: -1, there: undefined });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
