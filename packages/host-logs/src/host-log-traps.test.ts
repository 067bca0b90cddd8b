import { describe, expect, it } from 'vitest';
import { createConnectionTracker } from './connection-tracker.ts';
import type { HostLogResult } from './host-log-result.ts';
import { type HostLineContext, parseHostLine } from './parse-host-line.ts';
import { parseSudoLogfileRecord, unwrapSudoLogfile } from './sudo.ts';

// The known traps of host logs, one group each, in lines written by hand for versions and systems not in the corpus.
const context: HostLineContext = { source: 'file', referenceTimeMs: Date.UTC(2026, 10, 23, 16) };
const parse = (line: string, more: Partial<HostLineContext> = {}): HostLogResult | null =>
  parseHostLine(line, { ...context, ...more });
const sshd = (message: string): HostLogResult | null => parse(`Nov 23 15:40:00 web sshd[42]: ${message}`);
const sudo = (message: string): HostLogResult | null => parse(`Nov 23 15:40:00 web sudo: ${message}`);
const entry = (fields: Record<string, unknown>, more: Partial<HostLineContext> = {}): HostLogResult | null =>
  parse(JSON.stringify({ _TRANSPORT: 'syslog', _PID: '42', ...fields }), { source: 'journal', ...more });
const genuine = {
  SYSLOG_IDENTIFIER: 'sshd',
  _UID: '0',
  _COMM: 'sshd',
  _EXE: '/usr/sbin/sshd',
  _SYSTEMD_UNIT: 'ssh.service',
};
const accepted = 'Accepted password for root from 203.0.113.7 port 22 ssh2';
const real = { address: '203.0.113.7', port: 4022 };

describe('user names that look like log text', () => {
  it.each([
    ['root from 6.6.6.6 port 22 ssh2'],
    [''],
    ['from 6.6.6.6'],
    ['Accepted password for root'],
    ['x [preauth]'],
    [' a  b '],
  ])('keep the real peer and come out as they were sent: %j', (name) => {
    expect(sshd(`Failed password for invalid user ${name} from 203.0.113.7 port 4022 ssh2`)).toMatchObject({
      user: name,
      peer: real,
      invalidUser: true,
    });
    expect(sshd(`Invalid user ${name} from 203.0.113.7 port 4022`)).toMatchObject({ user: name, peer: real });
    expect(sshd(`Connection closed by invalid user ${name} 203.0.113.7 port 4022 [preauth]`)).toMatchObject({
      user: name,
      peer: real,
    });
  });

  it('never give a peer without a port where the version logs ports', () => {
    expect(sshd('Failed password for root from 6.6.6.6 port 22 ssh2 from 203.0.113.7')).toBeNull();
  });

  it('of old versions without ports are split at the last "from"', () => {
    expect(sshd('Invalid user x from 6.6.6.6 from 203.0.113.7')).toMatchObject({
      user: 'x from 6.6.6.6',
      peer: { address: '203.0.113.7', port: null },
    });
  });
});

describe('encoded characters', () => {
  it('are decoded once in own lines and twice in relayed ones', () => {
    expect(sshd('Invalid user j\\303\\266rg\\n from 203.0.113.7 port 4022')).toMatchObject({ user: 'jörg\n' });
    expect(
      sshd('Connection closed by invalid user j\\\\303\\\\266rg\\\\n 203.0.113.7 port 4022 [preauth]'),
    ).toMatchObject({ user: 'jörg\n' });
  });
});

describe('lines cut at 500 bytes', () => {
  const cut = `Connection closed by invalid user ${'\\\\001'.repeat(88)} 6.6.6.6 port 22 [preauth]`;

  it('give no peer and no user of their own', () => {
    expect(cut.padEnd(500, 'x').length).toBeGreaterThanOrEqual(500);
    expect(sshd(cut.padEnd(500, ' '))).toMatchObject({ isTruncated: true, peer: null, user: null });
  });

  it('get the peer of the same connection from the tracker', () => {
    const tracker = createConnectionTracker();
    tracker.push(sshd('Invalid user x from 203.0.113.7 port 4022'));
    expect(tracker.push(sshd(cut.padEnd(500, ' ')))).toMatchObject([{ peer: real, peerSource: 'connection' }]);
  });

  it('get nothing from a connection that ended, or that began long before', () => {
    const tracker = createConnectionTracker();
    tracker.push(sshd('Connection closed by 203.0.113.7 port 4022 [preauth]'));
    expect(tracker.push(sshd(cut.padEnd(500, ' ')))).toMatchObject([{ peer: null }]);
    tracker.push(parse('Nov 23 14:00:00 web sshd[42]: Invalid user x from 203.0.113.7 port 4022'));
    expect(tracker.push(sshd(cut.padEnd(500, ' ')))).toMatchObject([{ peer: null }]);
  });
});

