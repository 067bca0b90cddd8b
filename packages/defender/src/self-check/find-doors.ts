// The doors that lead to the engine past the Defender, looked for on the host itself (threat T-98).
// Invariant: every door found comes with its own stable name and the command that closes it.
import type { Condition } from '@dockledger/contract';
import { type EngineProcess, findEngineProcess, sameSocketPath } from './engine-process.ts';
import { loadAccess, whoMayWrite } from './path-access.ts';
import { loadListeners, pidsOf, socketsOf } from './socket-table.ts';

/** A way past the Defender. */
export type Door = Omit<Condition, 'since'>;

/** What to look at. */
export interface DoorsOptions {
  /** The engine's own socket. */
  readonly enginePath: string;
  /** The guarded socket, with the rights that it was given. Undefined: not looked at, as no Defender runs. */
  readonly proxy?: { readonly path: string; readonly mode: number; readonly gid: number | 'any' } | undefined;
  /** Name of our authorization plugin, when one is configured. */
  readonly plugin?: string | undefined;
  /** TCP ports of a Defender that runs as another process. Defaults to none; those of this process never count. */
  readonly ownPorts?: readonly number[];
  /** `GET /info` of the engine; undefined when it cannot be asked. */
  readonly info?: unknown;
  /** Defaults to /proc. */
  readonly procRoot?: string;
}

const octal = (mode: number) => `0${mode.toString(8)}`;

function member(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys)
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  return found;
}

/** Sockets of the engine that others than root reach. */
function* engineSockets(paths: readonly string[]): Generator<Door, void> {
  const open = paths.flatMap((path) => {
    const access = loadAccess(path);
    const who = access?.isSocket === true ? whoMayWrite(access) : undefined;
    return access === undefined || who === undefined ? [] : [{ path, who }];
  });
  if (open.length === 0) return;
  yield {
    name: 'unguarded-engine-socket',
    text: `The engine's own socket can be used past the Defender: ${open.map(({ path, who }) => `${path} by ${who}`).join('; ')}. \`dockledger defender install --take-over\` closes it for good.`,
    fix: open.map(({ path }) => `chown root:root ${path} && chmod 0600 ${path}`).join(' && '),
  };
}

const dockerPorts: ReadonlySet<number> = new Set([2375, 2376]);
/** Swarm's own ports, each with mutual TLS or keys of its own. */
const swarmPorts: ReadonlySet<number> = new Set([2377, 7946]);

function* tcpDoors(engine: EngineProcess | undefined, options: DoorsOptions, procRoot: string): Generator<Door, void> {
  const metrics = engine?.option('--metrics-addr', 'metrics-addr').at(-1);
  const isSwarm = member(options.info, 'Swarm', 'LocalNodeState') === 'active';
  const own = (engine?.listeners ?? []).filter(
    ({ address, port = 0 }) =>
      port > 0 &&
      !(isSwarm && swarmPorts.has(port)) &&
      !(metrics !== undefined && (metrics === `${address}:${port}` || metrics.endsWith(`:${port}`))),
  );
  const engineInodes = new Set(own.map(({ inode }) => inode));
  const ours = socketsOf(procRoot, process.pid);
  const others = loadListeners(procRoot).filter(
    ({ port = 0, inode }) =>
      dockerPorts.has(port) &&
      options.ownPorts?.includes(port) !== true &&
      !engineInodes.has(inode) &&
      !ours.has(inode),
  );
  const list = (sockets: typeof own) =>
    [
      ...new Set(
        sockets.map(({ address, port }) => `${address?.includes(':') === true ? `[${address}]` : address}:${port}`),
      ),
    ].join(', ');
  if (own.length > 0) {
    const verified = engine?.option('--tlsverify', 'tlsverify').at(-1) === 'true';
    yield {
      name: 'unguarded-engine-tcp',
      text: verified
        ? `The engine listens on ${list(own)}: whoever has a certificate of its CA gets past the Defender.`
        : `The engine listens on ${list(own)} without client certificates: whoever reaches that port is root on this host.`,
      fix: `sudoedit ${engine?.configFile ?? '/etc/docker/daemon.json'}   # take tcp:// out of "hosts", or -H tcp://… out of \`systemctl edit --full docker.service\`; then: systemctl restart docker`,
    };
  }
  if (others.length > 0) {
    yield {
      name: 'docker-port-in-use',
      text: `Something listens on ${list(others)}, where the Docker API is usually offered; it may forward to the engine past the Defender.`,
      fix: `ss -ltnp '( sport = :2375 or sport = :2376 )'   # shows the program; stop it`,
    };
  }
}

