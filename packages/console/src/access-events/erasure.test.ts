import { join } from 'node:path';
import { createDirectorySource, createPayloadReader, verifyLedger } from '@dockledger/ledger';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

const total = async (console: TestConsole, query = '') =>
  (await console.api.send(`/api/v1/audits/access${query}`)).headers['total-count'];

describe('erasing audits', () => {
  it('takes one event from the API and from the ledger, and leaves a tombstone', async () => {
    await using console = await startTestConsole();
    await console.defender().send([anEvent({ seq: 1 }), anEvent({ seq: 2, actor: { user: 'erase-me' } })]);
    await console.indexed();
    const erased = await console.api.send('/api/v1/audits/access/host-1.1.2', { method: 'DELETE' });
    expect([erased.status, erased.json()]).toEqual([200, {}]);
    await console.indexed();
    expect(await total(console)).toBe('1');
    expect((await console.api.send('/api/v1/audits/access/host-1.1.2', { method: 'DELETE' })).status).toBe(404);
    const tombstones = (await console.api.send('/api/v1/audits/access?type=tombstone')).json<
      { user: string; msg: string }[]
    >();
    expect(tombstones).toMatchObject([{ user: 'admin', msg: 'Erased event host-1.1.2' }]);
    expect(
      (await console.defender().send([anEvent({ seq: 2, actor: { user: 'erase-me' } }), anEvent({ seq: 3 })])).status,
    ).toBe(200);
  });

  it('takes all events of a type, over full blocks and the tail, and they do not come back after a restart', async () => {
    await using first = await startTestConsole();
    const many = Array.from({ length: 280 }, (_, index) =>
      anEvent({ seq: index + 1, type: index % 2 === 0 ? 'docker' : 'sudo', actor: { user: `user-${index}` } }),
    );
    await first.defender().send(many);
    await first.indexed();
    expect((await first.api.send('/api/v1/audits/access?type=gap', { method: 'DELETE' })).status).toBe(400);
    expect((await first.api.send('/api/v1/audits/access?type=sudo', { method: 'DELETE' })).status).toBe(200);
    expect([await total(first), await total(first, '?type=sudo')]).toEqual(['140', '0']);
    await using second = await first.restart();
    await second.indexed();
    expect([await total(second), await total(second, '?type=sudo')]).toEqual(['140', '0']);
    expect((await second.api.send('/api/v1/audits/access', { method: 'DELETE' })).status).toBe(200);
    expect(await total(second)).toBe('0');
    await second.running.close();
    const report = await verifyLedger({
      source: createDirectorySource(join(second.dataDir, 'ledger')),
      payloads: createPayloadReader(join(second.dataDir, 'ledger-private')),
    });
    expect(report).toMatchObject({ ok: true, failures: [] });
  });
});
