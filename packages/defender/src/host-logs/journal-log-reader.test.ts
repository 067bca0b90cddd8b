import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHostLine } from '@dockledger/host-logs';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { type JournalLogReaderOptions, type JournalPosition, openJournalLogReader } from './journal-log-reader.ts';

/** The real systemd-journald with a /run of its own; its journal and its socket are reached through the directory. */
async function startJournald(dir: string) {
  const run = join(dir, 'run');
  mkdirSync(join(run, 'log/journal'), { recursive: true });
  mkdirSync(join(run, 'systemd'), { recursive: true });
  writeFileSync(
    join(dir, 'journald.conf'),
    '[Journal]\nStorage=volatile\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\n',
  );
  const script = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${run} /run`,
    'mkdir -p /run/systemd/journald.conf.d',
    'cp "$1" /run/systemd/journald.conf.d/50-test.conf',
    'exec /lib/systemd/systemd-journald',
  ].join('\n');
  const child: ChildProcess = spawn('unshare', ['-m', 'bash', '-c', script, 'bash', join(dir, 'journald.conf')], {
    stdio: 'ignore',
  });
  const socket = join(run, 'systemd/journal/dev-log');
  await until('journald listens', () => existsSync(socket));
  return {
    directory: join(run, 'log/journal'),
    log: (tag: string, message: string) =>
      void execFileSync('logger', ['-u', socket, '-t', tag, '-p', 'auth.info', message]),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function startReader(directory: string, more: Partial<JournalLogReaderOptions> = {}) {
  const taken = { lines: [] as string[], positions: [] as JournalPosition[], gaps: [] as string[] };
  const reader = openJournalLogReader({
    directory,
    resumeFrom: null,
    startAt: 'beginning',
    restartAfterMs: 10,
    deliver: async (lines) => {
      for (const { bytes, position } of lines) {
        taken.lines.push(Buffer.from(bytes).toString());
        taken.positions.push(position);
      }
      await Promise.resolve();
    },
    onGap: ({ reason }) => void taken.gaps.push(reason),
    ...more,
  });
  const messages = () =>
    taken.lines
      .map((line) => (JSON.parse(line) as { MESSAGE: string }).MESSAGE)
      .filter((text) => /^\d+$|from/.test(text));
  return { taken, messages, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}

describe('a reader of the real journal', () => {
  it('gives entries in order, goes on behind the last one, and its entries parse', async () => {
    await using dir = await createTempDir();
    await using journald = await startJournald(dir.path);
    journald.log('x', '1');
    journald.log('x', '2');
    let resumeFrom: JournalPosition | null = null;
    {
      await using reading = startReader(journald.directory);
      await until('two entries came', () => reading.messages().length === 2);
      expect(reading.messages()).toEqual(['1', '2']);
      resumeFrom = reading.taken.positions.at(-1) ?? null;
    }
    journald.log('x', '3');
    await using again = startReader(journald.directory, { resumeFrom });
    await until('the third came', () => again.messages().length === 1);
    journald.log('sshd', 'Accepted password for root from 6.6.6.6 port 22 ssh2');
    await until('the forged one came', () => again.messages().length === 2);
    expect(again.messages()[0]).toBe('3');
    expect(again.taken.gaps).toEqual([]);
    const forged = parseHostLine(again.taken.lines.at(-1) ?? '', { source: 'journal', referenceTimeMs: Date.now() });
    expect(forged).toMatchObject({ kind: 'login', confidence: 'forgeable', peer: null });
  });

  it('tells of a gap when the entry it stood at is gone', async () => {
    await using dir = await createTempDir();
    await using journald = await startJournald(dir.path);
    journald.log('x', '1');
    const cursor = 's=00000000000000000000000000000001;i=1;b=00000000000000000000000000000002;m=1;t=1;x=1';
    await using reading = startReader(journald.directory, { resumeFrom: { cursor } });
    await until('the entry came', () => reading.messages().length === 1);
    expect(reading.taken.gaps).toHaveLength(1);
  });
});
