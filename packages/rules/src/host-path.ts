// Host paths as the engine reads them, and which of them give a container power over the host.
// Invariant: paths are cleaned lexically as Go's path.Clean does before they are compared, and compared as prefixes in
// both directions: who mounts an ancestor mounts what is inside.

/** Cleans an absolute path: no empty, `.` or `..` element, no trailing slash; `/var/run` is `/run`. */
export function cleanHostPath(path: string): string {
  const elements: string[] = [];
  for (const element of path.split('/')) {
    if (element === '..') elements.pop();
    else if (element !== '' && element !== '.') elements.push(element);
  }
  if (elements[0] === 'var' && elements[1] === 'run') elements.shift();
  return `/${elements.join('/')}`;
}

/** True when `inner` is `outer` or lies in it. Both cleaned. */
export function isWithin(outer: string, inner: string): boolean {
  return outer === '/' || inner === outer || inner.startsWith(`${outer}/`);
}

/** Sockets and directories through which one commands the engine, the runtime, systemd or the guard. */
export const controlPaths: readonly string[] = [
  '/run/docker.sock',
  '/run/docker',
  '/run/dockledger',
  '/run/containerd',
  '/run/podman',
  '/run/crio',
  '/run/systemd/private',
  '/run/systemd/notify',
  '/run/dbus',
];

/** Directories whose contents run, configure or give away the host. */
export const sensitivePaths: readonly string[] = [
  '/boot',
  '/dev',
  '/etc',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/proc',
  '/sys',
  '/usr',
  '/root',
  '/run/systemd',
  '/run/dbus',
  '/run/docker',
  '/run/containerd',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/lib/dockledger',
  '/var/log/audit',
  '/var/spool/cron',
];

/** What is commonly mounted from those directories, does no harm and is no secret; when mounted read-only. */
const harmlessWhenReadOnly: ReadonlySet<string> = new Set([
  '/etc/localtime',
  '/etc/timezone',
  '/etc/ssl/certs',
  '/etc/ca-certificates',
  '/usr/share/ca-certificates',
  '/usr/share/zoneinfo',
  '/lib/modules',
]);

/** True when mounting `path` (cleaned) hands out a control socket or a directory that holds one. */
export function exposesControl(path: string, more: readonly string[] = []): boolean {
  // Where /var/run is a directory of its own, /var holds the sockets.
  if (path === '/var') return true;
  return [...controlPaths, ...more].some((control) => isWithin(path, control) || isWithin(control, path));
}

/** True when mounting `path` (cleaned) hands out a sensitive directory, a part of one, or what holds one. */
export function exposesSensitive(path: string, isReadOnly: boolean, more: readonly string[] = []): boolean {
  if (isReadOnly && harmlessWhenReadOnly.has(path)) return false;
  if (/^\/home(\/[^/]+(\/\.ssh(\/.*)?)?)?$/.test(path)) return true;
  return [...sensitivePaths, ...more].some((sensitive) => isWithin(path, sensitive) || isWithin(sensitive, path));
}
