// Names a request: which of the engine's routes it hits, and the name that route carries.
// Invariant: gives the same route as the engine's router, which takes the first registered match, greedy names included.
import type { RequestMethod } from './request-head.ts';
import { type ActionClass, type BodyKind, type Route, routes, type TargetKind, unknownAction } from './routes.ts';

/** What a request is, before anybody asks whether it is allowed. */
export interface Classification {
  /** The `api` of the access event; `unknown` when no route matches. */
  readonly action: string;
  readonly class: ActionClass;
  readonly targetKind: TargetKind;
  /** The engine's route template, empty when unknown. */
  readonly route: string;
  /** Name or id in the path, as sent and decoded, without a leading slash added or removed; empty when it has none. */
  readonly name: string;
  readonly body: BodyKind;
  readonly hijacks: boolean;
}

type Match = (path: string) => string | undefined;

interface Candidate {
  readonly route: Route;
  /** The name in the path when the route matches (empty when it has none), else undefined. */
  readonly match: Match;
}

/** One parsed template: fixed text, then names between further fixed text. */
function compileTemplate(template: string): Match {
  const open = template.indexOf('{');
  if (open < 0) return (path) => (path === template ? '' : undefined);
  const close = template.indexOf('}', open);
  const prefix = template.slice(0, open);
  const suffix = template.slice(close + 1);
  const [, pattern] = template.slice(open + 1, close).split(':');
  if (suffix.includes('{')) {
    const between = suffix.slice(0, suffix.indexOf('{'));
    return (path) => {
      if (!path.startsWith(prefix)) return undefined;
      const middle = path.indexOf(between, prefix.length);
      const name = middle < 0 ? '' : path.slice(prefix.length, middle);
      const last = middle < 0 ? '' : path.slice(middle + between.length);
      return name !== '' && last !== '' && !name.includes('/') && !last.includes('/') ? name : undefined;
    };
  }
  const shortest = prefix.length + suffix.length + (pattern === '.*' ? 0 : 1);
  const isGreedy = pattern !== undefined;
  return (path) => {
    if (path.length < shortest || !path.endsWith(suffix) || !path.startsWith(prefix)) return undefined;
    const name = path.slice(prefix.length, path.length - suffix.length);
    return isGreedy || !name.includes('/') ? name : undefined;
  };
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;
const candidatesBySegment: ReadonlyMap<RequestMethod, ReadonlyMap<string, readonly Candidate[]>> = new Map(
  methods.map((method) => {
    const bySegment = new Map<string, Candidate[]>();
    for (const route of routes) {
      // Of any method, but for OPTIONS, which an earlier route takes whatever the path.
      if (route.method !== method && (route.method !== '*' || method === 'OPTIONS')) continue;
      const segment = firstSegment(route.template);
      const candidates = bySegment.get(segment) ?? [];
      candidates.push({ route, match: compileTemplate(route.template) });
      bySegment.set(segment, candidates);
    }
    return [method, bySegment];
  }),
);

function firstSegment(path: string): string {
  const slash = path.indexOf('/', 1);
  return slash < 0 ? path.slice(1) : path.slice(1, slash);
}

const optionsRoute = routes.find((route) => route.method === 'OPTIONS');

function toClassification(route: Route, name: string): Classification {
  const { action, targetKind, template, body, hijacks } = route;
  return { action, class: route.class, targetKind, route: template, name, body, hijacks };
}

/** Classifies a method and a canonical path (decoded, without version, see `parseTarget`). Never throws. */
export function classify(method: RequestMethod, path: string): Classification {
  const candidates = candidatesBySegment.get(method)?.get(firstSegment(path));
  if (candidates !== undefined) {
    for (const { route, match } of candidates) {
      const name = match(path);
      if (name !== undefined) return toClassification(route, name);
    }
  }
  if (method === 'OPTIONS' && optionsRoute !== undefined) return toClassification(optionsRoute, '');
  return {
    action: unknownAction,
    class: 'write',
    targetKind: 'other',
    route: '',
    name: '',
    body: 'stream',
    hijacks: false,
  };
}
