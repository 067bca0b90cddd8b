// What a request takes from the host into a container: bind mounts in every spelling, volumes that are binds in
// disguise, devices. Invariant: a path reaches the list however it was written; paths are cleaned.

import { asObject, flagAt, listAt, objectAt, textAt, textMapAt, textsAt } from './body-access.ts';
import type { BodyObject, BodyValue } from './body-schema.ts';
import { cleanHostPath } from './host-path.ts';

/** One thing of the host that a container gets. */
export interface HostMount {
  /** `bind`: a path. `device`: a device node or a file system on one. `network`: a remote file system. */
  readonly kind: 'bind' | 'device' | 'network';
  /** Cleaned host path; for `network` the device text as given. */
  readonly source: string;
  readonly isReadOnly: boolean;
  /** As given: `rshared`, `shared`, `rslave`, …; empty when not given. */
  readonly propagation: string;
}

/** How the engine describes a volume: what an inspect answers. */
export interface VolumeFacts {
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Looks up a named volume; undefined when the engine has none of that name. */
export type VolumeLookup = (name: string) => VolumeFacts | undefined;

const noVolumes: VolumeLookup = () => undefined;
const propagations = new Set(['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate']);

function pathsInOptions(options: string): string[] {
  // Overlay and the like name host directories in their options: lowerdir=/a:/b,upperdir=/c.
  return options
    .split(',')
    .flatMap((option) => option.slice(option.indexOf('=') + 1).split(':'))
    .filter((value) => value.startsWith('/'));
}

/** What a volume of these options takes from the host: nothing for an ordinary one. Only `local` mounts by options. */
export function volumeMounts(driver: string, options: ReadonlyMap<string, string>, isReadOnly: boolean): HostMount[] {
  if (driver !== '' && driver !== 'local') return [];
  const type = (options.get('type') ?? '').trim().toLowerCase();
  const device = options.get('device') ?? '';
  const flags = (options.get('o') ?? '').split(',').map((flag) => flag.trim().toLowerCase());
  const readOnly = isReadOnly || flags.includes('ro');
  const propagation = flags.find((flag) => propagations.has(flag)) ?? '';
  const isBind = flags.some((flag) => flag === 'bind' || flag === 'rbind') || type === 'none' || type === 'bind';
  const mounts: HostMount[] = [];
  if (device !== '' && type !== 'tmpfs') {
    if (isBind || device.startsWith('/')) {
      const source = cleanHostPath(device);
      mounts.push({ kind: isBind ? 'bind' : 'device', source, isReadOnly: readOnly, propagation });
    } else if (type !== 'overlay') {
      mounts.push({ kind: 'network', source: device, isReadOnly: readOnly, propagation });
    }
  }
  for (const path of pathsInOptions(options.get('o') ?? '')) {
    mounts.push({ kind: 'bind', source: cleanHostPath(path), isReadOnly: readOnly, propagation });
  }
  return mounts;
}

function namedVolume(name: string, isReadOnly: boolean, lookup: VolumeLookup): HostMount[] {
  const volume = name === '' ? undefined : lookup(name);
  return volume === undefined ? [] : volumeMounts(volume.driver, new Map(Object.entries(volume.options)), isReadOnly);
}

function bindMounts(bind: string, lookup: VolumeLookup): HostMount[] {
  const [source = '', target, mode = ''] = bind.split(':');
  if (target === undefined) return [];
  const flags = mode.split(',').map((flag) => flag.trim().toLowerCase());
  const isReadOnly = flags.includes('ro') || flags.includes('readonly');
  if (!source.startsWith('/')) return namedVolume(source, isReadOnly, lookup);
  const propagation = flags.find((flag) => propagations.has(flag)) ?? '';
  return [{ kind: 'bind', source: cleanHostPath(source), isReadOnly, propagation }];
}

function mountMounts(value: BodyValue, lookup: VolumeLookup): HostMount[] {
  const mount = asObject(value);
  const isReadOnly = flagAt(mount, 'ReadOnly');
  const source = textAt(mount, 'Source');
  if (textAt(mount, 'Type') === 'bind') {
    const propagation = textAt(objectAt(mount, 'BindOptions'), 'Propagation');
    return [{ kind: 'bind', source: cleanHostPath(source), isReadOnly, propagation }];
  }
  const driver = objectAt(objectAt(mount, 'VolumeOptions'), 'DriverConfig');
  return [
    ...volumeMounts(textAt(driver, 'Name'), textMapAt(driver, 'Options'), isReadOnly),
    ...(textAt(mount, 'Type') === 'volume' ? namedVolume(source, isReadOnly, lookup) : []),
  ];
}

/** What a HostConfig, or a service's ContainerSpec, takes from the host. */
export function hostMounts(hostConfig: BodyObject, lookup: VolumeLookup = noVolumes): readonly HostMount[] {
  return [
    ...textsAt(hostConfig, 'Binds').flatMap((bind) => bindMounts(bind, lookup)),
    ...listAt(hostConfig, 'Mounts').flatMap((mount) => mountMounts(mount, lookup)),
    ...listAt(hostConfig, 'Devices').map((value): HostMount => {
      const device = asObject(value);
      const permissions = textAt(device, 'CgroupPermissions');
      return {
        kind: 'device',
        source: cleanHostPath(textAt(device, 'PathOnHost')),
        isReadOnly: permissions !== '' && !permissions.includes('w'),
        propagation: '',
      };
    }),
  ];
}

/** The names of the volumes that a HostConfig or ContainerSpec uses, each once: to look up before judging. */
export function namedVolumes(hostConfig: BodyObject): readonly string[] {
  const fromBinds = textsAt(hostConfig, 'Binds')
    .map((bind) => bind.split(':'))
    .filter((parts) => parts.length > 1 && parts[0]?.startsWith('/') === false)
    .map((parts) => parts[0] ?? '');
  const fromMounts = listAt(hostConfig, 'Mounts')
    .map(asObject)
    .filter((mount) => textAt(mount, 'Type') === 'volume')
    .map((mount) => textAt(mount, 'Source'));
  return [...new Set([...fromBinds, ...fromMounts])].filter((name) => name !== '');
}

/**
 * Where a canonical body says what it mounts, in the form that {@link hostMounts} reads: of a create, an update, a
 * service or a volume. Undefined for other actions.
 */
export function mountHolderOf(action: string, body: BodyValue | undefined): BodyObject | undefined {
  const object = asObject(body);
  switch (action) {
    case 'container_create':
      return objectAt(object, 'HostConfig');
    case 'container_update':
      return object;
    case 'service_create':
    case 'service_update':
      return objectAt(objectAt(object, 'TaskTemplate'), 'ContainerSpec');
    case 'volume_create': {
      const Options = Object.fromEntries(textMapAt(object, 'DriverOpts'));
      return {
        Mounts: [{ Type: 'volume', VolumeOptions: { DriverConfig: { Name: textAt(object, 'Driver'), Options } } }],
      };
    }
    default:
      return undefined;
  }
}

/** The containers whose mounts a create takes over, as it names them, without their mode. */
export function mountDonors(hostConfig: BodyObject): readonly string[] {
  const names = textsAt(hostConfig, 'VolumesFrom').map((entry) => entry.replace(/:[^:]*$/, ''));
  return [...new Set(names)].filter((name) => name !== '');
}

/**
 * The host paths and devices in a canonical body, for an access rule's device condition: of a create, an update, a
 * service or a volume. Empty for other actions.
 */
export function hostPathsOf(action: string, body: BodyValue | undefined, lookup?: VolumeLookup): readonly string[] {
  const holder = mountHolderOf(action, body);
  return holder === undefined ? [] : [...new Set(hostMounts(holder, lookup).map((mount) => mount.source))];
}
