import { describe, expect, it } from 'vitest';
import { anEvent } from './testing/an-event.ts';
import { startTestConsole } from './testing/test-console.ts';

describe('Console', () => {
  it('shows an event that a Defender sent as a compatible audit with its 17 fields', async () => {
    await using console = await startTestConsole();
    const sent = await console
      .defender()
      .send([anEvent({ target: { containerName: '/db', imageName: 'postgres:17', labels: { tier: 'data' } } })]);
    expect([sent.status, sent.json()]).toEqual([200, { expectedSeq: 2, ledgerSize: 1 }]);
    await console.indexed();
    const answer = await console.api.send('/api/v33.01/audits/access');
    expect(answer.status).toBe(200);
    expect(answer.headers['total-count']).toBe('1');
    expect(answer.text).toBe(
      '[{"containerName":"/db","imageName":"postgres:17","user":"alice","type":"docker","time":"2026-11-23T10:00:00.000Z","hostname":"web-1","fqdn":"web-1.example","sourceIP":"","allow":true,"ruleName":"Default - allow all","api":"container_list","msg":"","collections":["All"],"accountID":"","cluster":"","namespace":"","labels":{"tier":"data"}}]',
    );
  });
});
