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

  it('shows SSH sign-ins and sudo commands as host activities', async () => {
    await using console = await startTestConsole();
    await console
      .defender()
      .send([
        anEvent({ seq: 1 }),
        anEvent({ seq: 2, type: 'sudo', api: '/usr/bin/docker ps', decision: { text: 'alice ran it' } }),
        anEvent({ seq: 3, type: 'sshd', api: 'login', time: '2026-11-23T10:00:01.000Z' }),
      ]);
    await console.indexed();
    const ask = async (query: string) =>
      (await console.api.send(`/api/v1/forensic/activities${query}`)).json<Record<string, unknown>[]>();
    expect(await ask('')).toMatchObject([
      { _id: 'host-1.1.3', type: 'login', user: 'alice' },
      { _id: 'host-1.1.2', type: 'sudo', command: '/usr/bin/docker ps', msg: 'alice ran it' },
    ]);
    expect(await ask('?type=sudo')).toHaveLength(1);
    expect(await ask('?type=docker')).toHaveLength(2);
    expect(await ask('?type=system+reboot')).toEqual([]);
    expect((await console.api.send('/api/v1/forensic/activities/download')).text.split('\r\n')).toHaveLength(4);
  });

  it('reports ready only when events are accepted and can be read, and tells nobody else more', async () => {
    await using console = await startTestConsole();
    expect((await console.anonymous.send('/healthz')).text).toBe('ok\n');
    expect((await console.anonymous.send('/readyz')).text).toBe('ready\n');
    expect((await console.anonymous.send('/metrics')).status).toBe(401);
    expect((await console.api.send('/metrics')).text).toContain('dockledger_ledger_entries 0');
  });

  it('describes every route it has in one OpenAPI document', async () => {
    await using console = await startTestConsole();
    const document = (await console.anonymous.send('/api/dockledger/v1/openapi.json')).json<{
      paths: Record<string, Record<string, { operationId: string; parameters?: { name: string }[] }>>;
    }>();
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    const audits = document.paths['/api/v33.01/audits/access']?.['get'];
    expect(audits?.operationId).toBe('get-audits-access');
    expect(audits?.parameters?.map(({ name }) => name)).toEqual([
      'offset',
      'limit',
      'sort',
      'reverse',
      'from',
      'to',
      'type',
      'ruleName',
      'api',
      'hostname',
      'user',
      'allow',
      'cluster',
    ]);
  });
});