/** containerd starts and enters containers without the engine. */
function* containerdDoors(engine: EngineProcess | undefined, procRoot: string): Generator<Door, void> {
  const configured = engine?.option('--containerd', 'containerd').at(-1);
  const started = pidsOf(procRoot, 'containerd').flatMap((pid) => {
    const inodes = socketsOf(procRoot, pid);
    // Its own sockets, not those of a shim that it handed down.
    return loadListeners(procRoot, pid).filter(
      ({ inode, path }) => inodes.has(inode) && path?.includes('containerd') === true,
    );
  });
  const paths = new Set([configured ?? '/run/containerd/containerd.sock', ...started.map(({ path = '' }) => path)]);
  const open = [...paths].flatMap((path) => {
    const access = path.startsWith('/') ? loadAccess(path) : undefined;
    const who = access?.isSocket === true ? whoMayWrite(access) : undefined;
    return who === undefined ? [] : [{ path, who }];
  });
  if (open.length === 0) return;
  yield {
    name: 'unguarded-containerd',
    text: `containerd's socket can be used past the Defender: ${open.map(({ path, who }) => `${path} by ${who}`).join('; ')}.`,
    fix: open.map(({ path }) => `chown root:root ${path} && chmod 0600 ${path}`).join(' && '),
  };
}

function* configDoor(engine: EngineProcess | undefined): Generator<Door, void> {
  const path = engine?.configFile ?? '/etc/docker/daemon.json';
  const access = loadAccess(path);
  const who = access === undefined ? undefined : whoMayWrite(access);
  if (who === undefined) return;
  yield {
    name: 'engine-config-writable',
    text: `${path} can be changed by ${who}: at its next start the engine would open whatever door it names.`,
    fix: `chown root:root ${path} && chmod 0644 ${path}`,
  };
}

function* pluginDoor({ plugin, info }: DoorsOptions, engine: EngineProcess | undefined): Generator<Door, void> {
  if (plugin === undefined || info === undefined) return;
  const chain = member(info, 'Plugins', 'Authorization');
  if (Array.isArray(chain) && chain.includes(plugin)) return;
  // The engine's info leaves out what a reload of daemon.json added (seen with 20.10 and later).
  if (engine?.option('--authorization-plugin', 'authorization-plugins').includes(plugin) === true) return;
  yield {
    name: 'plugin-not-in-chain',
    text: `The authorization plugin "${plugin}" runs, but the engine does not ask it: whoever reaches the real socket is not judged.`,
    fix: `sudoedit ${engine?.configFile ?? '/etc/docker/daemon.json'}   # add "authorization-plugins": ["${plugin}"]; then: systemctl reload docker`,
  };
}

function* proxyDoor({ proxy }: DoorsOptions): Generator<Door, void> {
  if (proxy === undefined) return;
  const access = loadAccess(proxy.path);
  if (access === undefined || !access.isSocket) {
    yield {
      name: 'proxy-socket-lost',
      text: `The guarded socket ${proxy.path} is gone: Docker commands do not reach the Defender.`,
      fix: 'systemctl restart dockledger-defender',
    };
    return;
  }
  const gid = proxy.gid === 'any' ? access.gid : proxy.gid;
  const uid = process.getuid?.() ?? 0;
  if (access.mode === proxy.mode && access.gid === gid && access.uid === uid) return;
  yield {
    name: 'proxy-socket-rights',
    text: `The guarded socket ${proxy.path} was given mode ${octal(proxy.mode)} and group ${gid}, and now has mode ${octal(access.mode)}, owner ${access.uid} and group ${access.gid}.`,
    fix: `chown ${uid}:${gid} ${proxy.path} && chmod ${octal(proxy.mode)} ${proxy.path}`,
  };
}

/** Looks once. The order is that of importance; never throws for what it may not read. */
export function findDoors(options: DoorsOptions): Door[] {
  const procRoot = options.procRoot ?? '/proc';
  const engine = findEngineProcess(procRoot, options.enginePath);
  const paths = new Set([options.enginePath]);
  for (const { path } of engine?.listeners ?? []) {
    if (path?.startsWith('/') === true && ![...paths].some((known) => sameSocketPath(known, path))) paths.add(path);
  }
  return [
    ...engineSockets([...paths]),
    ...tcpDoors(engine, options, procRoot),
    ...containerdDoors(engine, procRoot),
    ...pluginDoor(options, engine),
    ...configDoor(engine),
    ...proxyDoor(options),
  ];
}
