import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createDirectorySource, createNoteVerifier, parseNote, verifyLedger, verifyNote } from '@dockledger/ledger';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { startTestConsole } from '../testing/test-console.ts';
import { parseHeadTarget } from './head-target.ts';

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

describe('heads of the ledger kept elsewhere', () => {
  it('reach a file, a syslog server and a webhook, the newest again after one was away', async () => {
    await using dir = await createTempDir('dl-heads-');
    const posted: string[] = [];
    let isAway = true;
    const webhook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (!isAway) posted.push(body);
        response.writeHead(isAway ? 500 : 204).end();
      });
    });
    const logged: string[] = [];
    const syslog = createTcpServer((socket) => {
      socket.on('data', (chunk) => logged.push(chunk.toString()));
      socket.on('end', () => socket.end());
    });
    for (const server of [webhook, syslog])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const file = join(dir.path, 'heads');
    try {
      await using console = await startTestConsole({
        ledgerHeadsEverySeconds: 1,
        ledgerHeads: [
          `file:${file}`,
          `syslog:127.0.0.1:${portOf(syslog)}`,
          `webhook:http://127.0.0.1:${portOf(webhook)}/heads`,
        ],
      });
      await console.defender().send([anEvent({ seq: 1 }), anEvent({ seq: 2 })]);
      await until('the file holds a head', async () => (await readFile(file, 'utf8')).includes('\n— '));
      await until('the syslog server has one', () => logged.some((line) => line.includes('dockledger - checkpoint')));
      isAway = false;
      await until('the webhook has one', () => posted.length > 0);
      const vkey = (await readFile(join(console.dataDir, 'ledger/vkey'), 'utf8')).trim();
      expect(await verifyNote(parseNote(Buffer.from(posted[0] ?? '')), [createNoteVerifier(vkey)])).toHaveLength(1);
    } finally {
      webhook.closeAllConnections();
      webhook.close();
      syslog.close();
    }
  });

  it('are cosigned by another Console, which refuses a ledger that does not extend the one it knows', async () => {
    await using first = await startTestConsole();
    await first.defender().send([anEvent({ seq: 1 })]);
    const vkey = (await readFile(join(first.dataDir, 'ledger/vkey'), 'utf8')).trim();
    await using witness = await startTestConsole({ witnessedLedgers: [vkey] });
    await using dir = await createTempDir('dl-heads-');
    const caFile = join(dir.path, 'ca.pem');
    await writeFile(caFile, witness.ca);
    await first.running.close();
    await using second = await startTestConsole({
      dataDir: first.dataDir,
      ledgerHeads: [`witness:${witness.running.endpoints.console}/witness`],
      ledgerHeadsCaFile: caFile,
      ledgerHeadsEverySeconds: 1,
    });
    const kept = join(
      second.dataDir,
      'ledger-private',
      `witnessed-${new URL(witness.running.endpoints.console).host.replace(':', '-')}`,
    );
    const sizeKept = async () => Number((await readFile(kept, 'utf8')).split('\n')[1]);
    const before = await until('the first head is cosigned', sizeKept);
    await second.defender().send(Array.from({ length: 20 }, (_, index) => anEvent({ seq: index + 2 })));
    await until('a later head is cosigned', async () => (await sizeKept()) >= before + 20);
    const witnessKey = (await witness.anonymous.send('/witness/vkey')).text.trim();
    const cosigned = parseNote(await readFile(kept));
    expect(await verifyNote(cosigned, [createNoteVerifier(vkey), createNoteVerifier(witnessKey)])).toHaveLength(2);
    expect(
      await verifyLedger({
        source: createDirectorySource(join(second.dataDir, 'ledger')),
        vkeys: [vkey],
        heads: [await readFile(kept)],
      }),
    ).toMatchObject({ ok: true });

    const add = (body: string) =>
      witness.anonymous.send('/witness/add-checkpoint', {
        method: 'POST',
        body,
        headers: { 'content-type': 'text/plain' },
      });
    const note = await readFile(join(second.dataDir, 'ledger/checkpoint'), 'utf8');
    const stale = await add(`old 0\n\n${note}`);
    expect([stale.status, Number(stale.text)]).toEqual([409, await sizeKept()]);
    const forged = await add(`old 0\n\n${note.replace(/\n\d+\n/, '\n99999\n')}`);
    expect(forged.status).toBe(403);
    expect((await add(`old 0\n\n${note.replaceAll(/dockledger\/console-\w+/g, 'another/log')}`)).status).toBe(404);
    expect((await add('nonsense')).status).toBe(400);
  });

  it('names a target that cannot be read', () => {
    expect(parseHeadTarget('syslog:log.example:6514')).toEqual({ kind: 'syslog', host: 'log.example', port: 6514 });
    for (const word of ['heads', 'file:relative', 'webhook:ftp://x', 'syslog:host'])
      expect(() => parseHeadTarget(word)).toThrow(word);
  });
});