describe('names cut by sshd at a colon or a NUL', () => {
  it('read as the user that sshd acted on', () => {
    expect(sshd('Failed password for root from 203.0.113.7 port 4022 ssh2')).toMatchObject({
      user: 'root',
      invalidUser: false,
    });
    expect(
      sshd('ssh_dispatch_run_fatal: Connection from 203.0.113.7 port 4022: invalid format [preauth]'),
    ).toMatchObject({
      kind: 'protocol_error',
      peer: real,
      reason: 'invalid format',
    });
  });
});

describe('addresses', () => {
  it.each(['::1', 'fe80::1%eth0', '::ffff:1.2.3.4', '2001:db8::', '2001:db8:1:22:333:4444:5555:6666'])(
    'of IPv6 are whole: %s',
    (address) => {
      expect(sshd(`Failed password for root from ${address} port 4022 ssh2`)).toMatchObject({
        peer: { address, port: 4022 },
      });
      expect(
        sshd(`Disconnecting authenticating user root ${address} port 4022: Too many authentication failures [preauth]`),
      ).toMatchObject({
        user: 'root',
        peer: { address, port: 4022 },
        reason: 'Too many authentication failures',
      });
    },
  );

  it.each(['UNKNOWN', 'host.example.com', '1.2.3', '1.2.3.256', '1.2.3.4.5', ':::', '12345::', '0x7f.1'])(
    'that are none give no peer: %s',
    (text) => {
      expect(sshd(`Failed password for root from ${text} port 4022 ssh2`)).toMatchObject({ user: 'root', peer: null });
    },
  );
});

describe("text of the peer's own behind ssh2", () => {
  it('does not reach the peer, nor the key', () => {
    const line =
      'Failed hostbased for root from 203.0.113.7 port 4022 ssh2: RSA SHA256:abc, client user "x from 6.6.6.6 port 1 ssh2", client host "y from 6.6.6.6"';
    expect(sshd(line)).toMatchObject({ user: 'root', peer: real, keyFingerprint: 'SHA256:abc' });
  });

  it('of a certificate is its id, with the real authority behind it', () => {
    const id = 'x (serial 1) CA RSA SHA256:fake';
    const line = `Accepted publickey for a from 203.0.113.7 port 4022 ssh2: ED25519-CERT SHA256:abc ID ${id} (serial 7) CA ED25519 SHA256:real`;
    expect(sshd(line)).toMatchObject({
      certificateId: id,
      certificateSerial: '7',
      certificateAuthority: 'SHA256:real',
      keyType: 'ED25519-CERT',
    });
  });
});

describe('repeated lines', () => {
  it('count the repeats that they stand for', () => {
    expect(sshd('message repeated 4 times: [ Failed password for root from 203.0.113.7 port 4022 ssh2]')).toMatchObject(
      { kind: 'login_failed', count: 4, peer: real },
    );
  });

  it('without a text repeat the line before, of any program, with or without a host', () => {
    const tracker = createConnectionTracker();
    tracker.push(sshd('Failed password for root from 203.0.113.7 port 4022 ssh2'));
    expect(tracker.push(parse('Nov 23 15:40:05  sshd[42]: last message repeated 3 times'))).toMatchObject([
      { kind: 'login_failed', count: 3, peer: real },
    ]);
    expect(tracker.push(parse('Nov 23 15:40:06 web last message repeated 2 times'))).toMatchObject([
      { kind: 'login_failed', count: 2 },
    ]);
    tracker.push(parse('Nov 23 15:40:07 web kernel: something'));
    expect(tracker.push(parse('Nov 23 15:40:08 web last message repeated 9 times'))).toEqual([]);
  });

  it("of libpam's counter are a figure of their own kind", () => {
    const line =
      'PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=root';
    expect(sshd(line)).toMatchObject({
      kind: 'pam_more_failures',
      detail: '2',
      count: 1,
      user: 'root',
      peer: { address: '203.0.113.7' },
    });
  });
});

