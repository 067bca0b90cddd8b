// Whether an access event falls into a collection. Pure; the matching rules are the vendor's: case-insensitive, `*` at the ends,
// `-` excludes and is tested first, values of a field are alternatives, all fields must hold.
import type { AccessEvent } from '@dockledger/contract';
import type { Collection } from './collection.ts';

/** True when every field of the collection takes the event. A field that is left out takes everything. */
export function isInCollection(event: AccessEvent, collection: Collection): boolean {
  const { target, host } = event;
  const name = target.containerName ?? '';
  return (
    takes(collection.containers, [name.replace(/^\//, ''), name]) &&
    takes(collection.images, [toCanonicalImage(target.imageName ?? ''), target.imageName ?? '']) &&
    takes(collection.hosts, [host.hostname, host.fqdn]) &&
    takes(collection.clusters, [host.cluster]) &&
    takes(collection.accountIDs, [host.accountID]) &&
    takes(collection.namespaces, [target.namespace ?? '']) &&
    takes(
      collection.labels,
      Object.entries(target.labels ?? {}).map(([key, value]) => `${key}:${value}`),
    ) &&
    // Kinds of resource that no event of ours has: naming them gives an empty view.
    takes(collection.appIDs, []) &&
    takes(collection.functions, []) &&
    takes(collection.codeRepos, [])
  );
}

/** True when one of the values fits the patterns of a field and none is excluded. */
export function takes(patterns: readonly string[] | undefined, values: readonly string[]): boolean {
  if (patterns === undefined || patterns.length === 0) return true;
  const excluding = patterns.filter((pattern) => pattern.startsWith('-')).map((pattern) => pattern.slice(1));
  if (excluding.some((pattern) => values.some((value) => fits(pattern, value)))) return false;
  const including = patterns.filter((pattern) => !pattern.startsWith('-'));
  return including.some((pattern) => pattern === '*' || values.some((value) => fits(pattern, value)));
}

/** True when the value fits one pattern: `x*` starts with, `*x` ends with, `*x*` holds, `x` equals. */
export function fits(pattern: string, value: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), value.toLowerCase()];
  const [open, end] = [wanted.startsWith('*'), wanted.endsWith('*')];
  const core = wanted.slice(open ? 1 : 0, end && wanted.length > 1 ? -1 : undefined);
  if (open && end) return given.includes(core);
  if (open) return given.endsWith(core);
  return end ? given.startsWith(core) : given === core;
}

/** The image's full name: Docker Hub's short names get their registry and namespace, a missing tag becomes `latest`. */
export function toCanonicalImage(name: string): string {
  if (name === '' || name.startsWith('sha256:')) return name;
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === 'localhost';
  const full = hasRegistry ? name : `docker.io/${slash < 0 ? 'library/' : ''}${name}`;
  const last = full.slice(full.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? full : `${full}:latest`;
}
