// The compliance checks, by the number of their CIS Docker Benchmark recommendation (5.4 is 54) or their own (59x).
// Invariant: a check judges from the workload alone and is a statement about it; numbers never change their meaning.
import { exposesControl, exposesSensitive } from '../host-path.ts';
import type { Workload } from './workload.ts';

/** One check. */
export interface ComplianceCheck {
  readonly id: number;
  /** What must hold. */
  readonly title: string;
  /** What to do when it does not. */
  readonly remediation: string;
  /** Kinds of workload it speaks about. */
  readonly appliesTo: readonly Workload['kind'][];
  /** Judged in full only with facts of the image. */
  readonly usesImage: boolean;
  /** What is wrong, in a few words, or undefined when nothing is. Never holds values of the environment. */
  find(workload: Workload): string | undefined;
}

const started = ['container', 'service'] as const;
const changed = ['container', 'service', 'update'] as const;

/** The capabilities that a container has without asking. */
const defaultCapabilities: ReadonlySet<string> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

/** True for every spelling of uid 0 or root, with or without a group. */
function isRoot(user: string): boolean {
  const name = user.split(':')[0] ?? '';
  return name === 'root' || /^\+?0+$/.test(name);
}

/** The value of a security option in its `=` or its `:` spelling; undefined when it is not there. */
function securityOption(workload: Workload, name: string): string | undefined {
  for (const option of workload.securityOptions) {
    if (option === name) return 'true';
    if (option.startsWith(`${name}=`) || option.startsWith(`${name}:`)) return option.slice(name.length + 1);
  }
  return undefined;
}

function hasSecurityOption(workload: Workload, name: string, value: string): boolean {
  return workload.securityOptions.some((option) => option === `${name}=${value}` || option === `${name}:${value}`);
}

function allowsEverySyscall(profile: string): boolean {
  return profile === 'unconfined' || /"defaultAction"\s*:\s*"SCMP_ACT_(ALLOW|LOG)"/i.test(profile);
}

const secretName =
  /((^|[_.-])pass|password|passwd|passphrase|secret|token|credential|api_?key|access_?key|private_?key|auth_?key)s?$/i;
const secretValue =
  /^(AKIA[0-9A-Z]{16}$|gh[pousr]_\w{20,}|xox[abprs]-|-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[\w-]{10,}\.eyJ)/;
const weakEnvironment: readonly RegExp[] = [
  /^\w*ALLOW_EMPTY(_ROOT)?_PASSWORD=(1|yes|true)$/i,
  /^POSTGRES_HOST_AUTH_METHOD=trust$/i,
  /^\w*(PASSWORD|PASSWD)=(admin|root|password|changeme|guest|test|123456|postgres|mysql)$/i,
  /^xpack\.security\.enabled=false$/i,
  /^DISABLE_(AUTH|SECURITY(_PLUGIN)?)=(1|yes|true)$/i,
  /^NODE_TLS_REJECT_UNAUTHORIZED=0$/,
];
const weakArguments: readonly RegExp[] = [
  /^--?noauth$/,
  /^--protected-mode(=|\s+)no\b/,
  /^--skip-grant-tables$/,
  /^--insecure$/,
  /^--anonymous-auth(=true)?$/,
];

function weakSetting(workload: Workload): string | undefined {
  if (workload.environment.some((entry) => weakEnvironment.some((pattern) => pattern.test(entry)))) {
    return 'the environment turns authentication off or sets a well-known password';
  }
  const command = workload.command;
  const isWeak = command.some((word, at) => {
    const pair = `${word} ${command[at + 1] ?? ''}`;
    return weakArguments.some((pattern) => pattern.test(word) || pattern.test(pair));
  });
  return isWeak ? 'the command turns authentication off' : undefined;
}

function exposedSecret(environment: readonly string[]): string | undefined {
  for (const entry of environment) {
    const equals = entry.indexOf('=');
    const name = equals < 0 ? entry : entry.slice(0, equals);
    const value = equals < 0 ? '' : entry.slice(equals + 1);
    if (value !== '' && (secretName.test(name) || secretValue.test(value)))
      return `the variable ${name} holds a secret`;
  }
  return undefined;
}

/** Whether a word of the command is an SSH server, or a shell line that starts one. */
const runsSshd = (workload: Workload): boolean =>
  workload.command.some((word) => /(^|[\s/;&|])(sshd|dropbear)($|[\s;&|])/.test(word));

type Finder = ComplianceCheck['find'];
const whenever =
  (condition: (workload: Workload) => boolean, text: string): Finder =>
  (workload) =>
    condition(workload) ? text : undefined;

function check(
  id: number,
  title: string,
  remediation: string,
  find: Finder,
  options: { appliesTo?: ComplianceCheck['appliesTo']; usesImage?: boolean } = {},
): ComplianceCheck {
  return {
    id,
    title,
    remediation,
    find,
    appliesTo: options.appliesTo ?? started,
    usesImage: options.usesImage ?? false,
  };
}

