import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createConnectionTracker } from './connection-tracker.ts';
import {
  type Bytes,
  type SudoCall,
  sshdMessage,
  sshdName,
  sudoArgument,
  sudoEscape,
  sudoLines,
  sudoMessage,
} from './daemon-format.fixture.ts';
import { type HostLineContext, parseHostLine } from './parse-host-line.ts';
import { isCutBySshd } from './sshd.ts';

const runs = { numRuns: 1500 };
const file: HostLineContext = { source: 'file', referenceTimeMs: Date.UTC(2026, 10, 23, 16) };
const journal: HostLineContext = { source: 'journal', referenceTimeMs: file.referenceTimeMs };

const fragments = fc.constantFrom(
  ' from 6.6.6.6 port 22 ssh2',
  ' from 6.6.6.6',
  ' port 22',
  ' 6.6.6.6 port 22',
  ' [preauth]',
  ' ssh2',
  'root',
  'invalid user ',
  'user ',
  'authenticating user ',
  'Accepted password for ',
  ' not allowed because ',
  'message repeated 3 times: [ ',
  ']',
  ': ',
  ':',
  ' id 0',
  ' for ',
  '\n',
  '\\',
  '\u0001',
  '\u0000',
  '\u00c3\u00a9',
  '\u00ff',
  ' rhost=6.6.6.6',
  ' user=root',
  'error: ',
  ' ; USER=root',
  ' ; COMMAND=/bin/sh',
  ' ; PWD=/',
  ' ; TTY=pts/0',
  ' ; ENV=A=b',
  ' : ',
  '(command continued) ',
  "'",
  '"',
  '#040',
  '@cee:{"sudo":',
  ' ; EXIT=1',
  'sshd[1]: ',
);
const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const hostileBytes: fc.Arbitrary<Bytes> = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fragments },
      byte,
      fc.tuple(byte, fc.nat(120)).map(([c, n]) => c.repeat(n)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const hostileText = fc
  .array(fc.oneof(fragments, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 12 })
  .map((parts) => parts.join('').replaceAll('\0', ''));

const address = fc.constantFrom(
  '203.0.113.7',
  '1.2.3.4',
  '2001:db8::7',
  '2001:db8::',
  '::1',
  'fe80::1%eth0',
  '::ffff:198.51.100.2',
  '2001:db8:1:22:333:4444:5555:6666',
);
const peer = fc.record({ address, port: fc.integer({ min: 1, max: 65535 }) });

type Attack = {
  readonly name: Bytes;
  readonly peer: { readonly address: string; readonly port: number };
  readonly text: Bytes;
};
type Writer = { readonly kind: string; readonly write: (attack: Attack) => string; readonly hasUser: boolean };

const named = (attack: Attack, limit: number): Bytes => sshdName(attack.name).slice(0, limit);
const at = ({ peer: { address: ip, port } }: Attack): string => `${ip} port ${port}`;
const writers: readonly Writer[] = [
  {
    kind: 'login_failed',
    hasUser: true,
    write: (a) => sshdMessage(`Failed password for invalid user ${named(a, 100)} from ${at(a)} ssh2`, 'own'),
  },
  {
    kind: 'login_failed',
    hasUser: true,
    write: (a) => sshdMessage(`Failed none for ${named(a, 100)} from ${at(a)} ssh2`, 'own'),
  },
  {
    kind: 'login',
    hasUser: true,
    write: (a) => sshdMessage(`Accepted keyboard-interactive/pam for ${named(a, 100)} from ${at(a)} ssh2`, 'own'),
  },
  {
    kind: 'login_failed',
    hasUser: true,
    write: (a) =>
      sshdMessage(
        `Failed hostbased for ${named(a, 100)} from ${at(a)} ssh2: ED25519 SHA256:AAAA, client user "${a.text}", client host "${a.text}"`,
        'own',
      ),
  },
  {
    kind: 'login',
    hasUser: true,
    write: (a) =>
      sshdMessage(
        `Accepted publickey for ${named(a, 100)} from ${at(a)} ssh2: ED25519-CERT SHA256:AAAA ID ${a.text} (serial 7) CA ED25519 SHA256:BBBB`,
        'own',
      ),
  },
  {
    kind: 'login_postponed',
    hasUser: true,
    write: (a) => sshdMessage(`Postponed publickey for ${named(a, 100)} from ${at(a)} ssh2`, 'relayed'),
  },
  {
    kind: 'invalid_user',
    hasUser: true,
    write: (a) => sshdMessage(`Invalid user ${named(a, 100)} from ${at(a)}`, 'own'),
  },
  {
    kind: 'disconnect',
    hasUser: true,
    write: (a) => sshdMessage(`Connection closed by invalid user ${named(a, 100)} ${at(a)}`, 'relayed'),
  },
  {
    kind: 'disconnect',
    hasUser: true,
    write: (a) => sshdMessage(`Connection reset by authenticating user ${named(a, 100)} ${at(a)}`, 'relayed'),
  },
  {
    kind: 'disconnect',
    hasUser: true,
    write: (a) => sshdMessage(`Disconnected from authenticating user ${named(a, 100)} ${at(a)}`, 'relayed'),
  },
  {
    kind: 'disconnect',
    hasUser: true,
    write: (a) =>
      sshdMessage(`Disconnecting invalid user ${named(a, 100)} ${at(a)}: Too many authentication failures`, 'relayed'),
  },
  {
    kind: 'disconnect',
    hasUser: false,
    write: (a) => sshdMessage(`Received disconnect from ${at(a)}:11: ${a.text.slice(0, 400)}`, 'relayed'),
  },
  {
    kind: 'too_many_attempts',
    hasUser: true,
    write: (a) =>
      sshdMessage(
        `error: maximum authentication attempts exceeded for invalid user ${named(a, 100)} from ${at(a)} ssh2`,
        'relayed',
      ),
  },
  {
    kind: 'protocol_error',
    hasUser: false,
    write: (a) =>
      sshdMessage(`Unable to negotiate with ${at(a)}: no matching cipher found. Their offer: ${a.text}`, 'relayed'),
  },
  {
    kind: 'protocol_error',
    hasUser: false,
    write: (a) =>
      sshdMessage(`error: kex_exchange_identification: client sent invalid protocol identifier "${a.text}"`, 'own'),
  },
  {
    kind: 'session_open',
    hasUser: false,
    write: (a) =>
      sshdMessage(`Starting session: forced-command (config) '${a.text}' for alice from ${at(a)} id 0`, 'own'),
  },
];
const frames: readonly ((message: string) => string)[] = [
  (message) => `Nov 23 15:40:00 corpus sshd[4711]: ${message}`,
  (message) => `2026-11-23T15:40:00.123456+01:00 corpus sshd-session[4711]: ${message}`,
  (message) => `<38>1 2026-11-23T15:40:00Z corpus sshd 4711 - [meta sequenceId="1"] ${message}`,
  (message) => `Nov 23 15:40:00 corpus sshd[4711]: message repeated 2 times: [ ${message}]`,
];
const attack: fc.Arbitrary<Attack> = fc.record({ name: hostileBytes, peer, text: hostileBytes });
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
// Decoders differ in how many marks they put for broken bytes.
const oneMark = (text: string): string => text.replace(/\ufffd+/g, '\ufffd');
const decode = (bytes: Bytes): string => utf8.decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));

