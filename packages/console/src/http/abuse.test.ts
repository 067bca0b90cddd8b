import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestConsole, type TestConsole } from '../testing/test-console.ts';

/** Sends raw bytes and gives what comes back until the server closes. */
function sendRaw(console: TestConsole, bytes: string): Promise<string> {
  const { hostname, port } = new URL(console.running.endpoints.console);
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = '';
  const socket = connect({ host: hostname, port: Number(port), ca: console.ca }, () => socket.write(bytes));
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => resolve(received));
  socket.on('close', () => resolve(received));
  return promise;
}

describe('what anybody may send', () => {
  let console: TestConsole;
  beforeAll(async () => {
    console = await startTestConsole();
  });
  afterAll(async () => console[Symbol.asyncDispose]());

  const audits = '/api/v1/audits/access';
  const json = { 'content-type': 'application/json' };

  it('gets 404 as {"err"} for unknown versions, whatever follows and whoever asks', async () => {
    for (const path of [
      '/api/v2/audits/access',
      '/api/v99.99/_ping',
      '/api/v/x',
      '/api/v33.1/version',
      '/api/v33.01x/version',
    ]) {
      const answer = await console.anonymous.send(path);
      expect([answer.status, Object.keys(answer.json<object>())]).toEqual([404, ['err']]);
    }
  });

  it('gets 404 and 405 in the form of the API that the path belongs to', async () => {
    for (const path of ['/api/v1/audits/acess', '/api/v1/audits/access/nothing']) {
      expect((await console.api.send(path)).status).toBe(404);
    }
    expect((await console.api.send('/api/v1/audits/access/')).headers['total-count']).toBe('0');
    const missing = await console.api.send('/api/v1/nothing/here');
    expect([missing.status, missing.json()]).toEqual([404, { err: 'There is nothing at this address.' }]);
    const native = await console.api.send('/api/dockledger/v1/nothing');
    expect([native.status, native.json<{ code: string }>().code]).toEqual([404, 'not_found']);
    const wrong = await console.api.send('/api/v1/authenticate');
    expect([wrong.status, wrong.headers['allow'], wrong.json()]).toEqual([
      405,
      'POST',
      { err: 'This address does not take GET. It takes POST.' },
    ]);
  });

  it('is told when the request head is too large', async () => {
    expect(await sendRaw(console, `GET ${audits}?user=${'x'.repeat(10_000_000)} HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    const flood = Array.from({ length: 5000 }, (_, index) => `x-${index}: ${'y'.repeat(50)}\r\n`).join('');
    expect(await sendRaw(console, `GET ${audits} HTTP/1.1\r\nhost: x\r\n${flood}\r\n`)).toMatch(/^HTTP\/1.1 431 /);
  });

  it('is told when it is not HTTP', async () => {
    expect(await sendRaw(console, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await sendRaw(console, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('gets 400 for JSON that nests too deep, 413 for too much, 415 for another type', async () => {
    const put = (body: string | Buffer, headers: Record<string, string> = json) =>
      console.api.send('/api/v1/policies/docker', { method: 'PUT', headers, body });
    expect((await put('['.repeat(100_000) + ']'.repeat(100_000))).status).toBe(400);
    expect((await put(Buffer.alloc(9 * 1024 * 1024, 0x20))).status).toBe(413);
    expect((await put('<x/>', { 'content-type': 'text/xml' })).status).toBe(415);
  });

  it('meets closed doors on paths with tricks', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/assets/..%2f..%2f..%2fetc%2fpasswd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '//etc/passwd',
      '/api/v1/../dockledger/v1/status',
      '/assets/%00',
    ]) {
      const answer = await console.anonymous.send(path);
      expect([400, 401, 404, 503, 200]).toContain(answer.status);
      expect(answer.text).not.toContain('root:');
    }
    expect((await console.anonymous.send('/api/v1/../dockledger/v1/status')).status).not.toBe(200);
  });

  it('cannot read across origins', async () => {
    const answer = await console.api.send(audits, { headers: { origin: 'https://evil.example' } });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it('learns no stack, SQL or path from an error', async () => {
    const answers = await Promise.all(
      ['?sort=x', "?user=';--", '?from=%00', '?limit=%F0%9F%98%80', '/download?to=1', '/%ff', '?user=%ff%fe'].map(
        (tail) => console.api.send(`${audits}${tail}`),
      ),
    );
    for (const { text, status } of answers) {
      expect(status).toBeLessThan(500);
      expect(text).not.toMatch(/node_modules|\.ts:|at \w+ \(|SELECT|\/work|\/tmp/);
    }
  });

  it('gets nothing without signing in, except what is open on purpose', async () => {
    const document = (await console.anonymous.send('/api/dockledger/v1/openapi.json')).json<{
      paths: Record<string, Record<string, { security?: unknown[] }>>;
    }>();
    const open: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.security?.length === 0) {
          open.push(`${method} ${path}`);
          continue;
        }
        const answer = await console.anonymous.send(path.replaceAll(/\{\w+\}/g, 'x'), { method: method.toUpperCase() });
        expect([method, path, answer.status]).toEqual([method, path, 401]);
      }
    }
    expect(open.toSorted()).toEqual([
      'get /api/dockledger/v1/openapi.json',
      'get /api/v33.01/_ping',
      'get /api/v33.01/certs/ca.pem',
      'post /api/dockledger/v1/session',
      'post /api/v33.01/authenticate',
    ]);
  });
});
