// A real dockerd for tests: private data root, socket and process, ended by its own pid. Never touches another engine.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type StartedProcess, startProcess } from './process.ts';
import { until } from './until.ts';

/** Where Debian's docker.io puts the engine and the client that has BuildKit built in. */
export const enginePaths = { dockerd: '/usr/sbin/dockerd', docker: '/usr/bin/docker' } as const;

/** A running engine. Disposing ends it with all its containers and removes its files. */
export interface Engine extends AsyncDisposable {
  /** Path of its API socket. */
  readonly socketPath: string;
  /** `unix://` form of {@link socketPath}. */
  readonly host: string;
  readonly dir: string;
  /** Runs the docker client directly against this engine. */
  docker(...args: string[]): ReturnType<typeof run>;
  /** Makes an image of a static busybox without a registry. Defaults to `busybox:test`. */
  importBusybox(name?: string): Promise<void>;
  /** Ends dockerd and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  output(): string;
}

/** Why no engine can run here, or undefined when one can. */
export function engineUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'a real dockerd needs root';
  if (!existsSync(enginePaths.dockerd)) return 'dockerd is not installed (Debian package docker.io)';
  return undefined;
}

/** Starts dockerd and waits until it answers. `args` are appended, for instance an authorization plugin. */
export async function startEngine({ args = [] as readonly string[], withinMs = 60_000 } = {}): Promise<Engine> {
  const dir = await mkdtemp(join(tmpdir(), 'dle-'));
  const socketPath = join(dir, 'd.sock');
  const host = `unix://${socketPath}`;
  let daemon: StartedProcess | undefined;
  await mkdir(join(dir, 'config'), { recursive: true });

  const docker = (...words: string[]) =>
    run(enginePaths.docker, words, { env: { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: join(dir, 'config') } });

  const start = async () => {
    await writeFile(join(dir, 'daemon.json'), '{}');
    daemon = await startProcess(enginePaths.dockerd, [
      '--config-file',
      join(dir, 'daemon.json'),
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      '--storage-driver=vfs',
      '--data-root',
      join(dir, 'data'),
      '--exec-root',
      join(dir, 'exec'),
      '--pidfile',
      join(dir, 'd.pid'),
      '-H',
      host,
      ...args,
    ]);
    const started = daemon;
    await until(
      'dockerd answers',
      async () => {
        if (started.child.exitCode !== null) throw new Error(`dockerd ended: ${started.output().slice(-2000)}`);
        return (await docker('version', '--format', '{{.Server.Version}}')).code === 0;
      },
      { withinMs, everyMs: 100 },
    );
  };
  const stop = async () => {
    // Stopping containers may take their ten seconds; a dockerd killed meanwhile would leave its containerd behind.
    await daemon?.end('SIGTERM', 60_000);
    await endContainerd(dir);
  };
  await start();
  return {
    socketPath,
    host,
    dir,
    docker,
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    output: () => daemon?.output() ?? '',
    importBusybox: async (name = 'busybox:test') => {
      const root = join(dir, 'busybox');
      await mkdir(join(root, 'bin'), { recursive: true });
      await mkdir(join(root, 'tmp'), { recursive: true });
      const made = await run('sh', [
        '-c',
        `cp /bin/busybox "$1/bin/busybox" && for a in $(/bin/busybox --list); do [ "$a" = busybox ] || ln -sf busybox "$1/bin/$a"; done && tar -C "$1" -c . | DOCKER_HOST="$2" ${enginePaths.docker} import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' - "$3"`,
        'sh',
        root,
        host,
        name,
      ]);
      if (made.code !== 0) throw new Error(`docker import failed: ${made.stderr}`);
    },
    [Symbol.asyncDispose]: async () => {
      const ids = (await docker('ps', '-q')).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await docker('kill', ...ids);
      await stop();
      await endShims(dir);
      // What dockerd left mounted would keep the directory from going.
      await run('sh', [
        '-c',
        `grep -F " ${dir}/" /proc/mounts | cut -d' ' -f2 | sort -r | while read -r m; do umount -l "$m"; done`,
      ]);
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** Ends the containerd that dockerd started below `dir`, should it have outlived it. Its pid is checked against its command line. */
async function endContainerd(dir: string): Promise<void> {
  const pid = Number(await readFile(join(dir, 'exec/containerd/containerd.pid'), 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(`${dir}/`);
  if (!(await isOurs())) return;
  process.kill(pid, 'SIGKILL');
  await until('the containerd that was left has ended', async () => !(await isOurs()));
}

/** Ends the shims, and the containers below them, of an engine that did not come back to do it itself. */
async function endShims(dir: string): Promise<void> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = new Map<string, string>();
  const shims = new Set<string>();
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    parents.set(pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '');
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('containerd-shim') && line.includes(`${dir}/`)) shims.add(pid);
  }
  const doomed = [...pids.filter((pid) => shims.has(parents.get(pid) ?? '')), ...shims];
  for (const pid of doomed) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
