// What compliance checks look at: one view of a create, update, exec or service body with the facts around it.
// Invariant: the view says the same for a container and for a service task that would run alike.
import { asObject, flagAt, listAt, numberAt, objectAt, textAt, textsAt } from '../body-access.ts';
import type { BodyObject, BodyValue } from '../body-schema.ts';
import { type HostMount, hostMounts, mountHolderOf, type VolumeLookup } from '../host-mounts.ts';
import { cleanHostPath } from '../host-path.ts';

/** What the engine knows of the image; undefined fields are not known. */
export interface ImageFacts {
  readonly user?: string | undefined;
  readonly hasHealthcheck?: boolean | undefined;
  readonly exposedPorts?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly environment?: readonly string[] | undefined;
  /** Whole days since the image was built. */
  readonly ageDays?: number | undefined;
}

/** What the caller looked up before judging. Everything is optional; what is missing is judged from the request alone. */
export interface ComplianceFacts {
  readonly image?: ImageFacts | undefined;
  readonly volumes?: VolumeLookup | undefined;
  /** Real path of a cleaned bind source, where it differs: symlinks resolved on the host. */
  readonly realPaths?: ReadonlyMap<string, string> | undefined;
  /** Mounts of the containers that `VolumesFrom` names. */
  readonly inheritedMounts?: readonly HostMount[] | undefined;
  /** The guard's own sockets and state, absolute. */
  readonly guardedPaths?: readonly string[] | undefined;
  /** The host runs SELinux in enforcing mode. */
  readonly hasSELinux?: boolean | undefined;
}

/** One published port. Zero host ports are the engine's to choose. */
export interface PublishedPort {
  readonly hostIp: string;
  readonly firstHostPort: number;
  readonly lastHostPort: number;
  /** As `80/tcp`; empty when a service publishes it. */
  readonly containerPort: string;
}

/** The view. For an update only what the request mentions is there. */
export interface Workload {
  readonly kind: 'container' | 'service' | 'update' | 'exec' | 'build';
  readonly isPrivileged: boolean;
  readonly user: string;
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly addedCapabilities: readonly string[];
  readonly droppedCapabilities: readonly string[];
  readonly securityOptions: readonly string[];
  readonly mounts: readonly HostMount[];
  readonly ports: readonly PublishedPort[];
  readonly publishesAllPorts: boolean;
  readonly networks: readonly string[];
  readonly pidMode: string;
  readonly ipcMode: string;
  readonly utsMode: string;
  readonly userNamespaceMode: string;
  readonly hasMemoryLimit: boolean;
  readonly hasCpuLimit: boolean;
  readonly hasPidsLimit: boolean;
  readonly hasReadOnlyRoot: boolean;
  readonly restart: { readonly name: string; readonly maximumRetries: number };
  readonly reservesDevices: boolean;
  readonly liftsUlimits: boolean;
  readonly cgroupParent: string;
  /** What the engine hides or write-protects by default is laid open. */
  readonly unmasksKernel: boolean;
  readonly hasHealthcheck: boolean;
  readonly imageAgeDays: number | undefined;
  readonly imagePorts: readonly string[] | undefined;
  readonly hasSELinux: boolean;
  readonly guardedPaths: readonly string[];
}

const nothing: Workload = {
  kind: 'exec',
  isPrivileged: false,
  user: '',
  command: [],
  environment: [],
  addedCapabilities: [],
  droppedCapabilities: [],
  securityOptions: [],
  mounts: [],
  ports: [],
  publishesAllPorts: false,
  networks: [],
  pidMode: '',
  ipcMode: '',
  utsMode: '',
  userNamespaceMode: '',
  hasMemoryLimit: false,
  hasCpuLimit: false,
  hasPidsLimit: false,
  hasReadOnlyRoot: false,
  restart: { name: '', maximumRetries: 0 },
  reservesDevices: false,
  liftsUlimits: false,
  cgroupParent: '',
  unmasksKernel: false,
  hasHealthcheck: false,
  imageAgeDays: undefined,
  imagePorts: undefined,
  hasSELinux: false,
  guardedPaths: [],
};

/** Upper case and without `CAP_`, as the engine normalises capabilities. */
export function normaliseCapability(name: string): string {
  return name.trim().toUpperCase().replace(/^CAP_/, '');
}

function withRealPaths(mounts: readonly HostMount[], facts: ComplianceFacts): HostMount[] {
  return [...mounts, ...(facts.inheritedMounts ?? [])].flatMap((mount) => {
    const real = facts.realPaths?.get(mount.source);
    return real === undefined ? [mount] : [mount, { ...mount, source: cleanHostPath(real) }];
  });
}

