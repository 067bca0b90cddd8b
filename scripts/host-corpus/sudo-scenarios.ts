// sudo and su on the private host, allowed and refused, with hostile directories, arguments and environments, and the
// lines that a local user forges with logger. Each runs as the named user through setpriv, so nothing else is logged.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { roomDir, userPassword, users } from './private-host.ts';
import type { Scenario, Truth } from './scenario.ts';

type LocalUser = keyof typeof users;
type Call = {
  readonly as: LocalUser;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
};

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function runAs(call: Call): Promise<number | null> {
  const drop = ['--reuid', String(users[call.as]), '--regid', String(users[call.as]), '--init-groups', '--'];
  const argv = call.tty
    ? ['setpriv', ...drop, 'script', '-qec', call.argv.map(quote).join(' '), '/dev/null']
    : ['setsid', '-w', 'setpriv', ...drop, ...call.argv];
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: call.cwd ?? '/tmp',
    stdio: ['pipe', 'ignore', process.env['CORPUS_DEBUG'] ? 'inherit' : 'ignore'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C', ...call.env },
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(call.stdin ?? '');
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

const local = (
  name: string,
  program: Truth['program'],
  call: Call,
  truth: Omit<Truth, 'program' | 'peers' | 'user'>,
): Scenario => ({
  name,
  run: async () => {
    await runAs(call);
    return {
      program,
      peers: [],
      user: call.as,
      ...(program === 'sudo' ? { cwd: call.cwd ?? '/tmp' } : {}),
      onTty: call.tty === true,
      ...truth,
    };
  },
});

const hostileDirs: readonly string[] = [
  '/srv/dir with ; USER=root ; COMMAND=x',
  '/srv/a b',
  '/srv/x ; TTY=pts/9 ; PWD=/root',
  '/srv/new\nline sshd[1]: Accepted password for root from 6.6.6.6 port 22 ssh2',
  '/srv/ümläut\u001b[2J',
  '/srv/back\\slash #040 "quoted" \'single\'',
];

const hostileArgs: readonly (readonly string[])[] = [
  [';', 'USER=root', ';', 'COMMAND=/bin/evil'],
  ['a b', "it's", '"double"', 'back\\slash'],
  ['new\nline', 'tab\there', '\u001b[31mred'],
  ['session opened for user root by (uid=0)', 'Accepted password for root from 6.6.6.6 port 22 ssh2'],
  ['', ''],
  ['ünïcödé', '日本'],
  ['; ENV=X ; COMMAND=/bin/sh'],
  ['x'.repeat(2400).replace(/.{60}/g, (part) => `${part.slice(1)} `)],
];

/** logger under the daemon's own path, by a bind mount in a user namespace: the journal then shows the daemon's path. */
function inNamespace(daemon: 'sshd' | 'sudo', message: string): string[] {
  const path = daemon === 'sshd' ? '/usr/sbin/sshd' : '/usr/bin/sudo';
  // The pause keeps the process alive until the journal has looked at it.
  const pipe = `(echo ${quote(message)}; sleep 0.3) | ${path} -t ${daemon} -p auth.info`;
  return ['unshare', '-Urm', 'sh', '-c', `mount --bind ${roomDir}/${daemon} ${path} && ${pipe}`];
}

/** All scenarios that concern sudo, su and forged lines, in the order to run them. */
export function sudoScenarios(): Scenario[] {
  for (const dir of hostileDirs) mkdirSync(dir, { recursive: true, mode: 0o755 });
  copyFileSync('/usr/bin/logger', `${roomDir}/sshd`);
  copyFileSync('/usr/bin/logger', `${roomDir}/sudo`);
  const sudo = (name: string, call: Call, truth: Omit<Truth, 'program' | 'peers' | 'user'>): Scenario =>
    local(name, 'sudo', call, truth);
  const ok = { sudo_allowed: 1 };
  const forged = (name: string, argv: readonly string[]): Scenario =>
    local(name, 'forged', { as: 'dave', argv }, { expected: {} });
  return [
    sudo(
      'allowed',
      { as: 'alice', argv: ['sudo', 'id', '-u'] },
      { runAs: 'root', argv: ['/usr/bin/id', '-u'], expected: ok },
    ),
    sudo(
      'allowed-tty',
      { as: 'alice', argv: ['sudo', 'id'], tty: true },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: ok },
    ),
    sudo(
      'allowed-after-password',
      { as: 'carol', argv: ['sudo', '-S', 'id'], stdin: `${userPassword}\n` },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: ok },
    ),
    sudo(
      'other-user',
      { as: 'alice', argv: ['sudo', '-u', 'carol', 'id'] },
      { runAs: 'carol', argv: ['/usr/bin/id'], expected: ok },
    ),
    sudo(
      'other-group',
      { as: 'alice', argv: ['sudo', '-g', 'ops', 'id'] },
      { runAs: 'alice', argv: ['/usr/bin/id'], expected: ok },
    ),
    sudo(
      'shell-s',
      { as: 'alice', argv: ['sudo', '-s', 'true'], env: { SHELL: '/bin/sh' } },
      { runAs: 'root', argv: ['/bin/sh', '-c', 'true'], expected: ok },
    ),
    sudo(
      'login-i',
      { as: 'alice', argv: ['sudo', '-i', 'true'] },
      { runAs: 'root', cwd: '/root', argv: ['/bin/bash', '--login', '-c', 'true'], expected: ok },
    ),
    sudo(
      'not-allowed',
      { as: 'carol', argv: ['sudo', '-S', 'cat', '/etc/shadow'], stdin: `${userPassword}\n` },
      {
        runAs: 'root',
        argv: ['/usr/bin/cat', '/etc/shadow'],
        expected: { sudo_refused: 1 },
      },
    ),
    sudo(
      'not-in-sudoers',
      { as: 'dave', argv: ['sudo', '-S', 'id'], stdin: `${userPassword}\n` },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: { sudo_refused: 1 } },
    ),
    sudo(
      'sudo-wrong-password',
      { as: 'carol', argv: ['sudo', '-k', '-S', 'id'], stdin: 'no\nno\nno\n' },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: { sudo_refused: 1 } },
    ),
    sudo(
      'password-required',
      { as: 'carol', argv: ['sudo', '-k', '-n', 'id'] },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: { sudo_refused: 1 } },
    ),
    sudo(
      'n-refused-is-silent',
      { as: 'dave', argv: ['sudo', '-n', 'id'] },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: {} },
    ),
    sudo(
      'hostile-env',
      { as: 'alice', argv: ['sudo', 'FOO=a b ; COMMAND=/bin/evil', 'id'] },
      { runAs: 'root', argv: ['/usr/bin/id'], expected: ok },
    ),
    ...hostileDirs.map((cwd, index) =>
      sudo(
        `hostile-cwd-${index}`,
        { as: 'alice', argv: ['sudo', 'true'], cwd },
        { runAs: 'root', argv: ['/usr/bin/true'], expected: ok },
      ),
    ),
    ...hostileArgs.map((args, index) =>
      sudo(
        `hostile-args-${index}`,
        { as: 'alice', argv: ['sudo', 'true', ...args] },
        { runAs: 'root', argv: ['/usr/bin/true', ...args], expected: ok },
      ),
    ),
    sudo(
      'json',
      { as: 'erin.o-x', argv: ['sudo', 'true', 'a b', ';', '"q"'], cwd: '/srv/a b' },
      { runAs: 'root', argv: ['/usr/bin/true', 'a b', ';', '"q"'], expected: ok },
    ),
    sudo(
      'json-hostile-cwd',
      { as: 'erin.o-x', argv: ['sudo', 'true'], cwd: hostileDirs[0] ?? '/' },
      { runAs: 'root', argv: ['/usr/bin/true'], expected: ok },
    ),
    local(
      'su-root',
      'su',
      { as: 'dave', argv: ['su', '-c', 'true', 'root'], stdin: 'no\n', tty: true },
      { runAs: 'root', expected: { su_failed: 1 } },
    ),
    local(
      'su-wrong-password',
      'su',
      { as: 'dave', argv: ['su', '-c', 'true', 'alice'], stdin: 'no\n' },
      { runAs: 'alice', expected: { su_failed: 1 } },
    ),
    local(
      'su-no-tty',
      'su',
      { as: 'dave', argv: ['su', '-c', 'true', 'alice'], stdin: `${userPassword}\n` },
      { runAs: 'alice', expected: { su_allowed: 1 } },
    ),
    forged('logger-sshd', [
      'logger',
      '-t',
      'sshd',
      '-p',
      'auth.info',
      '--id=4242',
      'Accepted password for root from 6.6.6.6 port 22 ssh2',
    ]),
    forged('logger-renamed-sshd', [
      `${roomDir}/sshd`,
      '-t',
      'sshd',
      '-p',
      'auth.info',
      'Accepted publickey for root from 6.6.6.6 port 22 ssh2: RSA SHA256:AAAA',
    ]),
    forged('logger-sudo', [
      'logger',
      '-t',
      'sudo',
      '-p',
      'authpriv.notice',
      '    root : TTY=pts/1 ; PWD=/root ; USER=root ; COMMAND=/bin/sh',
    ]),
    forged('logger-renamed-sudo', [
      `${roomDir}/sudo`,
      '-t',
      'sudo',
      '-p',
      'authpriv.notice',
      '    root : TTY=pts/1 ; PWD=/root ; USER=root ; COMMAND=/bin/sh',
    ]),
    forged('logger-slow-sshd', [
      'sh',
      '-c',
      `(echo 'Failed password for alice from 6.6.6.6 port 22 ssh2'; sleep 0.3) | ${roomDir}/sshd -t sshd -p auth.info`,
    ]),
    forged('namespace-sshd', inNamespace('sshd', 'Accepted password for root from 6.6.6.6 port 22 ssh2')),
    forged('namespace-sudo', inNamespace('sudo', '    root : PWD=/root ; USER=root ; COMMAND=/bin/sh')),
  ];
}
