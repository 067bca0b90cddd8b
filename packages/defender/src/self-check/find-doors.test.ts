import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createTempDir, type TempDir } from '@dockledger/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEngineProcess } from './engine-process.ts';
import { type DoorsOptions, findDoors } from './find-doors.ts';
import { loadAccess, whoMayWrite } from './path-access.ts';
import { parseTcpTable, parseUnixTable } from './socket-table.ts';

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('the look for doors past the Defender', () => {
  let dir: TempDir;
  let servers: Server[];
  beforeEach(async () => {
    dir = await createTempDir('dlc-');
    await chmod(dir.path, 0o711);
    servers = [];
  });
  afterEach(async () => {
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    await dir[Symbol.asyncDispose]();
  });

  const listen = async (name: string, mode: number, gid = 0) => {
    const path = join(dir.path, name);
    const server = createServer();
    servers.push(server);
    await new Promise<void>((done) => server.listen(path, done));
    await chown(path, 0, gid);
    await chmod(path, mode);
    return path;
  };

  /** A /proc with one dockerd that holds the listening sockets named. */
  const fakeProc = async (words: readonly string[], unix: readonly string[], tcp: readonly string[] = []) => {
    const root = join(dir.path, 'proc');
    await mkdir(join(root, '77/fd'), { recursive: true });
    await mkdir(join(root, '77/net'), { recursive: true });
    await mkdir(join(root, 'self/net'), { recursive: true });
    await writeFile(join(root, '77/comm'), 'dockerd\n');
    await writeFile(join(root, '77/cmdline'), `${words.join('\0')}\0`);
    const unixTable = unix.map(
      (path, at) => `0000000000000000: 00000002 00000000 00010000 0001 01 ${1000 + at} ${path}`,
    );
    const tcpTable = tcp.map(
      (local, at) =>
        `   ${at}: ${local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${2000 + at} 1`,
    );
    for (const net of [join(root, '77/net'), join(root, 'self/net')]) {
      await writeFile(join(net, 'unix'), `Num RefCount\n${unixTable.join('\n')}\n`);
      await writeFile(join(net, 'tcp'), `  sl  local_address\n${tcpTable.join('\n')}\n`);
    }
    const inodes = [...unix.map((_, at) => 1000 + at), ...tcp.map((_, at) => 2000 + at)];
    for (const [fd, inode] of inodes.entries())
      execFileSync('ln', ['-s', `socket:[${inode}]`, join(root, `77/fd/${fd + 3}`)]);
    return root;
  };
  const look = (options: DoorsOptions) => findDoors(options).map(({ name }) => name);

  it('finds nothing when only root gets to the engine', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const procRoot = await fakeProc(['dockerd', '-H', 'fd://'], [enginePath]);
    expect(look({ enginePath, procRoot })).toEqual([]);
  });

  it('names the group that the real socket is open to, and the command that closes it', async () => {
    const enginePath = await listen('docker.sock', 0o660, 4711);
    const procRoot = await fakeProc(['dockerd'], [enginePath]);
    const [door] = findDoors({ enginePath, procRoot });
    expect(door).toMatchObject({ name: 'unguarded-engine-socket' });
    expect(door?.text).toContain(`${enginePath} by group 4711`);
    execFileSync('sh', ['-c', door?.fix ?? 'false']);
    expect(look({ enginePath, procRoot })).toEqual([]);
  });

  it('counts an open socket in a directory that only root may enter as closed', async () => {
    const enginePath = await listen('docker.sock', 0o666);
    expect(look({ enginePath, procRoot: await fakeProc(['dockerd'], [enginePath]) })).toEqual([
      'unguarded-engine-socket',
    ]);
    await chmod(dir.path, 0o700);
    expect(look({ enginePath, procRoot: join(dir.path, 'proc') })).toEqual([]);
  });

  it('finds a second socket of the same engine', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const second = await listen('second.sock', 0o666);
    const procRoot = await fakeProc(['dockerd'], [enginePath, second]);
    expect(findDoors({ enginePath, procRoot })[0]?.text).toContain(`${second} by everybody`);
  });

  it('tells plain TCP from TCP with client certificates', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const plain = await fakeProc(['dockerd', '-H', 'tcp://0.0.0.0:2375'], [enginePath], ['00000000:0947']);
    expect(findDoors({ enginePath, procRoot: plain })).toMatchObject([
      {
        name: 'unguarded-engine-tcp',
        text: expect.stringMatching(/0\.0\.0\.0:2375 without client certificates/) as unknown,
      },
    ]);
    await writeFile(join(plain, '77/cmdline'), 'dockerd\0--tlsverify\0-H\0tcp://0.0.0.0:2376\0');
    expect(findDoors({ enginePath, procRoot: plain })[0]?.text).toContain('certificate of its CA');
  });

  it("names a stranger on Docker's ports, but not a Defender's own listener", async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const procRoot = await fakeProc(['dockerd'], [enginePath]);
    const line = '   0: 00000000:0948 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1';
    await writeFile(join(procRoot, 'self/net/tcp'), `head\n${line}\n`);
    expect(look({ enginePath, procRoot })).toEqual(['docker-port-in-use']);
    expect(look({ enginePath, procRoot, ownPorts: [2376] })).toEqual([]);
  });

  it('leaves swarm and metrics ports alone', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const procRoot = await fakeProc(
      ['dockerd', '--metrics-addr=127.0.0.1:9323'],
      [enginePath],
      ['00000000:0949', '0100007F:246B'],
    );
    expect(look({ enginePath, procRoot, info: { Swarm: { LocalNodeState: 'active' } } })).toEqual([]);
  });

  it('sees a daemon.json that others may write', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const config = join(dir.path, 'daemon.json');
    await writeFile(config, '{}');
    await chmod(config, 0o666);
    const procRoot = await fakeProc(['dockerd', '--config-file', config], [enginePath]);
    expect(look({ enginePath, procRoot })).toEqual(['engine-config-writable']);
  });

  it("misses the plugin in the engine's chain only while the engine answers", async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const procRoot = await fakeProc(['dockerd'], [enginePath]);
    const plugin = 'dockledger';
    expect(look({ enginePath, procRoot, plugin, info: { Plugins: { Authorization: null } } })).toEqual([
      'plugin-not-in-chain',
    ]);
    expect(look({ enginePath, procRoot, plugin, info: { Plugins: { Authorization: ['dockledger'] } } })).toEqual([]);
    expect(look({ enginePath, procRoot, plugin })).toEqual([]);
    await writeFile(join(procRoot, '77/cmdline'), 'dockerd\0--authorization-plugin=dockledger\0');
    expect(look({ enginePath, procRoot, plugin, info: { Plugins: {} } })).toEqual([]);
  });

  it('sees that somebody changed the rights of the guarded socket, or took it away', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const path = await listen('proxy.sock', 0o660);
    const procRoot = await fakeProc(['dockerd'], [enginePath]);
    const proxy = { path, mode: 0o660, gid: 0 };
    expect(look({ enginePath, procRoot, proxy })).toEqual([]);
    await chmod(path, 0o666);
    const [door] = findDoors({ enginePath, procRoot, proxy });
    expect(door?.name).toBe('proxy-socket-rights');
    execFileSync('sh', ['-c', door?.fix ?? 'false']);
    expect(look({ enginePath, procRoot, proxy })).toEqual([]);
    expect(look({ enginePath, procRoot, proxy: { ...proxy, path: join(dir.path, 'gone.sock') } })).toEqual([
      'proxy-socket-lost',
    ]);
  });

  it('reads hosts of daemon.json and prefers a flag', async () => {
    const enginePath = await listen('docker.sock', 0o600);
    const config = join(dir.path, 'daemon.json');
    await writeFile(config, '{"hosts": ["unix:///a", "tcp://b"], "containerd": "/c"}');
    const procRoot = await fakeProc(['dockerd', `--config-file=${config}`, '--containerd', '/d'], [enginePath]);
    const engine = findEngineProcess(procRoot, enginePath);
    expect(engine?.option('--host', 'hosts')).toEqual(['unix:///a', 'tcp://b']);
    expect(engine?.option('--containerd', 'containerd')).toEqual(['/d']);
  });

  it('names members of the group in the words for people', async () => {
    const path = await listen('docker.sock', 0o660, 4711);
    const access = loadAccess(path);
    expect(access && whoMayWrite(access, 'root:x:0:\ndocker:x:4711:alice,bob\n')).toBe('group docker (alice, bob)');
  });
});

describe('the tables of sockets', () => {
  it('gives addresses of both families', () => {
    expect(
      parseTcpTable('   0: 0100007F:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1'),
    ).toEqual([{ inode: '5', address: '127.0.0.1', port: 2375 }]);
    expect(
      parseTcpTable(
        '   0: 00000000000000000000000001000000:0948 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 6 1',
      ),
    ).toEqual([{ inode: '6', address: '0:0:0:0:0:0:0:1', port: 2376 }]);
  });

  it('leaves out unix sockets that do not listen', () => {
    const table =
      'Num       RefCount Protocol Flags    Type St Inode Path\n0: 00000003 00000000 00000000 0001 03 7 /a\n0: 00000002 00000000 00010000 0001 01 8 /b c\n';
    expect(parseUnixTable(table)).toEqual([{ inode: '8', path: '/b c' }]);
  });
});