/** Every check, in order of its number as text: 51 … 59, 510 … 531, 596 … 599. */
export const complianceChecks: readonly ComplianceCheck[] = [
  check(
    51,
    'An AppArmor profile confines the container',
    'Remove --security-opt apparmor=unconfined.',
    whenever((w) => hasSecurityOption(w, 'apparmor', 'unconfined'), 'AppArmor is switched off'),
  ),
  check(
    52,
    'SELinux labels confine the container',
    'Remove --security-opt label=disable; on SELinux hosts set a label type.',
    (w) =>
      hasSecurityOption(w, 'label', 'disable')
        ? 'SELinux labels are switched off'
        : w.hasSELinux && w.kind === 'container' && securityOption(w, 'label') === undefined
          ? 'no SELinux label is set'
          : undefined,
  ),
  check(
    53,
    'No capabilities beyond the default set are added',
    'Remove --cap-add, or add only what the program needs.',
    (w) => {
      const added = w.addedCapabilities.filter((name) => !defaultCapabilities.has(name));
      return added.length === 0 ? undefined : `capabilities are added: ${added.join(', ')}`;
    },
  ),
  check(
    54,
    'The container is not privileged',
    'Remove --privileged; add the single capability or device that is needed.',
    whenever((w) => w.isPrivileged, 'the container is privileged'),
  ),
  check(
    55,
    'No sensitive host directory is mounted',
    'Mount only the directory that the program needs, not a system directory.',
    (w) => {
      if (w.unmasksKernel) return 'paths of /proc or /sys that the engine hides are laid open';
      const mount = w.mounts.find(
        (each) => each.kind === 'bind' && exposesSensitive(each.source, each.isReadOnly, w.guardedPaths),
      );
      return mount === undefined ? undefined : `a sensitive host path is mounted: ${mount.source}`;
    },
    { appliesTo: changed },
  ),
  check(
    56,
    'No SSH server runs in the container',
    'Use docker exec instead of an SSH server.',
    whenever(runsSshd, 'the command starts an SSH server'),
    { appliesTo: ['container', 'service', 'exec'], usesImage: true },
  ),
  check(57, 'No privileged host port is published', 'Publish on a port above 1023.', (w) => {
    const port = w.ports.find((each) => each.firstHostPort > 0 && each.firstHostPort < 1024);
    return port === undefined ? undefined : `host port ${port.firstHostPort} is published`;
  }),
  check(
    58,
    'Only the ports that are needed are published',
    'Publish single ports with -p instead of all with -P.',
    (w) => {
      if (w.publishesAllPorts) return 'all exposed ports are published';
      const extra = w.ports.find(
        (each) => w.imagePorts !== undefined && each.containerPort !== '' && !w.imagePorts.includes(each.containerPort),
      );
      return extra === undefined
        ? undefined
        : `port ${extra.containerPort}, which the image does not expose, is published`;
    },
    { usesImage: true },
  ),
  check(
    59,
    "The host's network namespace is not shared",
    'Remove --network host.',
    whenever((w) => w.networks.includes('host'), "the host's network is used"),
    { appliesTo: ['container', 'service', 'build'] },
  ),
  check(
    510,
    'Memory is limited',
    'Set --memory.',
    whenever((w) => !w.hasMemoryLimit, 'memory is not limited'),
  ),
  check(
    511,
    'CPU is limited',
    'Set --cpus or --cpu-shares.',
    whenever((w) => !w.hasCpuLimit, 'CPU is not limited'),
  ),
  check(
    512,
    'The root file system is read-only',
    'Set --read-only and write to volumes.',
    whenever((w) => !w.hasReadOnlyRoot, 'the root file system is writable'),
  ),
  check(513, 'Published ports are bound to one interface', 'Publish with an address: -p 127.0.0.1:8080:80.', (w) => {
    const port = w.ports.find((each) => each.hostIp === '' || each.hostIp === '0.0.0.0' || each.hostIp === '::');
    return port === undefined ? undefined : 'a port is published on every interface';
  }),
  check(
    514,
    'Restarts end after five failures',
    'Set --restart on-failure:5.',
    ({ restart }) =>
      restart.name === '' ||
      restart.name === 'no' ||
      (restart.name === 'on-failure' && restart.maximumRetries > 0 && restart.maximumRetries <= 5)
        ? undefined
        : 'restarts are not limited to five',
    { appliesTo: changed },
  ),
  check(
    515,
    "The host's process namespace is not shared",
    'Remove --pid host.',
    whenever((w) => w.pidMode === 'host', "the host's processes are shared"),
  ),
  check(
    516,
    "The host's IPC namespace is not shared",
    'Remove --ipc host.',
    whenever((w) => w.ipcMode === 'host', "the host's IPC is shared"),
  ),
  check(
    517,
    'No host devices are handed in',
    'Remove --device, --gpus and device rules, or name the one device that is needed.',
    (w) =>
      w.reservesDevices || w.mounts.some((mount) => mount.kind === 'device') ? 'host devices are handed in' : undefined,
    { appliesTo: changed },
  ),
  check(
    518,
    'Default resource limits (ulimits) are not lifted',
    'Remove --ulimit with -1.',
    whenever((w) => w.liftsUlimits, 'a ulimit is set to unlimited'),
    { appliesTo: changed },
  ),
  check(
    519,
    'No mount propagates to the host',
    'Remove :shared and :rshared from mounts.',
    whenever((w) => w.mounts.some((mount) => /^r?shared$/.test(mount.propagation)), 'a mount is shared with the host'),
    { appliesTo: changed },
  ),
  check(
    520,
    "The host's UTS namespace is not shared",
    'Remove --uts host.',
    whenever((w) => w.utsMode === 'host', "the host's name space (UTS) is shared"),
  ),
  check(
    521,
    'The default seccomp profile is not switched off',
    'Remove --security-opt seccomp=unconfined.',
    whenever((w) => allowsEverySyscall(securityOption(w, 'seccomp') ?? ''), 'seccomp is switched off'),
  ),
  check(
    522,
    'docker exec is not privileged',
    'Remove --privileged from docker exec.',
    whenever((w) => w.isPrivileged, 'the exec is privileged'),
    { appliesTo: ['exec'] },
  ),
  check(
    523,
    'docker exec does not run as root',
    'Remove --user root from docker exec.',
    whenever((w) => isRoot(w.user), 'the exec runs as root'),
    { appliesTo: ['exec'] },
  ),
  check(
    524,
    'The default cgroup is used',
    'Remove --cgroup-parent.',
    whenever((w) => w.cgroupParent !== '', 'another cgroup parent is set'),
    { appliesTo: [...changed, 'build'] },
  ),
  check(
    525,
    'The container cannot gain privileges',
    'Set --security-opt no-new-privileges.',
    whenever(
      (w) => !['true', '1'].includes((securityOption(w, 'no-new-privileges') ?? '').toLowerCase()),
      'new privileges can be gained',
    ),
  ),
  check(
    526,
    'Health is checked at run time',
    'Set --health-cmd, or HEALTHCHECK in the image.',
    whenever((w) => !w.hasHealthcheck, 'there is no health check'),
    { usesImage: true },
  ),
  check(
    527,
    'The image is recent',
    'Pull or rebuild the image; it was built more than 180 days ago.',
    whenever((w) => (w.imageAgeDays ?? 0) > 180, 'the image is older than 180 days'),
    { usesImage: true },
  ),
  check(
    528,
    'The number of processes is limited',
    'Set --pids-limit.',
    whenever((w) => !w.hasPidsLimit, 'processes are not limited'),
  ),
  check(
    529,
    "Docker's default bridge is not used",
    'Create a network and use --network NAME.',
    whenever((w) => w.networks.includes('bridge') && !w.networks.includes('none'), 'the default bridge is used'),
  ),
  check(
    530,
    "The host's user namespace is not shared",
    'Remove --userns host.',
    whenever((w) => w.userNamespaceMode === 'host', "the host's user namespace is used"),
  ),
  check(
    531,
    'No control socket of the host is mounted',
    'Remove the mount of docker.sock or of the directory that holds it.',
    (w) => {
      const mount = w.mounts.find((each) => each.kind === 'bind' && exposesControl(each.source, w.guardedPaths));
      return mount === undefined ? undefined : `a control socket can be reached through ${mount.source}`;
    },
    { appliesTo: changed },
  ),
  check(
    596,
    'Raw network packets cannot be made (NET_RAW)',
    'Set --cap-drop NET_RAW.',
    whenever(
      (w) =>
        w.isPrivileged ||
        w.addedCapabilities.some((name) => name === 'NET_RAW' || name === 'ALL') ||
        !w.droppedCapabilities.some((name) => name === 'NET_RAW' || name === 'ALL'),
      'the container has NET_RAW',
    ),
  ),
  check(
    597,
    'No secrets are in environment variables',
    'Use a secret file, or a variable that ends in _FILE.',
    (w) => exposedSecret(w.environment),
    { appliesTo: ['container', 'service', 'exec'], usesImage: true },
  ),
  check(598, 'The program is not started with weak settings', 'Set a password; leave authentication on.', weakSetting, {
    usesImage: true,
  }),
  check(
    599,
    'The container does not run as root',
    'Set --user, or USER in the image.',
    whenever((w) => w.user === '' || isRoot(w.user), 'the container runs as root'),
    { usesImage: true },
  ),
];
