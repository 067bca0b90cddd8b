// The host paths and devices that a request body wants inside a container, for rules with a device condition.
// Invariant: paths come lexically cleaned, as the engine cleans them; what is no absolute path is a volume's name.
import { posix } from 'node:path';
import { member } from './request-summary.ts';

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

/** Absolute host paths of binds, bind mounts and devices; none when there is no body. */
export function hostPathsOf(body: unknown): readonly string[] {
  if (body === undefined) return [];
  const hostConfig = member(body, 'HostConfig');
  const paths = texts(member(hostConfig, 'Binds')).map((bind) => bind.split(':', 1)[0] ?? '');
  for (const [list, field] of [
    ['Mounts', 'Source'],
    ['Devices', 'PathOnHost'],
  ] as const) {
    const items = member(hostConfig, list);
    if (Array.isArray(items)) for (const item of items) paths.push(...texts([member(item, field)]));
  }
  return paths.filter((path) => path.startsWith('/')).map((path) => posix.normalize(path));
}
