// Logins, refusals and hostile names against the real sshd. Each connection goes through a relay of ours, which opens
// the socket to sshd itself: so the peer's address and port are known without reading a log.
import { spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { fingerprintOf, roomDir, startSshd, until, userPassword } from './private-host.ts';
import type { Peer, Scenario, Truth } from './scenario.ts';

type Attempt = {
  readonly user: string;
  readonly from?: string;
  readonly to?: string;
  readonly port?: number;
  readonly options?: readonly string[];
  readonly key?: string;
  readonly password?: string;
  readonly command?: readonly string[];
  readonly program?: 'ssh' | 'sftp';
};

/** Ports of the sshd instances, by what is special about them. */
const verbose = 22;
const terse = 2022;
const strict = 2023;

/** Starts the three sshd instances that the scenarios use. */
export async function startSshDaemons(): Promise<void> {
  await startSshd(verbose, ['LogLevel VERBOSE', 'MaxAuthTries 6', 'Match User git', 'X11Forwarding no']);
  await startSshd(terse, ['MaxAuthTries 3', 'PermitRootLogin forced-commands-only']);
  await startSshd(strict, [
    'LogLevel VERBOSE',
    'AllowUsers alice bob',
    'LoginGraceTime 2',
    'MaxStartups 1:100:1',
    'ForceCommand /bin/echo "for root from 6.6.6.6 port 22 id 0"',
  ]);
}

/** Opens one socket to sshd from a known address; the caller gets it with its peer. */
function dial(from: string, to: string, port: number): Promise<{ socket: Socket; peer: Peer }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to, port, localAddress: from });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      socket.on('error', () => socket.destroy());
      resolve({ socket, peer: { address: from, port: socket.localPort ?? 0 } });
    });
  });
}