describe('odd frames', () => {
  const time = Date.UTC(2026, 10, 23, 15, 40);
  it.each([
    ['<38>Nov 23 15:40:00 web sshd[42]: ', time, 'web'],
    ['2026-11-23T15:40:00.000000+00:00 web sshd[42]: ', time, 'web'],
    ['2026-11-23T17:10:00+01:30 web sshd[42]: ', time, 'web'],
    ['2026 Nov 23 15:40:00 web sshd[42]: ', time, 'web'],
    ['<38>1 2026-11-23T15:40:00Z web sshd 42 - [meta sequenceId="1" x="a\\]b"] ', time, 'web'],
    ['<38>1 2026-11-23T15:40:00Z web sshd 42 - - \ufeff', time, 'web'],
    ['Nov 23 15:40:00 web sshd[42]: [ID 800047 auth.info] ', time, 'web'],
    ['Nov 23 15:40:00 sshd[42]: ', time, null],
    ['Nov 23 15:40:00 web /usr/sbin/sshd[42]: ', time, 'web'],
    ['Nov 23 15:40:00 web sshd-session[42]: ', time, 'web'],
    ['Nov 23 15:40:00 web sshd[42] ', time, 'web'],
    ['\0\0\0Nov 23 15:40:00 web sshd[42]: ', time, 'web'],
    ['sshd[42]: ', null, null],
  ])('are taken off: %j', (frame, timeMs, host) => {
    expect(parse(frame + accepted)).toMatchObject({
      kind: 'login',
      program: 'sshd',
      pid: 42,
      timeMs,
      host,
      peer: { address: '203.0.113.7' },
    });
  });

  it('with CRLF ends, or a bracketed tag, are taken off as well', () => {
    expect(parse(`Nov 23 15:40:00 web [sshd] ${accepted}\r`)).toMatchObject({ kind: 'login', pid: null });
  });

  it("do not let another program's text pass for sshd's", () => {
    expect(parse(`Nov 23 15:40:00 web cron[1]: sshd[42]: ${accepted}`)).toBeNull();
    expect(parse(`Nov 23 15:40:00 web kernel: [  970.69] sshd[42]: ${accepted}`)).toBeNull();
    expect(parse(`Nov 23 15:40:00 web ${accepted}`)).toBeNull();
  });

  it('of old Red Hat name the PAM module in the tag', () => {
    expect(parse('Nov 23 15:40:00 web su(pam_unix)[7]: session opened for user root by alice(uid=500)')).toMatchObject({
      kind: 'pam_session_open',
      service: 'su',
      user: 'alice',
      runAs: 'root',
      uid: 500,
    });
  });
});