function hostPortRange(hostPort: string): readonly [number, number] {
  const [first = '', last = first] = hostPort.split('/')[0]?.split('-') ?? [];
  return [Number(first) || 0, Number(last) || 0];
}

function publishedPorts(hostConfig: BodyObject): PublishedPort[] {
  return Object.entries(objectAt(hostConfig, 'PortBindings')).flatMap(([containerPort, bindings]) =>
    (Array.isArray(bindings) ? (bindings as readonly BodyValue[]) : []).map((value) => {
      const binding = asObject(value);
      const [firstHostPort, lastHostPort] = hostPortRange(textAt(binding, 'HostPort'));
      return { hostIp: textAt(binding, 'HostIp'), firstHostPort, lastHostPort, containerPort };
    }),
  );
}

function hasHealthcheck(config: BodyObject, image: ImageFacts | undefined): boolean {
  const test = textsAt(objectAt(config, 'Healthcheck'), 'Test');
  return test.length === 0 ? image?.hasHealthcheck === true : test[0] !== 'NONE';
}

function liftsUlimits(config: BodyObject): boolean {
  return listAt(config, 'Ulimits').some((value) => {
    const ulimit = asObject(value);
    return numberAt(ulimit, 'Hard') < 0 || numberAt(ulimit, 'Soft') < 0;
  });
}

// Lists that the engine puts in force when none is given; one that is given replaces them, be it an empty one.
const alwaysHidden: Readonly<Record<string, readonly string[]>> = {
  MaskedPaths: ['/proc/kcore', '/sys/firmware'],
  ReadonlyPaths: ['/proc/sys', '/proc/sysrq-trigger'],
};

function unmasksKernel(host: BodyObject): boolean {
  return Object.entries(alwaysHidden).some(
    ([key, paths]) => Array.isArray(host[key]) && !paths.every((path) => textsAt(host, key).includes(path)),
  );
}

/** The part that HostConfig and an update body share. */
function resources(host: BodyObject, facts: ComplianceFacts): Partial<Workload> {
  const restart = objectAt(host, 'RestartPolicy');
  const shares = numberAt(host, 'CpuShares');
  return {
    mounts: withRealPaths(hostMounts(host, facts.volumes), facts),
    hasMemoryLimit: numberAt(host, 'Memory') > 0,
    // 1024 is the kernel's default share and limits nothing.
    hasCpuLimit: (shares > 0 && shares !== 1024) || numberAt(host, 'NanoCpus') > 0 || numberAt(host, 'CpuQuota') > 0,
    hasPidsLimit: numberAt(host, 'PidsLimit') > 0,
    restart: { name: textAt(restart, 'Name'), maximumRetries: numberAt(restart, 'MaximumRetryCount') },
    reservesDevices: ['Devices', 'DeviceRequests', 'DeviceCgroupRules'].some((key) => listAt(host, key).length > 0),
    liftsUlimits: liftsUlimits(host),
    cgroupParent: textAt(host, 'CgroupParent'),
    guardedPaths: facts.guardedPaths ?? [],
  };
}

function containerWorkload(create: BodyObject, facts: ComplianceFacts): Workload {
  const host = objectAt(create, 'HostConfig');
  const command = [...textsAt(create, 'Entrypoint'), ...textsAt(create, 'Cmd')];
  const mode = textAt(host, 'NetworkMode');
  return {
    ...nothing,
    ...resources(host, facts),
    kind: 'container',
    isPrivileged: flagAt(host, 'Privileged'),
    user: textAt(create, 'User') === '' ? (facts.image?.user ?? '') : textAt(create, 'User'),
    command: command.length > 0 ? command : (facts.image?.command ?? []),
    environment: [...(facts.image?.environment ?? []), ...textsAt(create, 'Env')],
    addedCapabilities: [...textsAt(host, 'CapAdd'), ...textsAt(host, 'Capabilities')].map(normaliseCapability),
    droppedCapabilities: textsAt(host, 'CapDrop').map(normaliseCapability),
    securityOptions: textsAt(host, 'SecurityOpt'),
    ports: publishedPorts(host),
    publishesAllPorts: flagAt(host, 'PublishAllPorts'),
    networks: [
      mode === '' || mode === 'default' ? 'bridge' : mode,
      ...Object.keys(objectAt(objectAt(create, 'NetworkingConfig'), 'EndpointsConfig')),
    ],
    pidMode: textAt(host, 'PidMode'),
    ipcMode: textAt(host, 'IpcMode'),
    utsMode: textAt(host, 'UTSMode'),
    userNamespaceMode: textAt(host, 'UsernsMode'),
    unmasksKernel: unmasksKernel(host),
    hasReadOnlyRoot: flagAt(host, 'ReadonlyRootfs'),
    hasHealthcheck: hasHealthcheck(create, facts.image),
    imageAgeDays: facts.image?.ageDays,
    imagePorts: facts.image?.exposedPorts,
    hasSELinux: facts.hasSELinux === true,
  };
}