describe('whatever bytes a remote user sends', () => {
  it('the peer is the one that connected, or none when sshd cut the line', () => {
    fc.assert(
      fc.property(attack, fc.constantFrom(...writers), fc.constantFrom(...frames), (sent, writer, frame) => {
        const message = writer.write(sent);
        const result = parseHostLine(frame(message), file);
        if (result === null) {
          expect(writer.kind === 'session_open' && isCutBySshd(message)).toBe(false);
          return;
        }
        expect(result.kind).toBe(writer.kind);
        if (result.peer !== null) expect(result.peer).toEqual(sent.peer);
        else expect(isCutBySshd(message) || message.includes('kex_exchange')).toBe(true);
      }),
      runs,
    );
  });

  it('the user is the name that sshd acted on', () => {
    fc.assert(
      fc.property(attack, fc.constantFrom(...writers.filter(({ hasUser }) => hasUser)), (sent, writer) => {
        const message = writer.write(sent);
        const result = parseHostLine(`Nov 23 15:40:00 corpus sshd[4711]: ${message}`, file);
        if (result?.user === null || result?.user === undefined) expect(isCutBySshd(message)).toBe(true);
        else if (!isCutBySshd(message)) {
          // A name that itself begins with sshd's marker for unknown users reads as one: the marker is not quoted.
          const name = oneMark(decode(named(sent, 100)));
          expect([name, name.replace(/^invalid user /, '')]).toContain(oneMark(result.user));
        }
      }),
      runs,
    );
  });

  it('a tracker gives cut lines the peer of their own connection, however connections interleave', () => {
    const connection = fc.record({
      attack,
      order: fc.array(fc.constantFrom(...writers.filter(({ hasUser }) => hasUser)), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(
        fc.array(connection, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat(100)),
        (connections, picks) => {
          const tracker = createConnectionTracker();
          const queues = connections.map(({ attack: sent, order }, pid) => ({
            sent,
            pid,
            lines: order.map((writer) => writer.write(sent)),
          }));
          for (const pick of picks) {
            const open = queues.filter(({ lines }) => lines.length > 0);
            const queue = open[pick % Math.max(1, open.length)];
            if (queue === undefined) break;
            const result = parseHostLine(`Nov 23 15:40:00 corpus sshd[${queue.pid}]: ${queue.lines.shift()}`, file);
            for (const done of tracker.push(result)) if (done.peer !== null) expect(done.peer).toEqual(queue.sent.peer);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

const word = hostileText;
const call: fc.Arbitrary<SudoCall> = fc.record({
  user: fc.constantFrom('alice', 'carol', 'erin.o-x', 'a-very-long-user'),
  tty: fc.constantFrom(null, 'pts/0'),
  cwd: hostileText.map((text) => `/srv/${text}`),
  runAs: fc.constantFrom('root', 'bob', '#1000'),
  env: fc.array(
    hostileText.map((text) => `FOO=${text}`),
    { maxLength: 2 },
  ),
  argv: fc.array(word, { maxLength: 5 }).map((words) => ['/usr/bin/id', ...words]),
  reason: fc.constantFrom(null, 'command not allowed', '3 incorrect password attempts'),
});

describe('whatever bytes a local user passes to sudo', () => {
  it('there is no peer, the caller is right, and the true reading is among those kept', () => {
    fc.assert(
      fc.property(call, (called) => {
        const tracker = createConnectionTracker();
        const lines = sudoLines(sudoMessage(called)).map((line) => `Nov 23 15:40:00 corpus sudo: ${line}`);
        const results = lines.flatMap((line) => tracker.push(parseHostLine(line, file)));
        results.push(...tracker.flush());
        expect(results.every((result) => result.peer === null && result.user === called.user)).toBe(true);
        const [result] = results;
        if (result === undefined || lines.length > 1) return;
        expect(result.kind).toBe(called.reason === null ? 'sudo_allowed' : 'sudo_refused');
        const command = called.argv.map((text, k) => (k === 0 ? text : sudoArgument(text))).join(' ');
        const truth = { cwd: sudoEscape(called.cwd), runAs: called.runAs, command };
        if (result.readings === null) expect(result).toMatchObject(truth);
        else if (result.readings.length < 8) expect(result.readings).toContainEqual(expect.objectContaining(truth));
      }),
      runs,
    );
  });

  it("sudo's JSON gives the exact words and keeps no environment", () => {
    fc.assert(
      fc.property(call, (called) => {
        const event = {
          submituser: called.user,
          command: called.argv[0],
          runuser: called.runAs,
          submitcwd: called.cwd,
          runargv: ['id', ...called.argv.slice(1)],
          runenv: ['SECRET=hunter2', ...called.env],
        };
        const result = parseHostLine(
          `Nov 23 15:40:00 corpus sudo: @cee:${JSON.stringify({ sudo: { accept: event } })}`,
          file,
        );
        expect(result).toMatchObject({
          kind: 'sudo_allowed',
          user: called.user,
          cwd: called.cwd,
          runAs: called.runAs,
          argv: called.argv,
          peer: null,
        });
        expect(result?.raw).not.toContain('hunter2');
      }),
      { numRuns: 500 },
    );
  });
});

describe('any input at all', () => {
  it('takes time in proportion to its length, a megabyte of it under a second', () => {
    const units = [
      ' from ',
      ' port 1',
      ' ; USER=root',
      ' ; USER=root ; COMMAND=/x',
      ' ; EXIT=1',
      ' for ',
      ': ',
      ') a on ',
      '\\',
      '[',
      '"',
      ' (serial 1',
      '\0',
      'rhost=',
    ];
    const heads = [
      'sshd[1]: Failed password for ',
      'sshd[1]: Accepted publickey for a from 1.2.3.4 port 5 ssh2: RSA SHA256:a ID ',
      'sshd[1]: User ',
      'sshd[1]: Starting session: ',
      'sudo: a : PWD=',
      'sudo: a : x',
      'sudo: @cee:{"sudo":{"accept":{',
      'su: (to ',
      'su: a',
      'sshd: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= ',
      '<1>1 - - - - - [',
    ];
    for (const unit of units) {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      for (const head of heads) {
        const startedAt = performance.now();
        parseHostLine(`Nov 23 15:40:00 h ${head}${text}`, file);
        parseHostLine(`${head}${text}`, file);
        expect(performance.now() - startedAt, `${head} ${unit}`).toBeLessThan(1000);
      }
    }
  });

  const tag = fc.constantFrom('sshd[1]', 'sudo', 'su[2]', 'systemd-logind[3]', 'rsyslogd', 'su(pam_unix)[4]', 'x', '');
  const stamp = fc.constantFrom(
    'Nov 23 15:40:00 h ',
    'Feb 29 01:02:03 h ',
    '2026-11-23T15:40:00Z h ',
    '<13>',
    '<38>1 - - - - - ',
    '',
  );

  it('never throws, as text or as bytes', () => {
    fc.assert(
      fc.property(stamp, tag, hostileText, (frame, program, text) => {
        parseHostLine(`${frame}${program}: ${text}`, file);
        parseHostLine(text, journal);
      }),
      runs,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseHostLine(bytes, file)),
      runs,
    );
    fc.assert(
      fc.property(fc.json(), (text) => void parseHostLine(text, journal)),
      { numRuns: 300 },
    );
  });

  it('is never trusted and has no peer when the journal shows another author', () => {
    const author = fc.constantFrom<Record<string, unknown>>(
      {},
      { _COMM: 'logger', _EXE: '/usr/bin/logger' },
      { _COMM: 'sshd', _EXE: '/tmp/sshd' },
      { _COMM: 'sudo', _EXE: '/home/x/usr/bin/sudo' },
      { _COMM: 'sshd' },
      { _COMM: 'sshd', _EXE: '/usr/sbin/sshd', _UID: '1000' },
      { _COMM: 'sudo', _EXE: '/usr/bin/sudo', _UID: '1000', _CAP_EFFECTIVE: '0' },
      {
        _COMM: 'sshd',
        _EXE: '/usr/sbin/sshd',
        _UID: '0',
        _SYSTEMD_CGROUP: '/system.slice/docker-0123.scope',
        _SYSTEMD_UNIT: 'docker-0123.scope',
      },
      { _COMM: 'sshd', _EXE: '/usr/sbin/sshd', _UID: '0', _SYSTEMD_CGROUP: '/docker/0123' },
      { _COMM: 'sshd', _EXE: '/usr/sbin/sshd', _UID: '0', _SYSTEMD_UNIT: 'evil.service' },
      { _COMM: ['sshd', 'x'], _EXE: '/usr/sbin/sshd', _UID: '0' },
    );
    fc.assert(
      fc.property(author, fc.constantFrom(...writers), attack, (fields, writer, sent) => {
        const entry = {
          _PID: '7',
          _UID: '1000',
          _TRANSPORT: 'syslog',
          SYSLOG_IDENTIFIER: 'sshd',
          MESSAGE: writer.write(sent),
          ...fields,
        };
        const result = parseHostLine(JSON.stringify(entry), journal);
        if (result !== null) expect(result).toMatchObject({ confidence: 'forgeable', peer: null });
      }),
      { numRuns: 500 },
    );
  });
});
