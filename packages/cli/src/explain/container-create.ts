// The body of a container create, as `docker run` and `docker create` would send it for these flags.
// Invariant: every flag that a rule or a compliance check can see is in the body; values of the environment are not.
import { AppError } from '@dockledger/contract';
import { allOf, type FlagGrammar, isOn, lastOf, type ParsedFlags } from './command-flags.ts';

const wordsOf = (text: string) => text.trim().split(/\s+/);

/** Flags of `docker run` and `docker create`. */
export const containerFlags: FlagGrammar = {
  mixes: false,
  switches: wordsOf(`
    detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged
    publish-all quiet read-only rm sig-proxy tty use-api-socket`),
  values: wordsOf(`
    add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns
    cidfile cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus
    cpuset-cpus cpuset-mems detach-keys device device-cgroup-rule device-read-bps device-read-iops
    device-write-bps device-write-iops dns dns-opt dns-option dns-search domainname entrypoint env env-file
    expose gpus group-add health-cmd health-interval health-retries health-start-interval
    health-start-period health-timeout hostname io-maxbandwidth io-maxiops ip ip6 ipc isolation
    kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory
    memory-reservation memory-swap memory-swappiness mount name net net-alias network network-alias
    oom-score-adj pid pids-limit platform publish pull restart runtime security-opt shm-size stop-signal
    stop-timeout storage-opt sysctl tmpfs ulimit user userns uts volume volume-driver volumes-from workdir`),
  short: {
    a: 'attach',
    c: 'cpu-shares',
    d: 'detach',
    e: 'env',
    h: 'hostname',
    i: 'interactive',
    l: 'label',
    m: 'memory',
    P: 'publish-all',
    p: 'publish',
    q: 'quiet',
    t: 'tty',
    u: 'user',
    v: 'volume',
    w: 'workdir',
  },
};

