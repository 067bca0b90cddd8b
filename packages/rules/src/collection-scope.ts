// Collections as scopes of rules: which hosts, containers, images and labels a rule is for.
// Invariant: the fields of a collection are ANDed, the patterns within a field ORed; a field that is `*` or omitted
// matches a target that has no such thing, any other field does not.
import { imageSpellings, toCanonicalImageName } from './image-name.ts';
import { compilePatterns, matchesPatterns, type PatternList } from './pattern.ts';

/** The part of a collection that rules look at. An omitted list means everything (`["*"]`). */
export interface CollectionScope {
  readonly name: string;
  readonly hosts?: readonly string[] | undefined;
  readonly clusters?: readonly string[] | undefined;
  readonly accountIDs?: readonly string[] | undefined;
  readonly containers?: readonly string[] | undefined;
  readonly images?: readonly string[] | undefined;
  /** `key:value`. */
  readonly labels?: readonly string[] | undefined;
  readonly namespaces?: readonly string[] | undefined;
}

/** What a scope is matched against. */
export interface ScopeFacts {
  readonly hostname: string;
  readonly fqdn?: string | undefined;
  readonly cluster?: string | undefined;
  readonly accountID?: string | undefined;
  /** With or without the leading slash. */
  readonly containerName?: string | undefined;
  /** As the request or the container names it. */
  readonly imageName?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly namespace?: string | undefined;
  /** The call names a container or image that could not be looked up: scoped denials then apply, scoped permits don't. */
  readonly isUnresolved?: boolean | undefined;
}

/** A collection, ready to match. */
export interface CompiledScope {
  readonly name: string;
  readonly matchesAll: boolean;
  readonly host: PatternList;
  readonly cluster: PatternList;
  readonly accountID: PatternList;
  readonly container: PatternList;
  readonly image: PatternList;
  readonly label: PatternList;
  readonly namespace: PatternList;
}

/** The built-in collection of everything. */
export const allCollection: CollectionScope = { name: 'All' };

function compileImages(sources: readonly string[] | undefined): PatternList {
  // A plain name stands for the image in every spelling; a pattern with a wildcard is matched against each spelling.
  const spelled = sources?.flatMap((source) => {
    const bare = source.startsWith('-') ? source.slice(1) : source;
    return source.includes('*')
      ? [source]
      : [source, `${source.startsWith('-') ? '-' : ''}${toCanonicalImageName(bare)}`];
  });
  return compilePatterns(spelled, 'ignore-case');
}

/** Makes a collection ready to match. */
export function compileScope(collection: CollectionScope): CompiledScope {
  const host = compilePatterns(collection.hosts, 'ignore-case');
  const cluster = compilePatterns(collection.clusters, 'ignore-case');
  const accountID = compilePatterns(collection.accountIDs, 'ignore-case');
  const container = compilePatterns(
    collection.containers?.map((source) => source.replace(/^(-?\*?)\//, '$1')),
    'ignore-case',
  );
  const image = compileImages(collection.images);
  const label = compilePatterns(collection.labels, 'ignore-case');
  const namespace = compilePatterns(collection.namespaces, 'ignore-case');
  const lists = [host, cluster, accountID, container, image, label, namespace];
  return {
    name: collection.name,
    matchesAll: lists.every((list) => list.matchesAll),
    host,
    cluster,
    accountID,
    container,
    image,
    label,
    namespace,
  };
}

/** `maybe`: it would depend on facts that could not be looked up. */
export type ScopeMatch = 'yes' | 'no' | 'maybe';

const values = (value: string | undefined): readonly string[] => (value === undefined || value === '' ? [] : [value]);

/** Whether a target lies in a collection. */
export function matchScope(scope: CompiledScope, facts: ScopeFacts): ScopeMatch {
  if (scope.matchesAll) return 'yes';
  if (!matchesPatterns(scope.host, [...values(facts.hostname), ...values(facts.fqdn)])) return 'no';
  if (!matchesPatterns(scope.cluster, values(facts.cluster))) return 'no';
  if (!matchesPatterns(scope.accountID, values(facts.accountID))) return 'no';
  if (facts.isUnresolved === true) {
    const needsTarget = [scope.container, scope.image, scope.label, scope.namespace].some((list) => !list.matchesAll);
    return needsTarget ? 'maybe' : 'yes';
  }
  if (!matchesPatterns(scope.namespace, values(facts.namespace))) return 'no';
  const { container, image, label } = scope;
  const name = facts.containerName;
  if (!container.matchesAll && !matchesPatterns(container, values(name?.startsWith('/') ? name.slice(1) : name))) {
    return 'no';
  }
  const { imageName } = facts;
  if (!image.matchesAll && !matchesPatterns(image, values(imageName).flatMap(imageSpellings))) return 'no';
  if (!label.matchesAll) {
    const labels = Object.entries(facts.labels ?? {}).map(([key, value]) => `${key}:${value}`);
    if (!matchesPatterns(label, labels)) return 'no';
  }
  return 'yes';
}
