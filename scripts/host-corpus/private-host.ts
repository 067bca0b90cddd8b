// A private host to record on: own mounts (/etc, /run, /dev, /home), processes, network and host name, with the real
// journald, rsyslog, sshd and sudo inside. Nothing outside the namespaces is changed: every path written here is a
// tmpfs of the private mount namespace, and the pid namespace ends all daemons with its first process.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The directory, inside the private host, where log files, keys and client settings lie. */
export const roomDir = '/run/corpus';
/** The password of every user with one. */
export const userPassword = 'correct horse';
/** The users that exist only inside, by name, with their uid. */
export const users = { alice: 1201, bob: 1202, carol: 1203, dave: 1204, git: 1205, 'erin.o-x': 1206 } as const;

const mountScript = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/sshd /run/dev /run/corpus /run/lock /run/systemd/journal /run/log/journal
cp -a /etc /run/etc0
mount -t tmpfs -o mode=755 etc /etc
cp -a /run/etc0/. /etc/
rm -rf /run/etc0
mount -t tmpfs -o mode=755 home /home
mount -t tmpfs -o mode=755 var-lib-sudo /var/lib/sudo
mount -t tmpfs -o mode=755 srv /srv
mount -t tmpfs -o mode=755 dev /run/dev
for n in null zero full random urandom tty; do touch /run/dev/$n; mount --bind /dev/$n /run/dev/$n; done
mkdir /run/dev/pts /run/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 pts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
ln -s /proc/self/fd /run/dev/fd
mount --move /run/dev /dev
ln -s /run/systemd/journal/dev-log /dev/log
hostname corpus
echo 127.0.0.1 localhost corpus > /etc/hosts
# Two seconds for each wrong password would make a recording ten minutes long; limits need rights that containers lack.
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
sed -i '/pam_limits/d' /etc/pam.d/*
echo 00000000000000000000000000c0ffee > /etc/machine-id
ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime
# journald drops what rsyslog has not yet taken; this limit belongs to the private network namespace.
echo 4096 > /proc/sys/net/unix/max_dgram_qlen
ip link set lo up
for a in 203.0.113.7 203.0.113.8 198.51.100.23; do ip addr add $a/32 dev lo; done
ip addr add 2001:db8::7/128 dev lo nodad
ip addr add 2001:db8:1:22:333:4444:5555:6666/128 dev lo nodad
`;

/** Throws unless `path` is a mount of this namespace's own, so that a mistake never writes the machine's own files. */
export function assertPrivate(path: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  if (!mounts.some((line) => line.startsWith('etc /etc tmpfs ') || line.split(' ')[1] === path)) {
    throw new Error(`${path} is not private here; refusing to write`);
  }
}

/** Mounts everything private and makes the users. Call once, inside `unshare -m -p -f -u -n`. */
export function preparePrivateHost(): void {
  execFileSync('bash', ['-c', mountScript], { stdio: 'inherit' });
  for (const path of ['/etc', '/run', '/dev', '/home']) assertPrivate(path);
  execFileSync('groupadd', ['-g', '1300', 'ops']);
  for (const [name, uid] of Object.entries(users)) {
    const shell = name === 'bob' ? '/nonexistent/shell' : '/bin/sh';
    execFileSync('useradd', ['--badname', '-m', '-u', String(uid), '-s', shell, name], { stdio: 'ignore' });
    execFileSync('chpasswd', { input: `${name}:${userPassword}\n` });
  }
  execFileSync('usermod', ['-aG', 'ops', 'carol']);
  writeFileSync(
    '/etc/sudoers',
    [
      'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"',
      'Defaults:alice !authenticate',
      'Defaults:alice setenv',
      'Defaults:erin.o-x !authenticate, log_format=json',
      'alice ALL=(ALL:ALL) ALL',
      'erin.o-x ALL=(ALL:ALL) ALL',
      'carol ALL=(root) /usr/bin/id, /usr/bin/true',
      '',
    ].join('\n'),
    { mode: 0o440 },
  );
  writeFileSync(
    '/etc/systemd/journald.conf',
    '[Journal]\nStorage=volatile\nForwardToSyslog=yes\nForwardToWall=no\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\n',
  );
  writeFileSync(
    `${roomDir}/rsyslog.conf`,
    [
      'module(load="imuxsock" SysSock.Name="/run/systemd/journal/syslog")',
      `auth,authpriv.* action(type="omfile" file="${roomDir}/iso.log" template="RSYSLOG_FileFormat")`,
      `auth,authpriv.* action(type="omfile" file="${roomDir}/bsd.log" template="RSYSLOG_TraditionalFileFormat")`,
      'auth,authpriv.* action(type="omfwd" target="127.0.0.1" port="5514" protocol="udp")',
      '',
    ].join('\n'),
  );
  // Folding equal lines holds for a whole rsyslogd, so a second one does it.
  writeFileSync(
    `${roomDir}/rsyslog-folding.conf`,
    [
      'module(load="imudp")',
      'input(type="imudp" address="127.0.0.1" port="5514")',
      '$RepeatedMsgReduction on',
      `*.* -${roomDir}/repeated.log;RSYSLOG_TraditionalFileFormat`,
      '',
    ].join('\n'),
  );
}

const started: ChildProcess[] = [];

/** Starts a daemon that stays in the foreground; all of them end with the private host. */
export function startDaemon(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.on('data', (chunk: Buffer) => appendFileSync(`${roomDir}/daemons.err`, chunk));
  started.push(child);
  return child;
}