const powers: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m` → bytes. Throws `bad_setting` for what is no size. */
export function parseSize(flag: string, text: string): number {
  const found = /^(-?\d+(?:\.\d+)?)\s*([bkmgtp])?i?b?$/i.exec(text.trim());
  if (found === null) throw new AppError('bad_setting', `--${flag} is "${text}": write a size, for instance 512m.`);
  return Math.trunc(Number(found[1]) * 1024 ** (powers[(found[2] ?? 'b').toLowerCase()] ?? 0));
}

function keyValues(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

function toMount(text: string): Record<string, unknown> {
  const mount: Record<string, unknown> = { Type: 'volume' };
  const bind: Record<string, unknown> = {};
  const driver: { Name?: string; Options?: Record<string, string> } = {};
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? 'true' : field.slice(equals + 1);
    if (key === 'type') mount['Type'] = value.toLowerCase();
    else if (key === 'source' || key === 'src') mount['Source'] = value;
    else if (key === 'target' || key === 'dst' || key === 'destination') mount['Target'] = value;
    else if (key === 'readonly' || key === 'ro') mount['ReadOnly'] = value === 'true' || value === '1';
    else if (key === 'bind-propagation') bind['Propagation'] = value;
    else if (key === 'volume-driver') driver.Name = value;
    else if (key === 'volume-opt') driver.Options = { ...driver.Options, ...keyValues([value]) };
  }
  if (Object.keys(bind).length > 0) mount['BindOptions'] = bind;
  if (Object.keys(driver).length > 0) mount['VolumeOptions'] = { DriverConfig: driver };
  return mount;
}

function toPort(text: string): { key: string; host: { HostIp: string; HostPort: string } } {
  const [address = '', protocol = 'tcp'] = text.split('/');
  const found = /^(?:(\[[^\]]*\]|[^:]*):)?(?:([^:]*):)?([^:]+)$/.exec(address);
  const container = found?.[3] ?? address;
  // With one colon the first part is the host's port, with two it is an address.
  const hasAddress = found?.[2] !== undefined;
  const ip = hasAddress ? (found?.[1] ?? '') : '';
  const port = hasAddress ? (found?.[2] ?? '') : (found?.[1] ?? '');
  return { key: `${container}/${protocol}`, host: { HostIp: ip.replace(/^\[|\]$/g, ''), HostPort: port } };
}

function toDevice(text: string): Record<string, string> {
  const [host = '', second, third] = text.split(':');
  const isRights = (part: string | undefined) => part !== undefined && /^[rwm]+$/.test(part);
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || isRights(second) ? host : second,
    CgroupPermissions: third ?? (isRights(second) ? (second ?? 'rwm') : 'rwm'),
  };
}

function toUlimit(text: string): Record<string, unknown> {
  const [name = '', limits = ''] = text.split('=');
  const [soft = '', hard = soft] = limits.split(':');
  return { Name: name, Hard: Number(hard), Soft: Number(soft) };
}

const optional = (name: string, value: unknown): Record<string, unknown> =>
  value === undefined || (Array.isArray(value) && value.length === 0) ? {} : { [name]: value };

const wholeOf = (parsed: ParsedFlags, name: string) => {
  const text = lastOf(parsed, name);
  if (text === undefined) return undefined;
  if (!/^-?\d+$/.test(text)) throw new AppError('bad_setting', `--${name} is "${text}": write a whole number.`);
  return Number(text);
};
const sizeOf = (parsed: ParsedFlags, name: string) => {
  const text = lastOf(parsed, name);
  return text === undefined ? undefined : parseSize(name, text);
};

function toHostConfig(parsed: ParsedFlags): Record<string, unknown> {
  const ports = allOf(parsed, 'publish').map(toPort);
  const bindings: Record<string, unknown[]> = {};
  for (const { key, host } of ports) bindings[key] = [...(bindings[key] ?? []), host];
  const [restart, retries] = (lastOf(parsed, 'restart') ?? 'no').split(':');
  const cpus = lastOf(parsed, 'cpus');
  const volumes = allOf(parsed, 'volume');
  const gpus = lastOf(parsed, 'gpus');
  return {
    Privileged: isOn(parsed, 'privileged'),
    PublishAllPorts: isOn(parsed, 'publish-all'),
    ReadonlyRootfs: isOn(parsed, 'read-only'),
    AutoRemove: isOn(parsed, 'rm'),
    OomKillDisable: isOn(parsed, 'oom-kill-disable'),
    NetworkMode: networkOf(parsed),
    RestartPolicy: { Name: restart, MaximumRetryCount: Number(retries ?? 0) },
    PortBindings: bindings,
    ...optional('Init', isOn(parsed, 'init') || undefined),
    ...optional(
      'Binds',
      volumes.filter((volume) => volume.includes(':')),
    ),
    ...optional('Mounts', allOf(parsed, 'mount').map(toMount)),
    ...optional('Tmpfs', allOf(parsed, 'tmpfs').length === 0 ? undefined : tmpfsOf(parsed)),
    ...optional('Devices', allOf(parsed, 'device').map(toDevice)),
    ...optional('DeviceCgroupRules', allOf(parsed, 'device-cgroup-rule')),
    ...optional(
      'DeviceRequests',
      gpus === undefined ? undefined : [{ Count: gpus === 'all' ? -1 : Number(gpus) || 0, Capabilities: [['gpu']] }],
    ),
    ...optional('CapAdd', allOf(parsed, 'cap-add')),
    ...optional('CapDrop', allOf(parsed, 'cap-drop')),
    ...optional('SecurityOpt', allOf(parsed, 'security-opt')),
    ...optional('VolumesFrom', allOf(parsed, 'volumes-from')),
    ...optional('VolumeDriver', lastOf(parsed, 'volume-driver')),
    ...optional('GroupAdd', allOf(parsed, 'group-add')),
    ...optional('Links', allOf(parsed, 'link')),
    ...optional('ExtraHosts', allOf(parsed, 'add-host')),
    ...optional('Dns', allOf(parsed, 'dns')),
    ...optional('Ulimits', allOf(parsed, 'ulimit').map(toUlimit)),
    ...optional('Sysctls', allOf(parsed, 'sysctl').length === 0 ? undefined : keyValues(allOf(parsed, 'sysctl'))),
    ...optional('PidMode', lastOf(parsed, 'pid')),
    ...optional('IpcMode', lastOf(parsed, 'ipc')),
    ...optional('UTSMode', lastOf(parsed, 'uts')),
    ...optional('UsernsMode', lastOf(parsed, 'userns')),
    ...optional('CgroupnsMode', lastOf(parsed, 'cgroupns')),
    ...optional('CgroupParent', lastOf(parsed, 'cgroup-parent')),
    ...optional('Runtime', lastOf(parsed, 'runtime')),
    ...optional('Memory', sizeOf(parsed, 'memory')),
    ...optional('MemorySwap', sizeOf(parsed, 'memory-swap')),
    ...optional('ShmSize', sizeOf(parsed, 'shm-size')),
    ...optional('CpuShares', wholeOf(parsed, 'cpu-shares')),
    ...optional('CpuQuota', wholeOf(parsed, 'cpu-quota')),
    ...optional('CpusetCpus', lastOf(parsed, 'cpuset-cpus')),
    ...optional('PidsLimit', wholeOf(parsed, 'pids-limit')),
    ...optional('NanoCpus', cpus === undefined ? undefined : Math.round(Number(cpus) * 1e9)),
  };
}

function networkOf(parsed: ParsedFlags): string {
  const name = lastOf(parsed, 'network') ?? lastOf(parsed, 'net') ?? 'default';
  return /(?:^|,)name=([^,]+)/.exec(name)?.[1] ?? name;
}

function tmpfsOf(parsed: ParsedFlags): Record<string, string> {
  return Object.fromEntries(
    allOf(parsed, 'tmpfs').map((entry) => {
      const colon = entry.indexOf(':');
      return colon < 0 ? [entry, ''] : [entry.slice(0, colon), entry.slice(colon + 1)];
    }),
  );
}

/** The body for `IMAGE [COMMAND…]` behind these flags. Throws `bad_setting` without an image. */
export function toCreateBody(command: string, parsed: ParsedFlags): Record<string, unknown> {
  const [image, ...words] = parsed.rest;
  if (image === undefined) throw new AppError('bad_setting', `\`docker ${command}\` needs an image.`);
  const healthCommand = lastOf(parsed, 'health-cmd');
  const anonymous = allOf(parsed, 'volume').filter((volume) => !volume.includes(':'));
  const exposed = [
    ...allOf(parsed, 'publish').map((text) => toPort(text).key),
    ...allOf(parsed, 'expose').map((port) => (port.includes('/') ? port : `${port}/tcp`)),
  ];
  const entrypoint = lastOf(parsed, 'entrypoint');
  return {
    Image: image,
    ...optional('Cmd', words),
    ...optional('Entrypoint', entrypoint === undefined ? undefined : entrypoint === '' ? [''] : [entrypoint]),
    ...optional('User', lastOf(parsed, 'user')),
    ...optional('Hostname', lastOf(parsed, 'hostname')),
    ...optional('WorkingDir', lastOf(parsed, 'workdir')),
    // Names are enough to judge by; values may be secrets.
    ...optional(
      'Env',
      allOf(parsed, 'env').map((entry) => `${entry.split('=', 1)[0]}=`),
    ),
    ...optional('Labels', allOf(parsed, 'label').length === 0 ? undefined : keyValues(allOf(parsed, 'label'))),
    ...optional(
      'ExposedPorts',
      exposed.length === 0 ? undefined : Object.fromEntries(exposed.map((port) => [port, {}])),
    ),
    ...optional(
      'Volumes',
      anonymous.length === 0 ? undefined : Object.fromEntries(anonymous.map((path) => [path, {}])),
    ),
    ...optional(
      'Healthcheck',
      isOn(parsed, 'no-healthcheck')
        ? { Test: ['NONE'] }
        : healthCommand === undefined
          ? undefined
          : { Test: ['CMD-SHELL', healthCommand] },
    ),
    Tty: isOn(parsed, 'tty'),
    OpenStdin: isOn(parsed, 'interactive'),
    HostConfig: toHostConfig(parsed),
  };
}
