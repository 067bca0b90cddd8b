// The Defender's link against a real Console over the network: order, once, and nothing lost while either is away.
import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { startTestConsole } from '../../packages/console/src/testing/test-console.ts';
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

  it('brings a change of the rules within a second', async () => {
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
    expect(performance.now() - changedAt).toBeLessThan(1000);
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
});
