import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { createTempDir, until } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ports.ts';
import { silentLog } from '../app-log.ts';
import { openTlsListener, type RefusedConnection, type TlsListener } from './tls-listener.ts';

const run = promisify(execFile);

// One authority; a server certificate and client certificates with subjects that the Console would never issue.
const script = `set -e; cd "$0"
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
openssl req -x509 $ec -subj /CN=people -days 9 -keyout ca-key.pem -out ca.pem
make() {
  openssl req $ec -subj "$2" -utf8 -keyout $1-key.pem -out $1.csr
  printf 'extendedKeyUsage=%s\\nsubjectAltName=DNS:localhost\\n' $3 > ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 9 -extfile ext -out $1.pem
}
make server /CN=server serverAuth
make alice /O=devs/O=gid:0/CN=alice clientAuth
make uid /CN=uid:0 clientAuth
make container /CN=container:web clientAuth
make twice /CN=alice/CN=root clientAuth
make plus /CN=alice+CN=root clientAuth
make control "$(printf '/CN=alice\\nO=admins')" clientAuth
`;

describe('the TLS listener', () => {
  let dir: Awaited<ReturnType<typeof createTempDir>>;
  let listener: TlsListener;
  const callers: Caller[] = [];
  const refused: RefusedConnection[] = [];
  const revoked = new Set<string>();
  let ahead = 0;
  const pem = (name: string) => readFile(join(dir.path, `${name}.pem`), 'utf8');
  beforeAll(async () => {
    dir = await createTempDir('dlt-');
    await run('sh', ['-c', script, dir.path]);
    listener = await openTlsListener({
      host: '127.0.0.1',
      port: 0,
      isRevoked: (serial) => revoked.has(serial),
      onConnection: (socket, caller) => {
        callers.push(caller);
        socket.on('data', () => socket.write('welcome'));
      },
      onRefused: (each) => refused.push(each),
      log: silentLog,
      brand: 'Test',
      now: () => Date.now() + ahead,
    });
    listener.use({ key: await pem('server-key'), certificate: await pem('server'), ca: await pem('ca') });
  }, 30_000);
  afterAll(async () => {
    await listener.close();
    await dir[Symbol.asyncDispose]();
  });

  const dial = async (name: string): Promise<TLSSocket> => {
    const socket = connect({
      host: '127.0.0.1',
      port: listener.port,
      servername: 'localhost',
      ca: await pem('ca'),
      cert: await pem(name),
      key: await pem(`${name}-key`),
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  };
  const greet = async (socket: TLSSocket): Promise<string> => {
    socket.write('hello');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  const callerOf = async (name: string): Promise<Caller | undefined> => {
    callers.length = 0;
    const socket = await dial(name);
    await greet(socket);
    socket.destroy();
    return callers[0];
  };

  it('names the person by the common name and the groups by the organisations that are fit to be groups', async () => {
    expect(await callerOf('alice')).toMatchObject({
      actor: { user: 'alice', userSource: 'certificate', groups: ['devs'], sourceIP: '127.0.0.1' },
      principals: ['alice'],
      groups: ['devs'],
    });
  });

  it.each(['uid', 'container', 'twice', 'plus', 'control'])(
    'takes a certificate whose subject is no plain name for nobody: %s (T-81)',
    async (name) => {
      const caller = await callerOf(name);
      expect(caller).toMatchObject({ actor: { user: '', userSource: 'certificate' }, principals: [], groups: [] });
      // oxlint-disable-next-line no-control-regex -- the claim is that there is none
      expect(caller?.actor.certificate).not.toMatch(/[\u0000-\u001f]/);
    },
  );

  it('refuses a certificate for servers that the same authority has signed (T-81)', async () => {
    const socket = await dial('server');
    expect(await greet(socket)).toContain('the certificate is not for clients');
    socket.destroy();
  });

  it('cuts a connection whose certificate expires and refuses the next one (T-81)', async () => {
    const socket = await dial('alice');
    await greet(socket);
    ahead = 10 * 86_400_000;
    listener.recheck();
    await until('the connection is cut', () => socket.destroyed);
    refused.length = 0;
    const next = await dial('alice');
    expect(await greet(next)).toContain('403 Forbidden');
    next.destroy();
    ahead = 0;
    expect(refused[0]).toMatchObject({ reason: 'the certificate has expired', caller: { actor: { user: 'alice' } } });
  });
});
