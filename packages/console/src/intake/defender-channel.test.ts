import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AccessEvent,
  type CertificateAnswer,
  channelRoutes,
  defenderHeader,
  localTokenFile,
  parseEnrolmentToken,
  protocolHeader,
} from '@dockledger/contract';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { openCertificateAuthority } from '../ca/certificate-authority.ts';
import { anEvent } from '../testing/an-event.ts';
import { type ClientCertificate, createDefenderCertificate, createRequest } from '../testing/defender-certificate.ts';
import { createTestClient, type TestAnswer } from '../testing/http-client.ts';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

const dayMs = 86_400_000;
const host = anEvent().host;

/** Sends one event in the name of `claimed`, showing whatever certificate is given. */
async function sendAs(console: TestConsole, certificate: Partial<ClientCertificate>, claimed = 'host-1') {
  const { defenderChannel } = console.running.endpoints;
  using client = createTestClient(
    defenderChannel,
    console.ca,
    { [protocolHeader]: '1', [defenderHeader]: claimed },
    certificate,
  );
  const body = `${JSON.stringify(anEvent({ defenderId: claimed }))}\n`;
  return await client.send(channelRoutes.events, { method: 'POST', body });
}

/** What is on record of the channel's refusals and enrolments. */
async function recorded(console: TestConsole, api: string): Promise<AccessEvent[]> {
  const ask = async () => {
    await console.indexed();
    const answer = await console.api.send('/api/dockledger/v1/events?limit=100&type=console');
    const { events } = answer.json<{ events: AccessEvent[] }>();
    return events.filter((event) => event.api === api);
  };
  return until(`a ${api} is on record`, async () => {
    const found = await ask();
    return found.length > 0 && found;
  });
}

async function enrol(console: TestConsole, token: string, defenderId: string, base = console.anonymous) {
  const { key, certificateRequest } = await createRequest(defenderId);
  const answer = await base.send(channelRoutes.enrol, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, defenderId, certificateRequest, host }),
  });
  return { answer, key };
}

