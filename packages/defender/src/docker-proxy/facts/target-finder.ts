// Finds what a request names: full id, name with its slash, image and labels, asked of the engine before judging.
// Invariant: nothing is cached: a name that was deleted, made again or renamed since is always asked anew.
import type { Target } from '@dockledger/contract';
import { type BodyValue, queryValue } from '@dockledger/rules';
import type { Caller } from '../../ports.ts';
import type { EnginePool } from '../engine-pool.ts';
import type { ClassifiedRequest, FactsUnavailable, FoundFacts, TargetFinder } from '../proxy-context.ts';
import { member } from '../request-summary.ts';
import { type EngineAnswer, type PassMark, queryEngine } from './engine-query.ts';
import { targetOf } from './request-target.ts';
import { execBody, findMountFacts, imageFacts } from './workload-facts.ts';

/** Options of {@link createTargetFinder}. */
export interface TargetFinderOptions {
  readonly pool: EnginePool;
  readonly passMark?: PassMark;
  /**
   * True while an exec may be started only by the user who made it. Asked for each start. Defaults to never.
   */
  readonly guardsExecs?: () => boolean;
  /**
   * True while rules look into bodies, so that images, volumes, inherited mounts and real paths must be looked up.
   * Asked for each call. Defaults to never.
   */
  readonly needsWorkload?: () => boolean;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
}

/** The most exec creators remembered; the oldest are forgotten first. */
const maxExecs = 10_000;

/** Calls that act on an image that is there already. */
const imageWrites = new Set(['image_tag', 'image_push', 'image_delete']);

/** Calls whose bodies may take something from the host. */
const looksIntoBody = new Set([
  'container_create',
  'container_update',
  'service_create',
  'service_update',
  'volume_create',
]);

const kubernetesNamespace = 'io.kubernetes.pod.namespace';

type Found = FoundFacts | FactsUnavailable;

function textOf(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** String values of a labels object. */
export function labelsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const labels = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return labels.length === 0 ? undefined : Object.fromEntries(labels);
}

/** The target fields of `GET /containers/x/json`. */
export function containerTarget(inspected: unknown): Target {
  const labels = labelsOf(member(member(inspected, 'Config'), 'Labels'));
  const namespace = labels?.[kubernetesNamespace];
  return {
    kind: 'container',
    ...optional('containerId', textOf(inspected, 'Id')),
    ...optional('containerName', textOf(inspected, 'Name')),
    ...optional('imageName', textOf(member(inspected, 'Config'), 'Image')),
    ...optional('imageId', textOf(inspected, 'Image')),
    ...(labels === undefined ? {} : { labels }),
    ...optional('namespace', namespace),
  };
}

function optional<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: string });
}