async function attempt(settings: Attempt): Promise<Peer[]> {
  const { from = '203.0.113.7', to = '127.0.0.1', port = verbose } = settings;
  const peers: Peer[] = [];
  const forward = async (client: Socket): Promise<void> => {
    try {
      const { socket, peer } = await dial(from, to, port);
      peers.push(peer);
      client.pipe(socket).pipe(client);
    } catch {
      // sshd refused the connection: the client sees its end.
      client.destroy();
    }
  };
  const relay = createServer((client) => {
    client.on('error', () => client.destroy());
    void forward(client);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const address = relay.address();
  const relayPort = address !== null && typeof address === 'object' ? address.port : 0;
  const args = [
    // ssh takes the first value of an option: the attempt's own come first.
    ...(settings.options ?? []),
    '-F',
    'none',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'ConnectTimeout=8',
    '-o',
    'NumberOfPasswordPrompts=1',
    '-o',
    'GSSAPIAuthentication=no',
    '-o',
    `PreferredAuthentications=${settings.key === undefined ? 'password' : 'publickey'}`,
    ...(settings.key === undefined ? [] : ['-i', `${roomDir}/${settings.key}`]),
    ...(settings.user === ''
      ? ['-l', '']
      : ['-o', `User="${settings.user.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`]),
  ];
  const program = settings.program ?? 'ssh';
  const target =
    program === 'sftp'
      ? ['-P', String(relayPort), '127.0.0.1']
      : ['-p', String(relayPort), '127.0.0.1', ...(settings.command ?? ['true'])];
  const child = spawn(program, [...args, ...target], {
    stdio: ['ignore', 'ignore', process.env['CORPUS_DEBUG'] ? 'inherit' : 'ignore'],
    env: {
      LD_PRELOAD: `${roomDir}/any-name.so`,
      PATH: '/usr/bin:/bin',
      DISPLAY: ':0',
      SSH_ASKPASS: `${roomDir}/askpass`,
      SSH_ASKPASS_REQUIRE: 'force',
      ANSWER: settings.password ?? userPassword,
    },
  });
  await new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => relay.close(resolve));
  return peers;
}

const login = (name: string, settings: Attempt, truth: Omit<Truth, 'program' | 'peers' | 'user'>): Scenario => ({
  name,
  run: async () => ({
    program: 'sshd',
    peers: await attempt(settings),
    user: settings.user.split(':')[0] ?? '',
    ...truth,
  }),
});

const hostileNames: readonly string[] = [
  'root from 6.6.6.6 port 22 ssh2',
  'root from 6.6.6.6',
  'test from 10.10.1.2 port 55555 ssh2',
  'from 6.6.6.6',
  'x 6.6.6.6 port 22 [preauth]',
  ' 6.6.6.6 port 22',
  'x\nAccepted publickey for root from 6.6.6.6 port 22 ssh2',
  'x\r\n\t\u001b[2J\u0007',
  'Accepted password for root',
  'Accepted password for root from 6.6.6.6 port 22 ssh2: RSA SHA256:AAAA',
  'invalid user root',
  'user root 6.6.6.6 port 22',
  'authenticating user root 6.6.6.6 port 1 [preauth]',
  'root not allowed because account is locked',
  'jörg from ::ffff:6.6.6.6 port 9',
  'back\\slash\\nroot\\303',
  `${'\u0001'.repeat(88)} 6.6.6.6 port 22 [preauth]`,
  `${'\u0001'.repeat(120)} from 6.6.6.6 port 22 ssh2`,
  `${'é'.repeat(60)} from 6.6.6.6 port 22 ssh2`,
  'a'.repeat(300),
  'root rhost=6.6.6.6 user=root',
  'x  user=root rhost=6.6.6.6',
  '[preauth]',
  'message repeated 5 times: [ x]',
  '%s%n%d #012 #040',
  'sshd[1]',
  ' leading and trailing ',
];

const raw = (name: string, bytes: string | null, truth: Partial<Truth>): Scenario => ({
  name,
  run: async () => {
    const { socket, peer } = await dial('198.51.100.23', '127.0.0.1', verbose);
    // The banner shows that the process for this connection runs, so its lines fall before the scenario's mark.
    await new Promise((resolve) => socket.once('data', resolve));
    if (bytes === null) socket.destroy();
    else socket.end(bytes, 'latin1');
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    return { program: 'sshd', peers: [peer], user: null, expected: {}, ...truth };
  },
});

/** All scenarios that concern sshd, in the order to run them. */
export function sshScenarios(): Scenario[] {
  const invalid = (user: string, index: number): Scenario[] => [
    login(
      `hostile-name-${index}`,
      { user, password: 'no' },
      { invalidUser: true, method: 'password', expected: { login_failed: 1 } },
    ),
    login(
      `hostile-name-terse-${index}`,
      { user, port: terse, password: 'no', from: '203.0.113.8' },
      {
        invalidUser: true,
        method: 'password',
        expected: { login_failed: 1 },
      },
    ),
  ];
  return [
    login('password', { user: 'alice' }, { method: 'password', expected: { login: 1, session_open: 1 } }),
    login(
      'password-terse',
      { user: 'alice', port: terse },
      { method: 'password', expected: { login: 1, session_open: 1 } },
    ),
    login(
      'password-ipv6',
      { user: 'alice', from: '2001:db8::7', to: '::1' },
      { method: 'password', expected: { login: 1 } },
    ),
    login('wrong-password', { user: 'alice', password: 'no' }, { method: 'password', expected: { login_failed: 1 } }),
    login(
      'wrong-password-three-times',
      { user: 'alice', password: 'no', options: ['-o', 'NumberOfPasswordPrompts=3'] },
      {
        method: 'password',
        expected: { login_failed: 3 },
      },
    ),
    login(
      'wrong-password-ipv6',
      { user: 'alice', password: 'no', from: '2001:db8:1:22:333:4444:5555:6666', to: '::1' },
      {
        method: 'password',
        expected: { login_failed: 1 },
      },
    ),
    login(
      'too-many-attempts',
      { user: 'alice', password: 'no', port: terse, options: ['-o', 'NumberOfPasswordPrompts=9'] },
      {
        method: 'password',
        expected: { login_failed: 3, too_many_attempts: 1 },
      },
    ),
    login(
      'too-many-attempts-hostile',
      { user: 'x from 6.6.6.6 port 2 ssh2', password: 'no', port: terse, options: ['-o', 'NumberOfPasswordPrompts=9'] },
      {
        invalidUser: true,
        method: 'password',
        expected: { login_failed: 3, too_many_attempts: 1 },
      },
    ),
    login(
      'key',
      { user: 'alice', key: 'alice_key' },
      { method: 'publickey', keyFingerprint: fingerprintOf('alice_key'), expected: { login: 1, session_open: 1 } },
    ),
    login(
      'key-rsa-tty',
      { user: 'alice', key: 'alice_rsa', options: ['-tt'] },
      {
        method: 'publickey',
        keyFingerprint: fingerprintOf('alice_rsa'),
        onTty: true,
        expected: { login: 1, session_open: 1 },
      },
    ),
    login(
      'wrong-key',
      { user: 'alice', key: 'wrong_key' },
      { method: 'publickey', keyFingerprint: fingerprintOf('wrong_key'), expected: { login_failed: 1 } },
    ),
    login(
      'certificate',
      { user: 'alice', key: 'cert_plain' },
      {
        method: 'publickey',
        keyFingerprint: fingerprintOf('cert_plain'),
        certificateId: 'alice@laptop',
        expected: { login: 1 },
      },
    ),
    login(
      'certificate-hostile-id',
      { user: 'alice', key: 'cert_hostile' },
      {
        method: 'publickey',
        keyFingerprint: fingerprintOf('cert_hostile'),
        certificateId: 'x from 6.6.6.6 port 22 ssh2: ED25519 SHA256:AAAA (serial 1) CA ED25519 SHA256:BBBB',
        expected: { login: 1 },
      },
    ),
    login(
      'certificate-foreign-ca',
      { user: 'alice', key: 'cert_foreign' },
      {
        method: 'publickey', // The client offers the bare key first, then the certificate.
        expected: { login_failed: 2 },
      },
    ),
    login(
      'forced-command-key',
      { user: 'git', key: 'git_key', command: ['git-upload-pack x'] },
      {
        method: 'publickey',
        keyFingerprint: fingerprintOf('git_key'),
        expected: { login: 1, session_open: 1 },
      },
    ),
    login(
      'forced-command-config',
      { user: 'alice', key: 'alice_key', port: strict },
      {
        method: 'publickey',
        keyFingerprint: fingerprintOf('alice_key'),
        expected: { login: 1, session_open: 1 },
      },
    ),
    login(
      'sftp',
      { user: 'alice', key: 'alice_key', program: 'sftp' },
      { method: 'publickey', expected: { login: 1, session_open: 1 } },
    ),
    login('no-shell', { user: 'bob' }, { expected: { login_refused: 1, login_failed: 1 } }),
    login('allow-users-refused', { user: 'dave', port: strict }, { expected: { login_refused: 1, login_failed: 1 } }),
    login('root-password', { user: 'root', port: terse }, { method: 'password', expected: { login_failed: 1 } }),
    login('dotted-user', { user: 'erin.o-x' }, { method: 'password', expected: { login: 1 } }),
    login(
      'style-cut',
      { user: 'root:pam from 6.6.6.6', password: 'no' },
      { method: 'password', expected: { login_failed: 1 } },
    ),
    login('style-cut-known-user', { user: 'alice:x port 22 ssh2' }, { method: 'password', expected: { login: 1 } }),
    login(
      'empty-name',
      { user: '', password: 'no' },
      { invalidUser: true, method: 'password', expected: { login_failed: 1 } },
    ),
    ...hostileNames.flatMap((user, index) => invalid(user, index)),
    raw('closed-at-once', null, {}),
    raw('http-request', 'GET / HTTP/1.1\r\nHost: x from 6.6.6.6 port 22\r\n\r\n', {}),
    raw('banner-then-close', 'SSH-2.0-x from 6.6.6.6 port 22\r\n', {}),
    raw(
      'garbage-after-banner',
      `SSH-2.0-probe\r\n${'\u0000\u0000\u0000\u00ff garbage from 6.6.6.6 port 22'.repeat(30)}`,
      {},
    ),
    raw('old-protocol', 'SSH-1.5-old from 6.6.6.6 port 22\n', {}),
    login('no-common-cipher', { user: 'alice', options: ['-o', 'Ciphers=aes128-cbc'] }, { expected: {} }),
    {
      name: 'grace-time-and-max-startups',
      run: async () => {
        const first = await dial('203.0.113.7', '127.0.0.1', strict);
        first.socket.resume();
        const second = await dial('203.0.113.8', '127.0.0.1', strict);
        second.socket.resume();
        await until('the second to be dropped', () => second.socket.destroyed || second.socket.readableEnded);
        await until('the grace time', () => first.socket.destroyed || first.socket.readableEnded);
        return {
          program: 'sshd',
          peers: [first.peer, second.peer],
          user: null,
          expected: { connection_dropped: 1 },
        };
      },
    },
  ];
}
