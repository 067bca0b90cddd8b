import { join } from 'node:path';
import { createDirectorySource, createPayloadReader, verifyLedger } from '@dockledger/ledger';
import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';
import { expiryByType, parseRetention } from './retention-rules.ts';

const day = 86_400_000;
const start = Date.parse('2026-11-23T10:00:00.000Z');
const at = (days: number) => new Date(start + days * day).toISOString();

async function countsOf(console: TestConsole): Promise<Record<string, number>> {
  const { facets } = (await console.api.send('/api/dockledger/v1/events/facets?columns=type')).json<{
    facets: { type: { value: string; rows: number }[] };
  }>();
  return Object.fromEntries(facets.type.map(({ value, rows }) => [value, rows]));
}

async function removedIn(dataDir: string): Promise<number> {
  let removed = 0;
  const report = await verifyLedger({
    source: createDirectorySource(join(dataDir, 'ledger')),
    payloads: createPayloadReader(join(dataDir, 'ledger-private')),
    checkEntry: ({ content }) => {
      if (content?.payload === null) removed += 1;
      return undefined;
    },
  });
  expect(report).toMatchObject({ ok: true, payloadsUnavailable: 0 });
  return removed;
}

describe('retention', () => {
  it('drops what has expired by type and age from ledger and store, with a tombstone, once', async () => {
    let now = start;
    const settings = { retentionDays: 100, retentionDaysByType: ['sshd=10', 'sudo=0'] };
    await using first = await startTestConsole(settings, { now: () => now });
    const types = ['docker', 'sshd', 'sudo'] as const;
    const events = Array.from({ length: 900 }, (_, index) =>
      anEvent({ seq: index + 1, type: types[index % 3] ?? 'docker', time: at(index < 450 ? 0 : 20) }),
    );
    await first.defender().send(events);
    await first.indexed();
    expect(await countsOf(first)).toMatchObject({ docker: 300, sshd: 300, sudo: 300 });

    now = start + 30 * day - 1;
    await using second = await first.restart();
    await until('the older half of sshd has gone', async () => (await countsOf(second))['sshd'] === 150, {
      withinMs: 30_000,
    });
    await second.indexed();
    expect(await countsOf(second)).toMatchObject({ docker: 300, sudo: 300, tombstone: 1 });

    now = start + 130 * day;
    await using third = await second.restart();
    await until('all docker events have gone', async () => (await countsOf(third))['docker'] === undefined, {
      withinMs: 30_000,
    });
    await third.indexed();
    expect(await countsOf(third)).toMatchObject({ sudo: 300 });
    expect((await third.api.send('/api/dockledger/v1/ledger/store-agreement')).json()).toMatchObject({
      differences: [],
    });
    await third.running.close();
    expect(await removedIn(third.dataDir)).toBeGreaterThanOrEqual(600);
  });

  it('drops the oldest payloads when all of them take more than they may', async () => {
    await using first = await startTestConsole();
    const noise = () => Array.from({ length: 3000 }, () => Math.random().toString(36)).join('');
    for (let batch = 0; batch < 4; batch++) {
      const seqs = Array.from({ length: 128 }, (_, index) => batch * 128 + index + 1);
      await first.defender().send(seqs.map((seq) => anEvent({ seq, raw: noise() })));
    }
    await first.indexed();
    await first.running.close();
    await using second = await startTestConsole({ dataDir: first.dataDir, retentionMaxMegabytes: 8 });
    const statusOf = async (seq: number) => (await second.api.send(`/api/dockledger/v1/events/host-1.1.${seq}`)).status;
    await until('the newest is in the store', async () => (await statusOf(512)) === 200);
    await until('the oldest has gone', async () => (await statusOf(1)) === 404, { withinMs: 30_000 });
    expect(await statusOf(512)).toBe(200);
  });

  it('keeps a type for ever where 0 says so, and never lets a tombstone expire', () => {
    const expiry = expiryByType(parseRetention(7, ['docker=0', 'sudo=1'], 0), start);
    expect(expiry.get('sudo')).toBe(Date.parse('2026-11-22T00:00:00.000Z'));
    expect(expiry.get('sshd')).toBe(Date.parse('2026-11-16T00:00:00.000Z'));
    for (const type of ['docker', 'outcome', 'tombstone'] as const) expect(expiry.has(type), type).toBe(false);
    expect(() => parseRetention(0, ['tombstone=3'], 0)).toThrow('retentionDaysByType');
  });
});