/** The way the engine is asked. The pool stays the caller's. */
export function createTargetFinder({
  pool,
  passMark,
  guardsExecs,
  needsWorkload = () => false,
  now = Date.now,
}: TargetFinderOptions): TargetFinder {
  const execCreators = new Map<string, string>();
  const ask = (path: string): Promise<EngineAnswer> => queryEngine(pool, path, passMark);

  const findContainer = async (ref: string, target: Target, replacesName: boolean): Promise<Found> => {
    const answer = await ask(`/containers/${ref}/json`);
    if ('unavailable' in answer) return answer;
    if (answer.status !== 200) return { target: { ...target, other: target.other ?? ref }, isUnresolved: true };
    const found = containerTarget(answer.value);
    if (found.containerId === undefined) return { unavailable: 'malformed-answer' };
    return {
      // A network that gets a container stays the target; the container's facts stand beside it.
      target: { ...found, ...target },
      ...(replacesName ? { resolvedId: found.containerId } : {}),
    };
  };

  const findExec = async (request: ClassifiedRequest, caller: Caller, target: Target): Promise<Found> => {
    const id = request.route.name;
    const answer = await ask(`/exec/${id}/json`);
    if ('unavailable' in answer) return answer;
    if (answer.status !== 200) return { target, isUnresolved: true };
    const containerId = textOf(answer.value, 'ContainerID');
    const found = containerId === undefined ? { target } : await findContainer(containerId, target, false);
    if ('unavailable' in found) return found;
    const result: FoundFacts = {
      target: { ...found.target, kind: 'exec', other: id },
      ...(needsWorkload() && { workload: { exec: execBody(answer.value) } }),
    };
    const creator = execCreators.get(id);
    const isForeign = creator !== undefined && creator !== creatorKey(caller);
    if (request.api === 'container_exec_start' && isForeign && guardsExecs?.() === true) {
      return { ...result, refused: `The command ${request.api} denied: this exec was created by another user.` };
    }
    return result;
  };

  const findImage = async (name: string, target: Target): Promise<Found> => {
    const answer = await ask(`/images/${name}/json`);
    if ('unavailable' in answer) return answer;
    // An image that is not there is the engine's to answer: the client pulls and comes again.
    return {
      target: { ...target, ...optional('imageId', textOf(answer.value, 'Id')) },
      workload: answer.status === 200 ? { image: imageFacts(answer.value, now()) } : { isImageMissing: true },
    };
  };

  /** Adds what rules that look into the body need. */
  const withWorkload = async (
    request: ClassifiedRequest,
    body: BodyValue | undefined,
    pending: Found | Promise<Found>,
  ): Promise<Found> => {
    const found = await pending;
    if ('unavailable' in found) return found;
    const mounts = await findMountFacts(ask, request.api, body);
    if ('unavailable' in mounts) return mounts;
    return { ...found, workload: { ...found.workload, ...mounts } };
  };

  const findTarget = (
    request: ClassifiedRequest,
    caller: Caller,
    body: BodyValue | undefined,
  ): Found | Promise<Found> => {
    const target = targetOf(request, body);
    const { route } = request;
    switch (route.targetKind) {
      case 'container': {
        if (request.api === 'container_create') {
          return target.imageName === undefined ? { target } : findImage(target.imageName, target);
        }
        if (request.api === 'container_commit') {
          const ref = queryValue(request.target.query, 'container');
          return ref === '' ? { target } : findContainer(ref, target, false);
        }
        if (route.name === '') return { target };
        // With link=1 the path names the link, not the container that it leads to.
        const isLink = request.api === 'container_delete' && queryValue(request.target.query, 'link') !== '';
        return findContainer(route.name, target, !isLink);
      }
      case 'exec':
        return findExec(request, caller, target);
      case 'image':
        // Names that cannot be known before: a denial of some then holds, a permit of some does not.
        if (namesUnknownImages(request)) return { target, isUnresolved: true };
        return target.imageName !== undefined && imageWrites.has(request.api)
          ? findImage(target.imageName, target)
          : { target };
      case 'service':
        return target.imageName !== undefined && needsWorkload() ? findImage(target.imageName, target) : { target };
      case 'network': {
        const container = textOf(body, 'Container');
        if (container === undefined) return { target };
        return findContainer(container, target, false);
      }
      default:
        return { target };
    }
  };

  return {
    find: (request, caller, body) => {
      const found = findTarget(request, caller, body);
      return looksIntoBody.has(request.api) && needsWorkload() ? withWorkload(request, body, found) : found;
    },
    created: async (request, caller, id) => {
      if (request.api === 'container_exec_create') {
        if (execCreators.size >= maxExecs) {
          for (const oldest of execCreators.keys()) {
            execCreators.delete(oldest);
            break;
          }
        }
        execCreators.set(id, creatorKey(caller));
        return { other: id };
      }
      // The client gave the name, so only the id is news.
      if (queryValue(request.target.query, 'name') !== '') return { containerId: id };
      const answer = await ask(`/containers/${id}/json`);
      if ('unavailable' in answer || answer.status !== 200) return { containerId: id };
      return { containerId: id, ...optional('containerName', textOf(answer.value, 'Name')) };
    },
  };
}

/** A load names its images inside the tar; a build may give several names at once. */
function namesUnknownImages({ api, target }: ClassifiedRequest): boolean {
  if (api === 'images_load') return true;
  return api === 'image_build' && target.query.filter(({ name }) => name === 't').length > 1;
}

function creatorKey({ actor }: Caller): string {
  return `${actor.user}\n${actor.containerId ?? ''}`;
}