async function makeToken(console: TestConsole, body: object = {}): Promise<string> {
  const answer = await console.api.send('/api/dockledger/v1/defenders/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(201);
  return answer.json<{ token: string }>().token;
}

const messageOf = (answer: TestAnswer) => answer.json<{ message: string }>().message;

describe('Defender channel', () => {
  it('takes events of a Defender with a certificate of this Console', async () => {
    await using console = await startTestConsole();
    const certificate = await createDefenderCertificate(console.dataDir, 'host-1');
    expect((await sendAs(console, certificate)).status).toBe(200);
  });

  it.each<[string, number, (console: TestConsole, dir: string) => Promise<Partial<ClientCertificate>>]>([
    ['no-certificate', 401, async () => ({})],
    [
      'wrong-ca',
      401,
      async (_console, dir) => {
        await openCertificateAuthority(join(dir, 'ca'));
        return createDefenderCertificate(dir, 'host-1');
      },
    ],
    ['expired', 401, ({ dataDir }) => createDefenderCertificate(dataDir, 'host-1', () => Date.now() - 91 * dayMs)],
    [
      'not-a-defender',
      401,
      async ({ dataDir }) => ({
        key: await readFile(join(dataDir, 'ca/server-key.pem'), 'utf8'),
        cert: await readFile(join(dataDir, 'ca/server.pem'), 'utf8'),
      }),
    ],
    ['another-name', 403, ({ dataDir }) => createDefenderCertificate(dataDir, 'host-2')],
  ])('refuses and records: %s', async (reason, status, certificateFor) => {
    await using dir = await createTempDir();
    await using console = await startTestConsole();
    const certificate = await certificateFor(console, dir.path);
    const answer = await sendAs(console, certificate);
    expect([answer.status, answer.headers['connection']]).toEqual([status, 'close']);
    await sendAs(console, certificate);
    const events = await recorded(console, 'defender_refused');
    expect(events).toMatchObject([
      { decision: { effect: 'deny', reason }, actor: { sourceIP: '127.0.0.1' }, details: { claimed: 'host-1' } },
    ]);
    const stored = (await console.api.send('/api/dockledger/v1/events?type=docker')).json<{ events: unknown[] }>();
    expect(stored.events).toEqual([]);
  });

  it('cuts off a revoked Defender at once, also one that waits on an open connection, and records its return', async () => {
    await using console = await startTestConsole();
    const { answer, key } = await enrol(console, await makeToken(console), 'host-1');
    const { certificate, ca } = answer.json<CertificateAnswer>();
    const shown = { key, cert: certificate };
    using client = createTestClient(
      console.running.endpoints.defenderChannel,
      ca,
      { [protocolHeader]: '1', [defenderHeader]: 'host-1' },
      shown,
    );
    expect((await client.send(`${channelRoutes.rules}?after=1&waitMs=10`)).status).toBe(204);
    const waiting = client.send(`${channelRoutes.rules}?after=1&waitMs=50000`).then(
      () => 'answered',
      () => 'cut off',
    );
    const listed = async () => {
      const list = await console.api.send('/api/dockledger/v1/defenders');
      return list.json<{ defenders: Record<string, unknown>[] }>().defenders;
    };
    await until('the Defender is connected', async () => (await listed())[0]?.['isConnected'] === true);
    const revoked = await console.api.send('/api/dockledger/v1/defenders/host-1/revoke', { method: 'POST' });
    expect(revoked.status).toBe(200);
    expect(await waiting).toBe('cut off');
    const again = await sendAs(console, shown);
    expect([again.status, again.json<{ code: string }>().code]).toEqual([403, 'defender_revoked']);
    expect(await recorded(console, 'defender_refused')).toMatchObject([
      { decision: { reason: 'revoked' }, details: { defenderId: 'host-1' } },
    ]);
    expect(await listed()).toMatchObject([{ defenderId: 'host-1', isRevoked: true, isConnected: false }]);
    await using second = await console.restart();
    expect((await sendAs(second, shown)).status).toBe(403);
    // A new token lets it in again, the old certificate stays refused.
    const next = await enrol(second, await makeToken(second), 'host-1');
    const fresh = { key: next.key, cert: next.answer.json<CertificateAnswer>().certificate };
    expect((await sendAs(second, fresh)).status).toBe(200);
    expect((await sendAs(second, shown)).status).toBe(403);
  });

  it('renews the certificate of a connected Defender', async () => {
    await using console = await startTestConsole();
    const { certificateRequest } = await createRequest('whatever');
    const answer = await console.defender('host-1').request(channelRoutes.renew, {
      method: 'POST',
      body: JSON.stringify({ certificateRequest }),
    });
    expect(answer.json<CertificateAnswer>().certificate).toContain('BEGIN CERTIFICATE');
  });
});

describe('enrolment', () => {
  it('trades a token for a certificate once, on the API as on the channel, and records both attempts', async () => {
    await using console = await startTestConsole();
    const token = await makeToken(console, { name: 'web one', cluster: 'prod', labels: { tier: 'web' } });
    expect(parseEnrolmentToken(token)?.caFingerprint).toMatch(/^[0-9a-f]{64}$/);
    const first = await enrol(console, token, 'host-1');
    expect(first.answer.status).toBe(200);
    expect(first.answer.json()).toMatchObject({
      cluster: 'prod',
      labels: { tier: 'web' },
      channelPort: Number(new URL(console.running.endpoints.defenderChannel).port),
    });
    const second = await enrol(console, token, 'host-2');
    expect([second.answer.status, messageOf(second.answer)]).toEqual([403, expect.stringContaining('was used')]);
    expect(await recorded(console, 'defender_enrolled')).toMatchObject([{ details: { defenderId: 'host-1' } }]);
    expect(await recorded(console, 'defender_refused')).toMatchObject([{ decision: { reason: 'token-refused' } }]);
    const list = await console.api.send('/api/dockledger/v1/defenders');
    expect(list.json()).toMatchObject({
      defenders: [{ defenderId: 'host-1', name: 'web one', labels: { tier: 'web' }, host: { cluster: 'prod' } }],
    });
    using channel = createTestClient(console.running.endpoints.defenderChannel, console.ca);
    expect((await enrol(console, await makeToken(console), 'host-3', channel)).answer.status).toBe(200);
  });

  it('refuses an expired token, one for another Defender, a made-up one and a broken request', async () => {
    let now = Date.now();
    await using console = await startTestConsole({}, { now: () => now });
    const bound = await makeToken(console, { defenderId: 'host-9' });
    expect((await enrol(console, bound, 'host-1')).answer.status).toBe(403);
    const short = await makeToken(console, { validMinutes: 5 });
    now += 5 * 60_000 + 1;
    expect((await enrol(console, short, 'host-1')).answer.status).toBe(403);
    const madeUp = `dockledger-enrol-1.${randomBytes(32).toString('base64url')}.${createHash('sha256').digest('hex')}`;
    expect((await enrol(console, madeUp, 'host-1')).answer.status).toBe(403);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const answer = await console.anonymous.send(channelRoutes.enrol, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        token: await makeToken(console),
        defenderId: 'host-1',
        certificateRequest: publicKey.export({ type: 'spki', format: 'pem' }),
        host,
      }),
    });
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining('PKCS#10')]);
  });

  it('lets no token for anybody take over the name of an enrolled Defender', async () => {
    await using console = await startTestConsole();
    expect((await enrol(console, await makeToken(console), 'host-1')).answer.status).toBe(200);
    const taken = await enrol(console, await makeToken(console), 'host-1');
    expect([taken.answer.status, messageOf(taken.answer)]).toEqual([409, expect.stringContaining('enrolled already')]);
    const meant = await enrol(console, await makeToken(console, { defenderId: 'host-1' }), 'host-1');
    expect(meant.answer.status).toBe(200);
  });

  it('keeps a token for its own machine that works once and is replaced at once', async () => {
    await using console = await startTestConsole();
    const read = () => readFile(join(console.dataDir, localTokenFile), 'utf8');
    const first = (await read()).trim();
    expect((await enrol(console, first, 'host-1')).answer.status).toBe(200);
    expect((await enrol(console, first, 'host-1')).answer.status).toBe(403);
    expect((await enrol(console, (await read()).trim(), 'host-1')).answer.status).toBe(200);
  });

  it('names Defenders for people and refuses those who may not', async () => {
    await using console = await startTestConsole();
    await enrol(console, await makeToken(console), 'host-1');
    const rename = await console.api.send('/api/dockledger/v1/defenders/host-1', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'database' }),
    });
    expect(rename.json()).toEqual({ defenderId: 'host-1', name: 'database', isRevoked: false });
    const unknown = await console.api.send('/api/dockledger/v1/defenders/host-2/revoke', { method: 'POST' });
    expect(unknown.status).toBe(404);
    const anonymous = await console.anonymous.send('/api/dockledger/v1/defenders/tokens', { method: 'POST' });
    expect(anonymous.status).toBe(401);
    const compatible = (await console.api.send('/api/v33.01/defenders')).json();
    expect(compatible).toMatchObject([{ hostname: 'web-1', connected: false }]);
  });

  it('shows the silence of an enrolled Defender as a condition', async () => {
    let now = Date.now();
    await using console = await startTestConsole({ defenderSilentMinutes: 5 }, { now: () => now });
    await enrol(console, await makeToken(console), 'host-1');
    const conditions = async () => {
      const list = await console.api.send('/api/dockledger/v1/defenders');
      return list.json<{ defenders: { conditions: { name: string }[] }[] }>().defenders[0]?.conditions;
    };
    expect(await conditions()).toEqual([]);
    now += 5 * 60_000;
    expect(await conditions()).toMatchObject([{ name: 'silent' }]);
  });
});
