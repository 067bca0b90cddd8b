import { X509Certificate } from 'node:crypto';
import { channelRoutes, serverCertificateRoute } from '@dockledger/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

interface Made {
  readonly serialNumber: string;
  readonly ca: string;
  readonly certificate: string;
}

const path = '/api/dockledger/v1/user-certificates';

describe("people's certificates", () => {
  let console: TestConsole;
  beforeAll(async () => {
    console = await startTestConsole({ userCertificateDays: 30 });
  }, 30_000);
  afterAll(() => console[Symbol.asyncDispose]());

  const order = (body: object, query = '?format=json') =>
    console.api.send(`${path}${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('are for clients, live as long as the setting says, and are not of the authority of the Defender channel', async () => {
    const made = (await order({ user: 'alice', groups: ['devs', 'ops'] })).json<Made>();
    const certificate = new X509Certificate(made.certificate);
    expect(certificate.subject).toBe('CN=alice\nO=devs\nO=ops');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.ca).toBe(false);
    expect(certificate.serialNumber.toLowerCase()).toBe(made.serialNumber);
    expect(Math.round((certificate.validToDate.getTime() - Date.now()) / 86_400_000)).toBe(30);
    expect(certificate.verify(new X509Certificate(made.ca).publicKey)).toBe(true);
    expect(certificate.verify(new X509Certificate(console.ca).publicKey)).toBe(false);
  });

  it('come as a zip with three files and the lines for the shell', async () => {
    const answer = await order({ user: 'zoe', dockerHost: 'build1.example:9998' }, '');
    expect(answer.headers['content-type']).toContain('application/zip');
    expect(answer.headers['cache-control']).toBe('no-store');
    for (const text of [
      'ca.pem',
      'cert.pem',
      'key.pem',
      'DOCKER_HOST=tcp://build1.example:9998',
      'DOCKER_TLS_VERIFY=1',
    ])
      expect(answer.text).toContain(text);
  });

  it('are revoked under a new version of the rules, which a waiting Defender gets at once, and stay so over a start', async () => {
    const { serialNumber } = (await order({ user: 'rita' })).json<Made>();
    const { version } = (await console.api.send('/api/dockledger/v1/rules')).json<{ version: number }>();
    const waiting = console.defender().request(`${channelRoutes.rules}?after=${version}&waitMs=20000`);
    expect((await console.api.send(`${path}/${serialNumber}`, { method: 'DELETE' })).status).toBe(200);
    expect((await waiting).json<{ revokedCertificates: string[] }>().revokedCertificates).toEqual([serialNumber]);
    console = await console.restart();
    const rules = (await console.api.send('/api/dockledger/v1/rules')).json<{ revokedCertificates: string[] }>();
    expect(rules.revokedCertificates).toEqual([serialNumber]);
    expect((await console.api.send(`${path}/${'0'.repeat(32)}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('are made by nobody who is not signed in', async () => {
    expect((await console.anonymous.send(path, { method: 'POST', body: '{"user":"x"}' })).status).toBe(401);
  });

  it('have listeners whose certificate is signed for Defenders that prove their key and name hosts', async () => {
    const body = JSON.stringify({ certificateRequest: 'nonsense', names: ['localhost'] });
    expect((await console.defender().request(serverCertificateRoute, { method: 'POST', body })).status).toBe(400);
  });
});
