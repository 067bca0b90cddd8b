// What a request says by itself about its target, before the engine is asked.
// Invariant: names keep the client's spelling; a container's name gets its leading slash.
import type { Target } from '@dockledger/contract';
import { queryValue, type TargetKind } from '@dockledger/rules';
import type { ClassifiedRequest } from '../proxy-context.ts';
import { member } from '../request-summary.ts';

const bareTargets = new Map<TargetKind, Target>();

/** A target of which only the kind is known. One object per kind, as most reads have no more. */
function bare(kind: TargetKind): Target {
  const made = bareTargets.get(kind) ?? Object.freeze({ kind });
  bareTargets.set(kind, made);
  return made;
}

function bodyText(body: unknown, name: string): string {
  const value = member(body, name);
  return typeof value === 'string' ? value : '';
}

/** `repository:tag`, or `repository@sha256:…`, as a pull names it. */
function pulledImage(repository: string, tag: string): string {
  if (tag === '') return repository;
  return tag.startsWith('sha256:') ? `${repository}@${tag}` : `${repository}:${tag}`;
}

/** The target as far as path, query and body name it. */
export function targetOf(request: ClassifiedRequest, body: unknown): Target {
  const { route, target, api } = request;
  const kind = route.targetKind;
  const query = (name: string) => queryValue(target.query, name);
  switch (kind) {
    case 'container': {
      if (api === 'container_create') return createdContainer(query('name'), body);
      if (api === 'container_commit') return named({ kind, other: pulledImage(query('repo'), query('tag')) });
      if (api === 'container_rename') return named({ kind, other: query('name') });
      return bare(kind);
    }
    case 'image': {
      if (api === 'image_build') return named({ kind, imageName: query('t') });
      if (api === 'image_create') {
        // Of an import, the name that it gets.
        const repository = query('fromImage') === '' ? query('repo') : query('fromImage');
        return named({ kind, imageName: repository === '' ? '' : pulledImage(repository, query('tag')) });
      }
      if (api === 'image_tag') {
        return named({ kind, imageName: route.name, other: pulledImage(query('repo'), query('tag')) });
      }
      if (api === 'image_push') return named({ kind, imageName: pulledImage(route.name, query('tag')) });
      if (api === 'images_archive' && route.name === '') return named({ kind, imageName: query('names') });
      return named({ kind, imageName: route.name });
    }
    case 'service': {
      const spec = member(member(body, 'TaskTemplate'), 'ContainerSpec');
      const other = route.name === '' ? bodyText(body, 'Name') : route.name;
      return named({ kind, other, imageName: bodyText(spec, 'Image') });
    }
    case 'volume':
    case 'network':
    case 'secret':
    case 'config':
      return named({ kind, other: route.name === '' ? bodyText(body, 'Name') : route.name });
    default:
      if (route.route === '') return { kind, other: target.path };
      return route.name === '' ? bare(kind) : { kind, other: route.name };
  }
}

/** Drops what is empty. */
function named(target: { kind: NonNullable<Target['kind']>; imageName?: string; other?: string }): Target {
  const { kind, imageName = '', other = '' } = target;
  if (imageName === '' && other === '') return bare(kind);
  return { kind, ...(imageName === '' ? {} : { imageName }), ...(other === '' ? {} : { other }) };
}

function createdContainer(name: string, body: unknown): Target {
  const imageName = bodyText(body, 'Image');
  const labels = member(body, 'Labels');
  const texts =
    typeof labels === 'object' && labels !== null && !Array.isArray(labels)
      ? Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      : [];
  const namespace = texts.find(([key]) => key === 'io.kubernetes.pod.namespace')?.[1];
  return {
    kind: 'container',
    ...(name === '' ? {} : { containerName: name.startsWith('/') ? name : `/${name}` }),
    ...(imageName === '' ? {} : { imageName }),
    ...(texts.length === 0 ? {} : { labels: Object.fromEntries(texts) }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}