function serviceSecurityOptions(container: BodyObject): string[] {
  const privileges = objectAt(container, 'Privileges');
  const seccomp = objectAt(privileges, 'Seccomp');
  return [
    ...(flagAt(objectAt(privileges, 'SELinuxContext'), 'Disable') ? ['label=disable'] : []),
    ...(textAt(seccomp, 'Mode') === 'unconfined' ? ['seccomp=unconfined'] : []),
    ...(textAt(objectAt(privileges, 'AppArmor'), 'Mode') === 'disabled' ? ['apparmor=unconfined'] : []),
    ...(flagAt(privileges, 'NoNewPrivileges') ? ['no-new-privileges'] : []),
  ];
}

function serviceWorkload(spec: BodyObject, facts: ComplianceFacts): Workload {
  const task = objectAt(spec, 'TaskTemplate');
  const container = objectAt(task, 'ContainerSpec');
  const limits = objectAt(objectAt(task, 'Resources'), 'Limits');
  const restart = objectAt(task, 'RestartPolicy');
  const condition = textAt(restart, 'Condition');
  const command = [...textsAt(container, 'Command'), ...textsAt(container, 'Args')];
  const targets = [...listAt(task, 'Networks'), ...listAt(spec, 'Networks')].map((value) =>
    textAt(asObject(value), 'Target'),
  );
  return {
    ...nothing,
    kind: 'service',
    user: textAt(container, 'User') === '' ? (facts.image?.user ?? '') : textAt(container, 'User'),
    command: command.length > 0 ? command : (facts.image?.command ?? []),
    environment: [...(facts.image?.environment ?? []), ...textsAt(container, 'Env')],
    addedCapabilities: textsAt(container, 'CapabilityAdd').map(normaliseCapability),
    droppedCapabilities: textsAt(container, 'CapabilityDrop').map(normaliseCapability),
    securityOptions: serviceSecurityOptions(container),
    mounts: withRealPaths(hostMounts(container, facts.volumes), facts),
    ports: listAt(objectAt(spec, 'EndpointSpec'), 'Ports').map((value) => {
      const port = numberAt(asObject(value), 'PublishedPort');
      return { hostIp: '', firstHostPort: port, lastHostPort: port, containerPort: '' };
    }),
    networks: targets,
    hasMemoryLimit: numberAt(limits, 'MemoryBytes') > 0,
    hasCpuLimit: numberAt(limits, 'NanoCPUs') > 0,
    hasPidsLimit: numberAt(limits, 'Pids') > 0,
    hasReadOnlyRoot: flagAt(container, 'ReadOnly'),
    // Swarm restarts always unless it is told otherwise.
    restart: {
      name: condition === 'none' ? 'no' : condition === 'on-failure' ? 'on-failure' : 'always',
      maximumRetries: numberAt(restart, 'MaxAttempts'),
    },
    liftsUlimits: liftsUlimits(container),
    hasHealthcheck: hasHealthcheck(container, facts.image),
    imageAgeDays: facts.image?.ageDays,
    imagePorts: facts.image?.exposedPorts,
    hasSELinux: facts.hasSELinux === true,
    guardedPaths: facts.guardedPaths ?? [],
  };
}

/** The view of a canonical body, or undefined when compliance checks have nothing to say about the action. */
export function toWorkload(
  action: string,
  body: BodyValue | undefined,
  facts: ComplianceFacts = {},
): Workload | undefined {
  const object = asObject(body);
  switch (action) {
    case 'container_create':
      return containerWorkload(object, facts);
    case 'service_create':
    case 'service_update':
      return serviceWorkload(object, facts);
    case 'container_update':
      return { ...nothing, ...resources(object, facts), kind: 'update' };
    case 'container_exec_create':
      return {
        ...nothing,
        isPrivileged: flagAt(object, 'Privileged'),
        user: textAt(object, 'User'),
        command: textsAt(object, 'Cmd'),
        environment: textsAt(object, 'Env'),
      };
    case 'volume_create':
      return {
        ...nothing,
        kind: 'update',
        mounts: withRealPaths(hostMounts(mountHolderOf(action, object) ?? {}, facts.volumes), facts),
        guardedPaths: facts.guardedPaths ?? [],
      };
    default:
      return undefined;
  }
}

/** The view of an image build, by its query. What its Dockerfile runs is not seen. */
export function toBuildWorkload(parameter: (name: string) => string): Workload {
  return { ...nothing, kind: 'build', networks: [parameter('networkmode')], cgroupParent: parameter('cgroupparent') };
}
