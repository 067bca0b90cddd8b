import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTempDir, startProcess, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { killConsoleAgainAndAgain } from './testing/kill-console.ts';

describe('a Console that is killed', () => {
  it('has every acknowledged event exactly once, in order, with batches in flight at each kill', async () => {
    const { sent, kills, engineKills, records } = await killConsoleAgainAndAgain({ kills: 2, defenders: 2 });
    expect([kills, engineKills]).toEqual([2, 2]);
    expect(sent).toBeGreaterThan(100);
    expect(records.total).toBe(sent);
    expect(records.repeated).toEqual([]);
    expect(records.outOfOrder).toEqual([]);
  });

  it('says in a sentence why it does not start: a busy port, a directory that is no directory', async () => {
    await using dir = await createTempDir();
    const child = fileURLToPath(new URL('testing/console-child.ts', import.meta.url));
    const start = (settings: object) => startProcess(process.execPath, [child, JSON.stringify(settings)]);
    const free = {
      consoleListen: '127.0.0.1:0',
      defenderChannelListen: '127.0.0.1:0',
      eventStore: 'memory',
      logLevel: 'silent',
    };
    await using first = await startProcess(
      process.execPath,
      [child, JSON.stringify({ ...free, dataDir: `${dir.path}/a` })],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const { console } = await until(
      'it listens',
      () => JSON.parse(first.output() || 'null') as { console: string } | null,
    );
    const { host } = new URL(console);
    await using busy = await start({ ...free, dataDir: `${dir.path}/b`, consoleListen: host });
    expect(await busy.exited).toBe(1);
    expect(busy.output()).toContain(`Setting consoleListen is "${host}": another program listens there.`);
    await using bad = await start({ ...free, dataDir: '/dev/null/x' });
    expect(await bad.exited).toBe(1);
    expect(bad.output()).toContain('Setting dataDir is "/dev/null/x", which cannot be used');
    expect(await readFile(`${dir.path}/a/ca/ca.pem`, 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});
