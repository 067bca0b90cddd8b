import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createTempDir, engineUnavailable } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../ports.ts';
import { redactCommandLine } from '../redact-command-line.ts';
import { createIdentifier } from './identifier.ts';
import { descriptorOf, peerCredentials, userIdsOf, userNameOf } from './native.ts';
import { ancestorsOf, parseContainerId, parseStat, readProcess } from './proc.ts';

const connectScript = `require('net').connect(process.env.SOCK).on('close', () => process.exit(0))`;

/** Connects from a child started by `argv` and returns who the identifier says it was. */
async function identifyChild(argv: readonly string[], options: { uid?: number } = {}): Promise<Caller> {
  await using dir = await createTempDir();
  await chmod(dir.path, 0o755);
  const path = join(dir.path, 's');
  const server = createServer({ allowHalfOpen: true });
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o666);
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    env: { ...process.env, SOCK: path },
    stdio: 'inherit',
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const caller = await createIdentifier({}).identify(socket);
  socket.destroy();
  server.close();
  if (child.exitCode === null) await once(child, 'exit');
  return caller;
}

const node = process.execPath;

describe('identity of unix callers', () => {
  it('finds the descriptor of a socket on this Node, without which nobody can be identified', async () => {
    const caller = await identifyChild([node, '-e', connectScript]);
    expect(caller.actor.uid).toBe(process.getuid?.());
    expect(caller.actor.exe).toContain('node');
    expect(caller.actor.commandLine).toContain('net');
  });

  it.skipIf(process.getuid?.() !== 0)('names the peer by its uid when no login user is set', async () => {
    const caller = await identifyChild([node, '-e', connectScript], { uid: 65534 });
    expect(caller.actor).toMatchObject({ user: 'nobody', userSource: 'peer', uid: 65534 });
    expect(caller.principals).toEqual(['nobody', 'uid:65534']);
  });

  it.skipIf(process.getuid?.() !== 0)('keeps the number of a uid that nobody has', async () => {
    const caller = await identifyChild([node, '-e', connectScript], { uid: 54321 });
    expect(caller.actor).toMatchObject({ user: 'uid:54321', uid: 54321 });
  });

  it.skipIf(process.getuid?.() !== 0)('names the login user although the process runs as root', async () => {
    const caller = await identifyChild([
      'sh',
      '-c',
      `echo 65534 > /proc/self/loginuid; exec ${node} -e "${connectScript}"`,
    ]);
    expect(caller.actor).toMatchObject({
      user: 'nobody',
      userSource: 'login',
      loginUid: 65534,
      uid: 0,
      effectiveUser: 'root',
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'names the nearest non-root ancestor where login users are not kept',
    async () => {
      // As sudo does it: the parent stays the caller's, the child runs as root.
      const viaParent = `const {spawn}=require('child_process');
      const c=spawn(process.execPath,['-e',process.env.CONNECT],{stdio:'inherit'});
      c.on('spawn',()=>{process.setgid(65534);process.setuid(65534)});c.on('exit',()=>process.exit(0))`;
      process.env['CONNECT'] = `const t=setInterval(()=>{
      if(!/Uid:\\s65534/.test(require('fs').readFileSync('/proc/'+process.ppid+'/status','utf8')))return;
      clearInterval(t);${connectScript}},5)`;
      const caller = await identifyChild([node, '-e', viaParent]);
      delete process.env['CONNECT'];
      expect(caller.actor).toMatchObject({ user: 'nobody', userSource: 'ancestor', uid: 0, effectiveUser: 'root' });
    },
  );

  it('says container, never root, for a caller in a pid namespace of its own', async () => {
    if (engineUnavailable() !== undefined) return;
    const caller = await identifyChild(['unshare', '-p', '-f', node, '-e', connectScript]);
    expect(caller.actor).toMatchObject({ user: 'container:unknown', userSource: 'container' });
    expect(caller.principals).not.toContain('root');
  });
});

describe('/proc', () => {
  it('reads a process whose name holds brackets and spaces', () => {
    const tail = Array.from({ length: 30 }, (_, index) => index).join(' ');
    expect(parseStat(`12 (a ) (b) S 7 ${tail}`)).toMatchObject({ comm: 'a ) (b', parentPid: 7 });
  });

  it('ends the walk at pid 1', () => {
    const self = readProcess(process.pid);
    expect(self).toBeDefined();
    const pids = [...ancestorsOf(self ?? { parentPid: 0 })].map((ancestor) => ancestor.pid);
    expect(pids.at(-1)).toBe(1);
  });

  const id = 'a'.repeat(60).concat('beef');
  it.each([
    ['cgroup v1 docker', `12:memory:/docker/${id}\n1:name=systemd:/docker/${id}`],
    ['cgroup v2 systemd driver', `0::/system.slice/docker-${id}.scope`],
    [
      'kubernetes containerd',
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podx.slice/cri-containerd-${id}.scope`,
    ],
    ['podman', `0::/machine.slice/libpod-${id}.scope/container`],
    ['an engine in a container', `0::/docker/${'c'.repeat(64)}/docker/${id}`],
    ['cri-o colon form', `0::/kubepods/besteffort/pod1/crio:${id}`],
  ])('finds the container id in %s', (_, cgroup) => {
    expect(parseContainerId(cgroup)).toBe(id);
  });

  it.each(['0::/user.slice/user-1000.slice/session-3.scope', '0::/', '', '0::/system.slice/docker.service'])(
    'finds none in %s',
    (cgroup) => expect(parseContainerId(cgroup)).toBeUndefined(),
  );
});

describe('names through NSS', () => {
  it('knows root and knows that nobody has a made-up uid', () => {
    expect(userNameOf(0)).toBe('root');
    expect(userNameOf(3_999_999_999)).toBeUndefined();
    expect(userIdsOf('root')).toEqual({ uid: 0, gid: 0 });
    expect(userIdsOf('no-such-user-here')).toBeUndefined();
  });

  it('refuses what is not a socket instead of identifying somebody else', () => {
    expect(() => descriptorOf({})).toThrow(/descriptor/);
    const file = openSync('/dev/null', 'r');
    expect(peerCredentials(file)).toBeUndefined();
    closeSync(file);
  });
});

describe('redaction of command lines', () => {
  it.each([
    [['docker', 'run', '-e', 'PASSWORD=hunter2', 'web'], 'docker run -e PASSWORD=*** web'],
    [['docker', 'run', '--env=A=hunter2', 'web'], 'docker run --env=A=*** web'],
    [['docker', 'run', '-eA=hunter2', '-ite', 'B=hunter2', 'web'], 'docker run -eA=*** -ite B=*** web'],
    [['docker', 'run', '-e', 'PATH', 'web'], 'docker run -e PATH web'],
    [['docker', 'build', '--build-arg', 'T=hunter2', '.'], 'docker build --build-arg T=*** .'],
    [['docker', 'login', '-u', 'a', '-p', 'hunter2'], 'docker login -u a -p ***'],
    [['docker', 'login', '-phunter2'], 'docker login -p***'],
    [['docker', 'login', '--password', 'hunter2'], 'docker login --password ***'],
    [['docker', 'login', '--password=hunter2'], 'docker login --password=***'],
    [['sudo', 'DB_PASSWORD=hunter2', 'docker', 'ps'], 'sudo DB_PASSWORD=*** docker ps'],
    [['curl', '-u', 'a:hunter2', 'http://x'], 'curl -u *** http://x'],
    [['curl', '-H', 'X-Registry-Auth: hunter2'], "curl -H 'X-Registry-Auth: ***'"],
    [['docker', 'pull', 'https://a:hunter2@r.example/i'], 'docker pull https://a:***@r.example/i'],
    [['sh', '-c', 'TOKEN=hunter2 docker ps'], "sh -c 'TOKEN=*** docker ps'"],
  ])('%j', (argv, line) => {
    expect(redactCommandLine(argv)).toBe(line);
  });

  it('makes control characters and bidirectional overrides visible', () => {
    expect(redactCommandLine(['docker', 'a\u001b[31m\u202eb'])).toBe("docker 'a\\x1b[31m\\x202eb'");
  });

  it('cuts a line that is too long', () => {
    expect(redactCommandLine(['docker', 'x'.repeat(10_000)])).toHaveLength(4096);
  });
});