describe('sudo', () => {
  it('lines that can be split in two ways keep both, and members that differ are null', () => {
    const result = sudo('   alice : PWD=/srv/a ; USER=root ; COMMAND=x ; USER=root ; COMMAND=/usr/bin/id');
    expect(result).toMatchObject({ user: 'alice', runAs: 'root', cwd: null, command: null });
    expect(result?.readings).toHaveLength(2);
  });

  it('lines whose reason quotes the caller are refusals however they go on', () => {
    const result = sudo(
      'alice : unknown user x ; PWD=/ ; USER=root ; COMMAND=/bin/sh ; PWD=/tmp ; USER=root ; COMMAND=/usr/bin/id',
    );
    expect(result).toMatchObject({ kind: 'sudo_refused', command: null, cwd: null });
  });

  it('lines without a terminal have none; a long user name is not padded', () => {
    expect(sudo('averylongusername : PWD=/ ; USER=root ; COMMAND=/usr/bin/id')).toMatchObject({
      user: 'averylongusername',
      tty: null,
    });
    expect(
      sudo('bob : HOST=web ; TTY=pts/1 ; PWD=/ ; USER=root ; GROUP=ops ; TSID=00001A ; COMMAND=/usr/bin/id'),
    ).toMatchObject({
      tty: 'pts/1',
      runAs: 'root',
      runAsGroup: 'ops',
      command: '/usr/bin/id',
    });
  });

  it.each([
    ['user NOT in sudoers', 'sudo_refused'],
    ['3 incorrect password attempts', 'sudo_refused'],
    ['command not allowed', 'sudo_refused'],
    ['a password is required', 'sudo_refused'],
    ['no tty present and no askpass program specified', 'sudo_refused'],
    ['unable to resolve host web', 'sudo_alert'],
  ])('reason "%s" is %s', (reason, kind) => {
    expect(sudo(`bob : ${reason} ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id`)).toMatchObject({
      kind,
      reason,
      command: '/usr/bin/id',
    });
  });

  it('continuation lines join the command of the same user, past lines of other programs', () => {
    const tracker = createConnectionTracker();
    const first = sudo(`alice : PWD=/ ; USER=root ; COMMAND=/bin/echo ${'x'.repeat(900)}`);
    const done = [
      first,
      sshd(accepted),
      sudo('alice : (command continued) yyy'),
      sudo('alice : (command continued) zzz'),
      sudo('bob : (command continued) no'),
    ];
    const results = done.flatMap((result) => tracker.push(result));
    expect(results[0]).toMatchObject({ kind: 'login' });
    expect(results[1]).toMatchObject({
      kind: 'sudo_allowed',
      user: 'alice',
      command: `/bin/echo ${'x'.repeat(900)} yyy zzz`,
    });
    expect(results[2]).toMatchObject({ kind: 'sudo_continued', user: 'bob' });
    expect(tracker.flush()).toEqual([]);
  });

  it('JSON that a transport cut is read as far as it goes, without its environment', () => {
    const whole = JSON.stringify({
      sudo: {
        reject: {
          submituser: 'alice',
          command: '/bin/cat',
          runuser: 'root',
          submitcwd: '/tmp',
          runargv: ['cat', 'a b'],
          runenv: ['SECRET=hunter2', 'B=]'],
          reason: 'command not allowed',
        },
      },
    });
    expect(sudo(`@cee:${whole}`)).toMatchObject({
      kind: 'sudo_refused',
      argv: ['/bin/cat', 'a b'],
      reason: 'command not allowed',
      isTruncated: false,
    });
    const cut = sudo(`@cee:${whole.slice(0, whole.indexOf('hunter2') + 4)}`);
    expect(cut).toMatchObject({ kind: 'sudo_refused', user: 'alice', argv: ['/bin/cat', 'a b'], isTruncated: true });
    expect(cut?.raw).not.toContain('hunt');
    expect(sudo('@cee:{"sudo":{"accept":{"uu')).toMatchObject({ kind: 'sudo_allowed', user: null, isTruncated: true });
  });

  it("records of sudo's own log file are unwrapped and parsed", () => {
    const records = unwrapSudoLogfile([
      'Nov 23 15:40:00 : alice : HOST=web ; TTY=pts/0 ; PWD=/home/alice ; USER=root ;',
      '    COMMAND=/usr/bin/apt install',
      '    nginx',
      'Nov 23 15:41:00 2026 : bob : user NOT in sudoers ; TTY=pts/1 ;',
      '    PWD=/ ; USER=root ; COMMAND=/bin/sh',
    ]);
    expect(records.map((record) => parseSudoLogfileRecord(record))).toMatchObject([
      {
        stamp: 'Nov 23 15:40:00',
        result: { kind: 'sudo_allowed', user: 'alice', command: '/usr/bin/apt install nginx' },
      },
      { stamp: 'Nov 23 15:41:00 2026', result: { kind: 'sudo_refused', user: 'bob', command: '/bin/sh' } },
    ]);
  });
});

describe('su of each system', () => {
  it.each([
    ['(to nobody) root on none', 'su_allowed', 'root', 'nobody', null],
    ['FAILED SU (to games) nobody on pts/3', 'su_failed', 'nobody', 'games', 'pts/3'],
    ['FAILED SU (to x) root on y) nobody on none', 'su_failed', 'nobody', 'x) root on y', null],
    ['BAD SU alice to root on /dev/ttyp1', 'su_failed', 'alice', 'root', 'ttyp1'],
    ['alice to root on /dev/ttyp1', 'su_allowed', 'alice', 'root', 'ttyp1'],
    ['Successful su for root by alice', 'su_allowed', 'alice', 'root', null],
    ['FAILED su for root by alice', 'su_failed', 'alice', 'root', null],
  ])('is read: %s', (message, kind, user, runAs, tty) => {
    expect(parse(`Nov 23 15:40:00 web su[7]: ${message}`)).toMatchObject({ kind, user, runAs, tty });
  });
});

