// Remote Docker access over TLS with personal certificates, tried with the docker client and with bytes of our own.
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import {
  type Dockledger,
  type Engine,
  enginePaths,
  engineUnavailable,
  run,
  startDockledger,
  startEngine,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Made {
  readonly serialNumber: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly shell: string;
}

/** Waits as long as a busy machine may need. */
const patiently = <T>(what: string, look: () => T | Promise<T>) => until(what, look, { withinMs: 45_000 });

describe.skipIf(engineUnavailable())('remote Docker access over TLS', () => {
  let engine: Engine;
  let product: Dockledger;
  beforeAll(async () => {
    engine = await startEngine();
    product = await startDockledger({
      engineHost: engine.host,
      settings: { PROXY_TLS_LISTEN: '127.0.0.1:0', PROXY_TLS_NAMES: 'docker.example', MERGE_WINDOW_MS: '0' },
    });
  }, 120_000);
  afterAll(async () => {
    await product[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  }, 60_000);

  const native = '/api/dockledger/v1';
  const address = () => new URL(product.endpoints.dockerTlsProxy ?? '');
  const order = async (body: object): Promise<Made> => {
    const answer = await product.api(`${native}/user-certificates?format=json`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<Made>();
  };
  let directories = 0;
  const pathOf = async (made: Pick<Made, 'ca' | 'certificate' | 'key'>): Promise<string> => {
    const path = join(engine.dir, `cert-${++directories}`);
    await mkdir(path);
    await writeFile(join(path, 'ca.pem'), made.ca);
    await writeFile(join(path, 'cert.pem'), made.certificate);
    await writeFile(join(path, 'key.pem'), made.key);
    return path;
  };
  const docker = async (certPath: string, ...args: string[]) =>
    run(enginePaths.docker, args, {
      env: {
        ...process.env,
        DOCKER_HOST: product.endpoints.dockerTlsProxy ?? '',
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: certPath,
        DOCKER_CONFIG: join(engine.dir, 'config'),
      },
    });
  const dial = async (options: {
    ca: string;
    cert?: string;
    key?: string;
    servername?: string;
  }): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port: Number(address().port), servername: 'localhost', ...options });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };
  const talk = async (socket: TLSSocket, bytes: string): Promise<string> => {
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.write(bytes);
    await patiently('an answer', () => received.includes('\r\n\r\n') || socket.destroyed);
    socket.destroy();
    return received;
  };
  const get = (extra = '', host = 'localhost') => `GET /_ping HTTP/1.1\r\nHost: ${host}\r\n${extra}\r\n`;

  it('puts the person and the groups of the certificate on record, with the address', async () => {
    const made = await order({ user: 'alice', groups: ['devs'] });
    const ran = await docker(await pathOf(made), 'volume', 'create', 'tls-volume');
    expect(ran.stderr).toBe('');
    const [event] = await patiently('the event is stored', async () => {
      const found = await product.events('api=volume_create');
      return found.length > 0 ? found : undefined;
    });
    expect(event?.actor).toMatchObject({
      user: 'alice',
      userSource: 'certificate',
      groups: ['devs'],
      sourceIP: '127.0.0.1',
      certificate: 'CN=alice, O=devs',
    });
    expect(event?.actor.sourcePort).toBeGreaterThan(0);
    expect(event?.decision.effect).toBe('allow');
  });

  it('lets rules name the person and the group', async () => {
    const before = (await product.api(`${native}/rules`)).json<{ accessRules: object[] }>().accessRules;
    const put = async (accessRules: object[]) => {
      const body = JSON.stringify({ accessRules });
      expect((await product.api(`${native}/rules`, { method: 'PUT', body })).status).toBe(200);
    };
    const dev = await pathOf(await order({ user: 'dora', groups: ['devs'] }));
    const ops = await pathOf(await order({ user: 'olaf', groups: ['ops'] }));
    await put([
      { name: 'devs make no networks', effect: 'deny', action: ['network_create'], group: ['devs'] },
      ...before,
    ]);
    try {
      const refused = await patiently('the rule is in force', async () => {
        const ran = await docker(dev, 'network', 'create', '--driver', 'null', 'n1');
        return ran.stderr.includes('devs make no networks') ? ran : undefined;
      });
      expect(refused.code).not.toBe(0);
      expect((await docker(ops, 'network', 'create', '--driver', 'null', 'n2')).stderr).not.toContain(
        'devs make no networks',
      );
    } finally {
      await put(before);
    }
  });

  it('cuts open connections within seconds of a revocation and refuses new ones with a sentence (T-81)', async () => {
    const made = await order({ user: 'rita' });
    const path = await pathOf(made);
    const open = await dial({ ca: made.ca, cert: made.certificate, key: made.key });
    open.write(get());
    await once(open, 'data');
    const revoked = await product.api(`${native}/user-certificates/${made.serialNumber}`, { method: 'DELETE' });
    expect(revoked.status).toBe(200);
    const since = Date.now();
    await patiently('the connection is cut', () => open.destroyed);
    expect(Date.now() - since).toBeLessThan(20_000);
    expect((await docker(path, 'ps')).stderr).toContain('the certificate is revoked');
    const refused = await patiently('the refusal is on record', async () =>
      (await product.events('allow=false')).find(({ actor }) => actor.user === 'rita'),
    );
    expect(refused.decision).toMatchObject({ effect: 'deny', reason: 'certificate' });
  });

  it('opens to nobody without a certificate, with one of another authority, or with a server certificate (T-81)', async () => {
    const { ca } = await order({ user: 'carl' });
    expect(await talk(await dial({ ca }), get())).toContain('no client certificate was shown');

    const forged = join(engine.dir, 'forged');
    await mkdir(forged);
    const made = await run('sh', [
      '-c',
      'cd "$0" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=root -keyout key.pem -out cert.pem -days 2 2>&1',
      forged,
    ]);
    expect(made.code, made.stdout).toBe(0);
    const cert = await readFile(join(forged, 'cert.pem'), 'utf8');
    const key = await readFile(join(forged, 'key.pem'), 'utf8');
    expect(await talk(await dial({ ca, cert, key }), get())).toContain('the certificate is not of this authority');

    const listener = JSON.parse(await readFile(join(product.dataDir, 'defender/docker-tls.json'), 'utf8')) as Made;
    const answer = await talk(await dial({ ca, cert: listener.certificate, key: listener.key }), get());
    expect(answer).toContain('the certificate is not for clients');

    const identity = JSON.parse(await readFile(join(product.dataDir, 'defender/identity.json'), 'utf8')) as Made;
    const defender = await talk(await dial({ ca, cert: identity.certificate, key: identity.key }), get());
    expect(defender).toContain('the certificate is not of this authority');

    await patiently('the forged certificate is on record, without its name as the user', async () =>
      (await product.events('allow=false')).some(
        ({ actor }) => actor.certificate === 'CN=root (not verified)' && actor.user === '',
      ),
    );
    expect((await product.events('allow=false')).filter(({ actor }) => actor.user === 'root')).toEqual([]);
  });

  it('refuses what a web page could send: Origin, Sec-Fetch-Site and rebound host names (T-80)', async () => {
    const { ca, certificate: cert, key } = await order({ user: 'wilma' });
    const ask = async (request: string) => (await talk(await dial({ ca, cert, key }), request)).split('\r\n')[0];
    expect(await ask(get())).toBe('HTTP/1.1 200 OK');
    expect(await ask(get('', 'docker.example:9998'))).toBe('HTTP/1.1 200 OK');
    expect(await ask(get('Origin: https://evil.example\r\n'))).toBe('HTTP/1.1 403 Forbidden');
    expect(await ask(get('Sec-Fetch-Site: cross-site\r\n'))).toBe('HTTP/1.1 403 Forbidden');
    expect(await ask(get('', 'evil.example'))).toBe('HTTP/1.1 403 Forbidden');
  });

  it('issues no certificate for names that rules could mistake for a uid or a container', async () => {
    for (const user of ['uid:0', 'container:x', 'a\nO=admins', 'al ice', '', '-x', 'a'.repeat(65), 'alice\u202e']) {
      const body = JSON.stringify({ user });
      expect((await product.api(`${native}/user-certificates`, { method: 'POST', body })).status, user).toBe(400);
    }
    const body = JSON.stringify({ user: 'fine', groups: ['gid:0'] });
    expect((await product.api(`${native}/user-certificates`, { method: 'POST', body })).status).toBe(400);
  });

  it('keeps the key of the listener for root only and covers the names of the setting', async () => {
    expect((await stat(join(product.dataDir, 'defender/docker-tls.json'))).mode & 0o777).toBe(0o600);
    const { ca, certificate: cert, key } = await order({ user: 'nora' });
    (await dial({ ca, cert, key, servername: 'docker.example' })).destroy();
  });

  it('makes, lists and revokes certificates from the shell', async () => {
    const dockledger = (...words: string[]) =>
      run(process.execPath, [join(import.meta.dirname, '../../packages/cli/src/main.ts'), ...words], {
        env: { ...process.env, DOCKLEDGER_DATA_DIR: product.dataDir, DOCKLEDGER_ADMIN_PASSWORD: product.password },
      });
    const out = join(engine.dir, 'paula');
    const made = await dockledger('user', 'cert', 'paula', '--groups', 'devs,ops', '--out', out, '--json');
    expect(made.stderr).toBe('');
    const { serialNumber } = JSON.parse(made.stdout) as { serialNumber: string };
    expect((await stat(join(out, 'key.pem'))).mode & 0o777).toBe(0o600);
    expect((await docker(out, 'version', '--format', '{{.Server.Os}}')).stdout.trim()).toBe('linux');
    expect((await dockledger('user', 'certs')).stdout).toContain(`${serialNumber}  paula  devs,ops  good until`);
    expect((await dockledger('user', 'revoke', serialNumber)).stdout).toContain('revoked');
    await patiently('the revocation has reached the Defender', async () =>
      (await docker(out, 'version')).stderr.includes('the certificate is revoked'),
    );
  });
});