/** Ends every daemon that {@link startDaemon} started. */
export function stopDaemons(): void {
  for (const child of started) child.kill('SIGTERM');
}

/** Waits until `condition` holds, for at most ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ten seconds in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Starts journald and rsyslog and waits until both listen. */
export async function startLogDaemons(): Promise<void> {
  startDaemon('/lib/systemd/systemd-journald', []);
  await until('journald', () => existsSync('/run/systemd/journal/dev-log'));
  for (const name of ['rsyslog-folding', 'rsyslog']) {
    startDaemon('/usr/sbin/rsyslogd', ['-n', '-f', `${roomDir}/${name}.conf`, '-i', `${roomDir}/${name}.pid`]);
    await until(name, () => existsSync(`${roomDir}/${name}.pid`));
  }
  await until('rsyslogd', () => existsSync('/run/systemd/journal/syslog'));
}

/** The pids of sshd processes that serve a connection (children of a listener). */
export function connectionPids(): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (/^sshd(-session)?: /.test(command) && !command.includes('[listener]')) found.push(Number(name));
    } catch {
      // The process ended between the listing and the reading.
    }
  }
  return found;
}

const sshdSettings = (port: number, extra: readonly string[]): string =>
  [
    `Port ${port}`,
    'AddressFamily any',
    `HostKey ${roomDir}/host_ed25519`,
    `HostCertificate ${roomDir}/host_ed25519-cert.pub`,
    `TrustedUserCAKeys ${roomDir}/ca.pub`,
    'UsePAM yes',
    'KbdInteractiveAuthentication no',
    'PasswordAuthentication yes',
    'UseDNS no',
    'PrintMotd no',
    'StrictModes no',
    'Subsystem sftp internal-sftp',
    'HostbasedAuthentication yes',
    'HostbasedUsesNameFromPacketOnly yes',
    'IgnoreRhosts no',
    'SyslogFacility AUTH',
    ...extra,
    '',
  ].join('\n');

/** Starts one sshd with the common settings plus `extra` and waits until it listens. */
export async function startSshd(port: number, extra: readonly string[]): Promise<ChildProcess> {
  const file = `${roomDir}/sshd_${port}`;
  writeFileSync(file, sshdSettings(port, [`PidFile ${file}.pid`, ...extra]));
  const child = startDaemon('/usr/sbin/sshd', ['-D', '-f', file]);
  await until(`sshd on ${port}`, () => existsSync(`${file}.pid`));
  return child;
}

/** Makes the host key, the users' keys and the certificates. */
export function makeKeys(): void {
  const keygen = (...args: string[]): void => {
    execFileSync('ssh-keygen', ['-q', ...args], { cwd: roomDir, stdio: 'ignore' });
  };
  for (const name of ['host_ed25519', 'ca', 'other_ca', 'alice_key', 'wrong_key', 'git_key']) {
    keygen('-t', 'ed25519', '-N', '', '-C', name, '-f', name);
  }
  keygen('-t', 'rsa', '-b', '2048', '-N', '', '-f', 'alice_rsa');
  keygen('-s', 'ca', '-h', '-I', 'host', 'host_ed25519.pub');
  const certificate = (name: string, id: string, serial: number, ca: string): void => {
    keygen('-t', 'ed25519', '-N', '', '-f', name);
    keygen('-s', ca, '-I', id, '-n', 'alice', '-z', String(serial), `${name}.pub`);
  };
  certificate('cert_plain', 'alice@laptop', 42, 'ca');
  certificate(
    'cert_hostile',
    'x from 6.6.6.6 port 22 ssh2: ED25519 SHA256:AAAA (serial 1) CA ED25519 SHA256:BBBB',
    7,
    'ca',
  );
  certificate('cert_foreign', 'mallory', 9, 'other_ca');
  mkdirSync('/home/alice/.ssh', { recursive: true });
  mkdirSync('/home/git/.ssh', { recursive: true });
  const pub = (name: string): string => readFileSync(`${roomDir}/${name}.pub`, 'utf8');
  writeFileSync('/home/alice/.ssh/authorized_keys', pub('alice_key') + pub('alice_rsa'));
  writeFileSync('/home/git/.ssh/authorized_keys', `command="echo 'for x from 6.6.6.6 port 1 id 0'" ${pub('git_key')}`);
  execFileSync('bash', ['-c', `chown -R alice /home/alice; chown -R git /home/git; chmod 755 ${roomDir}`]);
}

/**
 * Builds the library that lets our ssh client send any user name: since 9.6 (and in Debian's 9.2) ssh refuses control
 * characters in a name, which no attacker's client does. It answers the client's question "is this a control character"
 * with no. Only the client is run with it, never a daemon.
 */
export function buildAnyNameLibrary(): void {
  const source = `#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
const unsigned short **__ctype_b_loc(void) {
  static unsigned short table[384];
  static const unsigned short *middle;
  const unsigned short **(*real)(void) = (const unsigned short **(*)(void))dlsym(RTLD_NEXT, "__ctype_b_loc");
  for (int i = -128; i < 256; i++) table[i + 128] = (*real())[i] & (unsigned short)~_IScntrl;
  middle = table + 128;
  return &middle;
}
`;
  writeFileSync(`${roomDir}/any-name.c`, source);
  execFileSync('cc', ['-shared', '-fPIC', '-o', `${roomDir}/any-name.so`, `${roomDir}/any-name.c`]);
}

/** The SHA256 fingerprint of a key made by {@link makeKeys}. */
export function fingerprintOf(name: string): string {
  return execFileSync('ssh-keygen', ['-lf', `${roomDir}/${name}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? '';
}