describe('journal entries', () => {
  it('hand their text over as text, as bytes, or not at all', () => {
    const bytes = [...new TextEncoder().encode(accepted)];
    expect(entry({ ...genuine, MESSAGE: bytes })).toMatchObject({ kind: 'login', confidence: 'trusted' });
    expect(entry({ ...genuine, MESSAGE: [accepted, 'second'] })).toMatchObject({ kind: 'login' });
    expect(entry({ ...genuine, MESSAGE: null })).toBeNull();
    expect(parse('{"MESSAGE":"cut', { source: 'journal' })).toBeNull();
  });

  it('of sshd are trusted only from root, the system binary and its unit', () => {
    expect(entry({ ...genuine, MESSAGE: accepted })).toMatchObject({
      confidence: 'trusted',
      peer: { address: '203.0.113.7' },
    });
    const others = [
      { _UID: '1000' },
      { _EXE: '/tmp/sshd' },
      { _COMM: 'logger' },
      { _SYSTEMD_UNIT: 'x.service' },
      { _TRANSPORT: 'kernel' },
      { _SYSTEMD_CGROUP: '/docker/1' },
    ];
    for (const other of others) {
      expect(entry({ ...genuine, MESSAGE: accepted, ...other })).toMatchObject({
        confidence: 'forgeable',
        peer: null,
        claimedPeer: { address: '203.0.113.7', port: 22 },
      });
    }
  });

  it('of sudo need the caller to be its writer, and a host process or no user namespaces', () => {
    const MESSAGE = 'alice : PWD=/ ; USER=root ; COMMAND=/usr/bin/id';
    const fields = {
      MESSAGE,
      SYSLOG_IDENTIFIER: 'sudo',
      _UID: '1000',
      _COMM: 'sudo',
      _EXE: '/usr/bin/sudo',
      _CAP_EFFECTIVE: '1ffffffffff',
    };
    expect(entry(fields)).toMatchObject({ confidence: 'file' });
    expect(entry(fields, { trust: { isHostProcess: (pid) => pid === 42 } })).toMatchObject({ confidence: 'trusted' });
    expect(entry(fields, { trust: { areUserNamespacesRestricted: true } })).toMatchObject({ confidence: 'trusted' });
    expect(
      entry(fields, { trust: { areUserNamespacesRestricted: true, userNameOfUid: () => 'mallory' } }),
    ).toMatchObject({ confidence: 'forgeable' });
    expect(entry({ ...fields, _CAP_EFFECTIVE: '0' }, { trust: { isHostProcess: () => true } })).toMatchObject({
      confidence: 'forgeable',
    });
  });

  it('without a path need a unit to be trusted, and are never trusted without a name', () => {
    expect(entry({ ...genuine, _EXE: undefined, MESSAGE: accepted })).toMatchObject({ confidence: 'trusted' });
    const alone = { ...genuine, _EXE: undefined, _SYSTEMD_UNIT: undefined, MESSAGE: accepted };
    expect(entry(alone)).toMatchObject({ confidence: 'file' });
    expect(entry({ ...alone, _COMM: undefined })).toMatchObject({ confidence: 'forgeable', peer: null });
    expect(entry({ ...alone, _UID: '1000' })).toMatchObject({ confidence: 'forgeable', peer: null });
  });

  it("of a user's own sshd child get their peer back only when that connection is open", () => {
    const tracker = createConnectionTracker();
    const child = { ...genuine, _UID: '1000', _PID: '43', MESSAGE: 'Disconnected from user alice 203.0.113.7 port 22' };
    expect(tracker.push(entry(child))).toMatchObject([{ peer: null, confidence: 'forgeable' }]);
    tracker.push(entry({ ...genuine, MESSAGE: accepted }));
    expect(tracker.push(entry(child))).toMatchObject([
      { peer: { address: '203.0.113.7', port: 22 }, confidence: 'forgeable' },
    ]);
  });

  it('carry the keys for joining', () => {
    expect(
      entry({ ...genuine, MESSAGE: accepted, _AUDIT_SESSION: '3', _AUDIT_LOGINUID: '1000', _BOOT_ID: 'b' }),
    ).toMatchObject({ auditSession: '3', loginUid: 1000, bootId: 'b', pid: 42 });
    expect(entry({ ...genuine, MESSAGE: accepted, _AUDIT_LOGINUID: '4294967295' })).toMatchObject({ loginUid: null });
  });
});

