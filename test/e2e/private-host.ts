// A host of its own for tests of sshd, sudo and their logs: a mount namespace with copied accounts and settings, private
// /run, /dev, /home and /var/log, and the machine's real daemons in it. Outside of it nothing is written but a temp directory.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTempDir, run, type StartedProcess, startProcess, until } from '@dockledger/testkit';

/** A running private host. Disposing ends its daemons by their pids and lets the namespace go. */
export interface PrivateHost extends AsyncDisposable {
  /** Put before a command line: it then runs on the private host, as root. */
  readonly prefix: readonly string[];
  readonly dir: string;
  readonly sshPort: number;
  /** Runs a shell line there as root. */
  sh(line: string): ReturnType<typeof run>;
  /** Logs in from `from` (an address of lo) and runs a shell line. */
  ssh(user: string, line: string, options?: { key?: string; from?: string }): ReturnType<typeof run>;
  /** Starts a daemon there that ends with the host. */
  daemon(command: string, ...args: string[]): Promise<StartedProcess>;
}

const mounts = `set -e
mount --make-rprivate /
mkdir "$0/etc"
cp -a /etc/. "$0/etc/"
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 etc /etc
cp -a "$0/etc/." /etc/
rm -rf "$0/etc"
mkdir -p /run/sshd /run/dev /run/lock /run/systemd/journal /run/log/journal
mount -t tmpfs -o mode=755 home /home
mount -t tmpfs -o mode=755 log /var/log
mount -t tmpfs -o mode=755 sudo /var/lib/sudo
mount -t tmpfs -o mode=755 dev /run/dev
for n in null zero full random urandom tty; do touch /run/dev/$n; mount --bind /dev/$n /run/dev/$n; done
mkdir /run/dev/pts /run/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 pts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
ln -s /proc/self/fd /run/dev/fd
mount --move /run/dev /dev
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
sed -i '/pam_limits/d' /etc/pam.d/*
groupadd -g 3299 guests
for n in alice:3101 bob:3102; do useradd -m -u "\${n#*:}" -s /bin/sh "\${n%:*}"; usermod -p '*' "\${n%:*}"; done
printf 'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"\\nDefaults env_keep += "DOCKER_HOST DOCKER_CONFIG"\\nalice ALL=(ALL:ALL) NOPASSWD: ALL\\n' > /etc/sudoers
chmod 440 /etc/sudoers
for k in host alice wrong; do ssh-keygen -q -t ed25519 -N '' -f "$0/$k"; done
mkdir -p /home/alice/.ssh
cp "$0/alice.pub" /home/alice/.ssh/authorized_keys
chown -R alice /home/alice/.ssh
echo ready > "$0/ready"
exec sleep 3600
`;

/** Makes the host with sshd; nothing listens to its log yet. Needs root and the machine's sshd and sudo. */
export async function createPrivateHost(): Promise<PrivateHost> {
  const dir = await createTempDir('dlh-');
  const started: StartedProcess[] = [];
  const holder = await startProcess('unshare', ['-m', 'sh', '-c', mounts, dir.path]);
  started.push(holder);
  await until('the private host is made', () => readFile(join(dir.path, 'ready'), 'utf8'), { withinMs: 30_000 }).catch(
    (error: unknown) => {
      throw new Error(`${(error as Error).message}: ${holder.output()}`);
    },
  );
  await run('chmod', ['755', dir.path]);
  const prefix = ['nsenter', '-t', String(holder.pid), '-m', '--'];
  const sshPort = await freePort();
  const host: PrivateHost = {
    prefix,
    dir: dir.path,
    sshPort,
    sh: (line) => run(prefix[0] ?? '', [...prefix.slice(1), 'sh', '-c', line]),
    ssh: (user, line, { key = 'alice', from = '127.0.0.1' } = {}) =>
      run('ssh', [
        '-F',
        'none',
        '-T',
        '-p',
        String(sshPort),
        '-i',
        join(dir.path, key),
        '-b',
        from,
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
        '-o',
        'IdentitiesOnly=yes',
        '-o',
        'LogLevel=ERROR',
        '-o',
        'PreferredAuthentications=publickey',
        '-o',
        'ConnectTimeout=20',
        '-l',
        user,
        '127.0.0.1',
        line,
      ]),
    async daemon(command, ...args) {
      const child = await startProcess(prefix[0] ?? '', [...prefix.slice(1), command, ...args]);
      started.push(child);
      return child;
    },
    async [Symbol.asyncDispose]() {
      for (const child of started.toReversed()) await child.end();
      await dir[Symbol.asyncDispose]();
    },
  };
  await writeFile(
    join(dir.path, 'sshd_config'),
    [
      `Port ${sshPort}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${dir.path}/host`,
      `PidFile ${dir.path}/sshd.pid`,
      'UsePAM yes',
      'KbdInteractiveAuthentication no',
      'UseDNS no',
      'PrintMotd no',
      'SyslogFacility AUTH',
      '',
    ].join('\n'),
  );
  return host;
}

/** Starts sshd on the host and waits until it listens. Its log daemon must run already, or its first lines are lost. */
export async function startSshd(host: PrivateHost): Promise<void> {
  const sshd = await host.daemon('/usr/sbin/sshd', '-D', '-f', join(host.dir, 'sshd_config'));
  await until('sshd listens', () => readFile(join(host.dir, 'sshd.pid'), 'utf8')).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${sshd.output()}`);
  });
}

/** Starts rsyslogd, which writes /var/log/auth.log of the host as Debian's does. */
export async function startRsyslogd(host: PrivateHost): Promise<void> {
  const config = join(host.dir, 'rsyslog.conf');
  await writeFile(
    config,
    [
      'module(load="imuxsock" SysSock.Name="/dev/log")',
      'auth,authpriv.* action(type="omfile" file="/var/log/auth.log" template="RSYSLOG_TraditionalFileFormat")',
      '',
    ].join('\n'),
  );
  await host.daemon('/usr/sbin/rsyslogd', '-n', '-f', config, '-i', join(host.dir, 'rsyslogd.pid'));
  await until('rsyslogd listens', async () => (await host.sh('test -S /dev/log')).code === 0);
  await host.sh('logger -p auth.info started');
  await until('rsyslogd writes', async () => (await host.sh('test -s /var/log/auth.log')).code === 0);
}

/** Starts journald with a journal in memory, at /run/log/journal of the host. */
export async function startJournald(host: PrivateHost): Promise<void> {
  await host.sh(
    [
      'printf "[Journal]\\nStorage=volatile\\nForwardToSyslog=no\\nForwardToWall=no\\nReadKMsg=no\\nAudit=no\\n" > /etc/systemd/journald.conf',
      'mkdir -p /run/log/journal',
      'ln -sf /run/systemd/journal/dev-log /dev/log',
    ].join(' && '),
  );
  const journald = await host.daemon('/lib/systemd/systemd-journald');
  await until('journald listens', async () => {
    await host.sh('logger -p auth.info started');
    return (await host.sh('journalctl -q -n 1 -o cat SYSLOG_FACILITY=4 | grep started')).code === 0;
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${journald.output()}`);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
