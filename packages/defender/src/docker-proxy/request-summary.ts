// The facts of a request body that go on record: what an investigator asks for, never a value that may be a secret.
// Invariant: a field gets into a summary because it is named here; environment variables appear by name only.
import { redactCommandLine } from '../redact-command-line.ts';
import type { ClassifiedRequest } from './proxy-context.ts';

type Json = Readonly<Record<string, unknown>>;

const maxListItems = 64;
const maxTextLength = 512;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member of a JSON object under its exact name. */
export function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function clip(value: unknown): unknown {
  // JSON has no big integers; what a summary needs of them survives the rounding.
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') return value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
  if (Array.isArray(value)) return value.slice(0, maxListItems).map(clip);
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, maxListItems)
        .map(([key, each]) => [key, clip(each)]),
    );
  }
  return value;
}

/** A command as one line, with what looks like a secret cut out as in a caller's own command line. */
function commandOf(value: unknown): string | undefined {
  const words = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
  const texts = words.slice(0, maxListItems).filter((word) => typeof word === 'string');
  return texts.length === 0 ? undefined : redactCommandLine(texts);
}

function namesOfEnvironment(value: unknown): unknown {
  if (!Array.isArray(value)) return undefined;
  return value
    .slice(0, maxListItems)
    .map((each: unknown) => (typeof each === 'string' ? (each.split('=', 1)[0] ?? '') : '***'));
}

function pick(source: unknown, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const value = member(source, name);
    if (value === undefined || value === null || value === '' || value === false || value === 0) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (isObject(value) && Object.keys(value).length === 0) continue;
    picked[name] = clip(value);
  }
  return picked;
}

const hostConfigFields = [
  'Privileged',
  'Binds',
  'NetworkMode',
  'PidMode',
  'IpcMode',
  'UTSMode',
  'UsernsMode',
  'CgroupnsMode',
  'CapAdd',
  'CapDrop',
  'Devices',
  'DeviceCgroupRules',
  'SecurityOpt',
  'VolumesFrom',
  'PortBindings',
  'ReadonlyRootfs',
  'RestartPolicy',
  'AutoRemove',
  'GroupAdd',
  'Sysctls',
  'Runtime',
  'PublishAllPorts',
  'Memory',
  'NanoCpus',
  'PidsLimit',
];

function summaryOfContainer(body: unknown): Record<string, unknown> {
  const hostConfig = member(body, 'HostConfig');
  const mounts = member(hostConfig, 'Mounts');
  return {
    ...pick(body, ['Image', 'User', 'WorkingDir', 'Hostname', 'Tty', 'ExposedPorts']),
    ...defined('Cmd', commandOf(member(body, 'Cmd'))),
    ...defined('Entrypoint', commandOf(member(body, 'Entrypoint'))),
    ...defined('Env', namesOfEnvironment(member(body, 'Env'))),
    ...pick(hostConfig, hostConfigFields),
    ...(Array.isArray(mounts) && mounts.length > 0
      ? { Mounts: mounts.slice(0, maxListItems).map((mount) => pick(mount, ['Type', 'Source', 'Target', 'ReadOnly'])) }
      : {}),
  };
}

function defined(name: string, value: unknown): Record<string, unknown> {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? {} : { [name]: value };
}

const summaries: Readonly<Record<string, (body: unknown) => Record<string, unknown>>> = {
  container_create: summaryOfContainer,
  container_exec_create: (body) => ({
    ...pick(body, ['User', 'Privileged', 'Tty', 'WorkingDir', 'AttachStdin']),
    ...defined('Cmd', commandOf(member(body, 'Cmd'))),
    ...defined('Env', namesOfEnvironment(member(body, 'Env'))),
  }),
  container_exec_start: (body) => pick(body, ['Detach', 'Tty']),
  container_update: (body) => pick(body, [...hostConfigFields, 'MemorySwap', 'CpuShares', 'CpusetCpus']),
  container_commit: (body) => ({ ...pick(body, ['User']), ...defined('Cmd', commandOf(member(body, 'Cmd'))) }),
  volume_create: (body) => pick(body, ['Name', 'Driver', 'Labels']),
  network_create: (body) => pick(body, ['Name', 'Driver', 'Internal', 'Attachable', 'Labels']),
  network_connect: (body) => pick(body, ['Container']),
  network_disconnect: (body) => pick(body, ['Container', 'Force']),
  service_create: (body) => pick(body, ['Name', 'Labels']),
  service_update: (body) => pick(body, ['Name', 'Labels']),
  secret_create: (body) => pick(body, ['Name', 'Labels']),
  config_create: (body) => pick(body, ['Name', 'Labels']),
  docker_check_auth: (body) => pick(body, ['username', 'serveraddress']),
};

/** The redacted facts of the body; undefined when the route has none worth keeping. */
export function summaryOf(request: ClassifiedRequest, body: unknown): Record<string, unknown> | undefined {
  if (body === undefined) return undefined;
  const summary = summaries[request.api]?.(body);
  return summary === undefined || Object.keys(summary).length === 0 ? undefined : summary;
}
