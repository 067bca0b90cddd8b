// Looks up what a command names, at the engine when it can be asked, else from the command alone.
// Invariant: only asks; what cannot be found out makes the target unresolved, as in the Defender.
import type { Target } from '@dockledger/contract';
import type { BodyValue } from '@dockledger/rules';
import { askUnix } from '../unix-http.ts';
import type { DockerRequest } from './docker-requests.ts';
import type { ExplainedTarget } from './explain-request.ts';

function member(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys)
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  return found;
}

const textAt = (value: unknown, ...keys: readonly string[]): string | undefined => {
  const found = member(value, ...keys);
  return typeof found === 'string' && found !== '' ? found : undefined;
};

function labelsAt(value: unknown, ...keys: readonly string[]): Record<string, string> | undefined {
  const found = member(value, ...keys);
  if (typeof found !== 'object' || found === null) return undefined;
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}

/** A look-up for one command: the container that its first request makes is the target of those behind it. */
export function createTargetLookUp(enginePath: string) {
  let created: Target | undefined;
  const inspect = async (path: string): Promise<unknown> => {
    try {
      const answer = await askUnix(enginePath, path);
      return answer.status === 200 ? answer.value : undefined;
    } catch {
      return undefined;
    }
  };
  return async ({
    action,
    path,
    body,
    request,
  }: {
    readonly action: string;
    readonly path: string;
    readonly body: BodyValue | undefined;
    readonly request: DockerRequest;
  }): Promise<ExplainedTarget> => {
    if (request.isOfCreated === true && created !== undefined) return { target: created };
    if (action === 'container_create') {
      const name = /[?&]name=([^&]*)/.exec(request.target)?.[1];
      const labels = labelsAt(request.body, 'Labels');
      const imageName = textAt(request.body, 'Image');
      created = {
        kind: 'container',
        ...optional('containerName', name === undefined ? undefined : `/${decodeURIComponent(name)}`),
        ...optional('imageName', imageName),
        ...optional('labels', labels),
        ...optional('namespace', labels?.['io.kubernetes.pod.namespace']),
      };
      const image = imageName === undefined ? undefined : await inspect(`/images/${encodeURI(imageName)}/json`);
      return {
        target: { ...created, ...optional('imageId', textAt(image, 'Id')) },
        compliance: { image: { user: textAt(image, 'Config', 'User') } },
      };
    }
    if (request.container !== undefined) {
      const found = await inspect(`/containers/${encodeURIComponent(request.container)}/json`);
      if (found === undefined) return { target: { kind: 'container', other: request.container }, isUnresolved: true };
      const labels = labelsAt(found, 'Config', 'Labels');
      return {
        target: {
          kind: 'container',
          ...optional('containerId', textAt(found, 'Id')),
          ...optional('containerName', textAt(found, 'Name')),
          ...optional('imageName', textAt(found, 'Config', 'Image')),
          ...optional('imageId', textAt(found, 'Image')),
          ...optional('labels', labels),
          ...optional('namespace', labels?.['io.kubernetes.pod.namespace']),
        },
      };
    }
    const image = /[?&](?:fromImage|t|names)=([^&]*)(?:&tag=([^&]*))?/.exec(request.target);
    if (image !== null) {
      const name = decodeURIComponent(image[1] ?? '');
      const tag = decodeURIComponent(image[2] ?? '');
      const separator = tag.startsWith('sha256:') ? '@' : ':';
      return { target: { kind: 'image', imageName: tag === '' ? name : `${name}${separator}${tag}` } };
    }
    const inPath = /^\/images\/(.+?)(?:\/(?:json|history|push|tag|get))?$/.exec(path)?.[1];
    const isOne = inPath !== undefined && !['json', 'create', 'load', 'search', 'get', 'prune'].includes(inPath);
    if (isOne) return { target: { kind: 'image', imageName: inPath } };
    const other =
      textAt(body, 'Name') ?? /^\/(?:volumes|networks|services|secrets|configs|plugins)\/(.+)$/.exec(path)?.[1];
    return { target: { ...optional('other', other) } };
  };
}
