// The names under which one image reference may be written.
// Invariant: `alpine`, `alpine:latest`, `docker.io/library/alpine` and `index.docker.io/library/alpine` are one image.

/** An image reference in parts, as the engine normalises it. */
export interface ImageName {
  /** Registry host, `docker.io` by default. */
  readonly registry: string;
  /** Path without registry, tag and digest, for instance `library/alpine`. */
  readonly repository: string;
  /** Empty when the reference has a digest and no tag. Defaults to `latest`. */
  readonly tag: string;
  /** `sha256:…`, empty when there is none. */
  readonly digest: string;
}

/** Reads a reference as the engine does. Never throws: what is no reference comes back as an odd repository. */
export function parseImageName(reference: string): ImageName {
  const at = reference.indexOf('@');
  const digest = at < 0 ? '' : reference.slice(at + 1);
  let rest = at < 0 ? reference : reference.slice(0, at);
  let registry = 'docker.io';
  const slash = rest.indexOf('/');
  if (slash > 0) {
    const first = rest.slice(0, slash);
    if (first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first) {
      registry = first === 'index.docker.io' ? 'docker.io' : first;
      rest = rest.slice(slash + 1);
    }
  }
  const colon = rest.lastIndexOf(':');
  const hasTag = colon > rest.lastIndexOf('/');
  const repository = hasTag ? rest.slice(0, colon) : rest;
  return {
    registry,
    repository: registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository,
    tag: hasTag ? rest.slice(colon + 1) : digest === '' ? 'latest' : '',
    digest,
  };
}

/** The full name: registry, repository, tag and digest. */
export function toCanonicalImageName(reference: string): string {
  const { registry, repository, tag, digest } = parseImageName(reference);
  return `${registry}/${repository}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`;
}

/** Every spelling that a pattern may be written for: as given, in full, and as people shorten it. */
export function imageSpellings(reference: string): readonly string[] {
  const full = toCanonicalImageName(reference);
  const short = full.replace(/^docker\.io\/(library\/)?/, '');
  return reference === full ? [full, short] : reference === short ? [full, short] : [reference, full, short];
}