describe('what the log says of its own losses', () => {
  it.each([
    ['systemd-journald[1]: Suppressed 1234 messages from ssh.service', 1234],
    ['rsyslogd: imjournal: begin to drop messages due to rate-limiting', 1],
    ['rsyslogd: imjournal: 77 messages lost due to rate-limiting', 77],
    ['rsyslogd-2177: imuxsock lost 12 messages from pid 9 due to rate-limiting', 12],
  ])('is a loss: %s', (text, count) => {
    expect(parse(`Nov 23 15:40:00 web ${text}`)).toMatchObject({ kind: 'log_loss', count });
  });
});

describe('other lines of sshd', () => {
  it.each([
    [
      'User dave from 203.0.113.7 not allowed because not listed in AllowUsers',
      { kind: 'login_refused', user: 'dave', peer: { address: '203.0.113.7', port: null } },
    ],
    [
      'User dave from dave.example.com not allowed because listed in DenyUsers',
      { kind: 'login_refused', user: 'dave', peer: null },
    ],
    ['ROOT LOGIN REFUSED FROM 203.0.113.7 port 4022', { kind: 'login_refused', user: 'root', peer: real }],
    ['fatal: Timeout before authentication for 203.0.113.7 port 4022', { kind: 'login_timeout', peer: real }],
    [
      'Timeout before authentication for connection from 203.0.113.7 to 10.0.0.1, pid = 99',
      { kind: 'login_timeout', peer: { address: '203.0.113.7', port: null }, childPid: 99 },
    ],
    [
      'drop connection #10 from [2001:db8::7]:4022 on [::1]:22 penalty: failed authentication',
      { kind: 'connection_dropped', peer: { address: '2001:db8::7', port: 4022 } },
    ],
    [
      'srclimit_penalise: ipv4: 203.0.113.7/32: activating penalty of 5 seconds',
      { kind: 'penalty', peer: { address: '203.0.113.7', port: null } },
    ],
    ['srclimit_penalise: ipv4: 203.0.113.0/24: activating penalty of 5 seconds', { kind: 'penalty', peer: null }],
    [
      'Received disconnect from 203.0.113.7: 11: Bye from 6.6.6.6: 3: x',
      { kind: 'disconnect', peer: { address: '203.0.113.7', port: null }, detail: '11' },
    ],
    [
      "Bad protocol version identification 'x from 6.6.6.6 port 1' from 203.0.113.7 port 4022",
      { kind: 'protocol_error', peer: real },
    ],
    [
      'Partial publickey for alice from 203.0.113.7 port 4022 ssh2: RSA SHA256:abc',
      { kind: 'login_partial', peer: real },
    ],
    [
      'Close session: user alice from 203.0.113.7 port 4022 id 0',
      { kind: 'session_close', user: 'alice', session: '0', peer: real },
    ],
    ['Server listening on 0.0.0.0 port 22.', null],
  ])('%s', (message, expected) => {
    if (expected === null) expect(sshd(message)).toBeNull();
    else expect(sshd(message)).toMatchObject(expected);
  });

  it('key offers before a success are failures of method publickey, so a reader can leave them out', () => {
    expect(sshd('Failed publickey for a from 203.0.113.7 port 4022 ssh2: RSA SHA256:abc')).toMatchObject({
      kind: 'login_failed',
      method: 'publickey',
      keyFingerprint: 'SHA256:abc',
    });
    expect(sshd('Failed none for a from 203.0.113.7 port 4022 ssh2')).toMatchObject({
      kind: 'login_failed',
      method: 'none',
    });
  });

  it('logind opens and removes sessions', () => {
    expect(parse('Nov 23 15:40:00 web systemd-logind[1]: New session 3 of user alice.')).toMatchObject({
      kind: 'logind_session_new',
      session: '3',
      user: 'alice',
    });
    expect(
      parse("Nov 23 15:40:00 web systemd-logind[1]: New session '3' of user 'alice' with class 'user' and type 'tty'."),
    ).toMatchObject({ session: '3', user: 'alice' });
    expect(parse('Nov 23 15:40:00 web systemd-logind[1]: Removed session 3.')).toMatchObject({
      kind: 'logind_session_removed',
      session: '3',
    });
  });
});
