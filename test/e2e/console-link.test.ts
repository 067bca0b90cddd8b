// The Defender's link against a real Console over the network: order, once, and nothing lost while either is away.
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { startTestConsole } from '../../packages/console/src/testing/test-console.ts';
import { openCuttableNetwork } from './cuttable-network.ts';
import { readTrail, startLinkedDefender } from './linked-defender.ts';

const numbered = (count: number, prefix = 'call-') =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const patient = { withinMs: 30_000 };

describe('console-link', () => {
  it('delivers what was recorded in order, each once, and acknowledges it', async () => {
    await using console = await startTestConsole();
    await using defender = await startLinkedDefender(console);
    await defender.record(300);
    await until('all is acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 301, patient);
    const trail = await readTrail(console);
    expect(trail.map(({ api }) => api)).toEqual(numbered(300));
    expect(trail.map(({ seq }) => seq)).toEqual(trail.map((_, index) => index + 1));
    expect(defender.link.state()).toEqual({ state: 'connected' });
  });

  it('brings a change of the rules at once, not at the next poll', async () => {
    await using console = await startTestConsole();
    await using defender = await startLinkedDefender(console);
    await until('the first rules are there', () => defender.rulesVersion() > 0, patient);
    const before = defender.rulesVersion();
    const rules = (await console.api.send('/api/dockledger/v1/rules')).json<{ accessRules: object[] }>();
    const saved = await console.api.send('/api/dockledger/v1/rules', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ accessRules: rules.accessRules }),
    });
    expect(saved.status).toBe(200);
    const changedAt = performance.now();
    await until('the new rules are there', () => defender.rulesVersion() > before, patient);
    // A tenth of it on an idle machine. A poll that is not answered at the change would take 25 s.
    expect(performance.now() - changedAt).toBeLessThan(5000);
  });

  it('keeps what happens while the Console is stopped and delivers it when it is back', async () => {
    let console = await startTestConsole();
    const { port } = new URL(console.running.endpoints.defenderChannel);
    await using defender = await startLinkedDefender(console);
    await defender.record(50, 'before-');
    await until('the first are acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 51, patient);
    const restarted = console.restart({ defenderChannelListen: `127.0.0.1:${port}` });
    await defender.record(50, 'during-');
    console = await restarted;
    await using _closing = console;
    await defender.record(50, 'after-');
    await until('all is acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 151, patient);
    expect((await readTrail(console)).map(({ api }) => api)).toEqual([
      ...numbered(50, 'before-'),
      ...numbered(50, 'during-'),
      ...numbered(50, 'after-'),
    ]);
  });

  it('gives a Console restored from a backup what it lost, also of an epoch that is over, and nothing twice', async () => {
    await using backup = await createTempDir('dl-backup-');
    let console = await startTestConsole();
    const { port } = new URL(console.running.endpoints.defenderChannel);
    await using defender = await startLinkedDefender(console);
    const { outbox } = defender.spool;
    await defender.record(50, 'kept-');
    await until('the first are acknowledged', () => outbox.state().acknowledgedSeq === 51, patient);
    const { dataDir } = console;
    const channel = { defenderChannelListen: `127.0.0.1:${port}` };
    await console.running.close();
    await cp(dataDir, backup.path, { recursive: true });
    console = await console.restart(channel);

    await defender.record(50, 'lost-');
    await until('more are acknowledged', () => outbox.state().acknowledgedSeq === 101, patient);
    await outbox.beginEpoch('fork');
    await defender.record(50, 'newer-');
    await until('the new epoch is acknowledged', () => outbox.state().acknowledgedSeq === 52, patient);
    await console.running.close();
    await rm(dataDir, { recursive: true });
    await cp(backup.path, dataDir, { recursive: true });
    console = await console.restart(channel);
    await using _closing = console;
    await defender.record(10, 'after-');

    await until('all is acknowledged', () => outbox.state().acknowledgedSeq === 62, patient);
    const trail = await readTrail(console);
    expect(trail.filter(({ type }) => type === 'docker').map(({ api }) => api)).toEqual([
      ...numbered(50, 'kept-'),
      ...numbered(50, 'lost-'),
      ...numbered(50, 'newer-'),
      ...numbered(10, 'after-'),
    ]);
    expect(new Set(trail.map(({ id }) => id)).size).toBe(trail.length);
    // One gap by the Defender, which says why it began anew, and one by the Console, which saw it.
    expect(trail.filter(({ type }) => type === 'gap').map(({ api }) => api)).toEqual(['defender_epoch_began', 'gap']);
  });

  it('asks for the next certificate after two thirds of its life and goes on with it', async () => {
    await using directory = await createTempDir('dl-renew-');
    await using console = await startTestConsole();
    const path = join(directory.path, 'identity.json');
    const certificate = async () => (JSON.parse(await readFile(path, 'utf8')) as { certificate: string }).certificate;
    let first: string;
    {
      await using defender = await startLinkedDefender(console, { directory: directory.path });
      await defender.record(5);
      await until('all is acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 6, patient);
      first = await certificate();
    }
    const later = { directory: directory.path, now: () => Date.now() + 61 * 86_400_000 };
    await using defender = await startLinkedDefender(console, later);
    await until('the certificate is another one', async () => (await certificate()) !== first, patient);
    await defender.record(5);
    await until('all is acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 11, patient);
  });

  it('delivers everything after the network was cut off and the host was restarted meanwhile', async () => {
    await using directory = await createTempDir('dl-cut-');
    await using console = await startTestConsole();
    await using network = await openCuttableNetwork(console.running.endpoints.defenderChannel);
    const place = { directory: directory.path, url: network.url };
    {
      await using defender = await startLinkedDefender(console, place);
      await defender.record(20, 'before-');
      await until('the first are acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 21, patient);
      network.cut();
      await defender.record(20, 'cut-off-');
    }
    await using defender = await startLinkedDefender(console, place);
    await defender.record(20, 'restarted-');
    expect((await readTrail(console)).map(({ api }) => api)).toEqual(numbered(20, 'before-'));
    network.mend();
    await until('all is acknowledged', () => defender.spool.outbox.state().acknowledgedSeq === 61, {
      withinMs: 100_000,
    });
    expect((await readTrail(console)).map(({ api }) => api)).toEqual([
      ...numbered(20, 'before-'),
      ...numbered(20, 'cut-off-'),
      ...numbered(20, 'restarted-'),
    ]);
  });
});
