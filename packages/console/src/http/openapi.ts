// The OpenAPI document of all routes, generated from the schemas that they validate with. Routes under the compatible prefix are
// listed under one version of it.
import { productVersion } from '@dockledger/contract';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { CompatibleErrorBody, ErrorBody, isCompatiblePath } from './error-answers.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Query parameters for the document, where a route reads its query by itself. */
    documentedQuery?: object;
    /** Body for the document, where a route checks its body by itself. */
    documentedBody?: object;
    /** One sentence for the document. */
    summary?: string;
  }
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

const listedVersion = '33.01';

/** Collects the routes added from now on; call the result for the document. */
export function collectOpenApi(app: FastifyInstance): () => object {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/api/')) routes.push(route);
  });
  return () => ({
    openapi: '3.1.0',
    info: { title: 'Dockledger Console', version: productVersion },
    paths: toPaths(routes),
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ basic: [] }, { bearer: [] }],
  });
}

function toPaths(routes: readonly RouteOptions[]): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    if (route.url.includes('*')) continue;
    const path = route.url.replace('/api/v:version', `/api/v${listedVersion}`).replaceAll(/:([A-Za-z]+)/g, '{$1}');
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD' && method !== 'OPTIONS')
        (paths[path] ??= {})[method.toLowerCase()] = toOperation(route, path, method);
    }
  }
  return paths;
}

/** The first part of the path after the version, as the vendor's document groups its routes: `Audits`, `Collections`. */
function toTag(path: string): string {
  const part = /^\/api\/(?:dockledger\/v1|v[\d.]+)\/_?([a-z]+)/.exec(path)?.[1] ?? 'other';
  return part.charAt(0).toUpperCase() + part.slice(1);
}

function toOperation(route: RouteOptions, path: string, method: string): object {
  const { schema, config } = route;
  const query = (config?.documentedQuery ?? schema?.querystring ?? {}) as ObjectSchema;
  const body = schema?.body ?? config?.documentedBody;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const responses = (schema?.response ?? {}) as Readonly<Record<string, object>>;
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query.properties ?? {}).map(([name, property]) => ({
      name,
      in: 'query',
      required: query.required?.includes(name) ?? false,
      schema: property,
    })),
  ];
  return {
    operationId:
      `${method.toLowerCase()}-${path.replace(/^\/api\/(?:dockledger\/v1|v[\d.]+)\//, path.startsWith('/api/dockledger') ? 'native-' : '').replaceAll(/[^A-Za-z0-9]+/g, '-')}`.replace(
        /-$/,
        '',
      ),
    tags: [toTag(path)],
    ...(typeof config?.access === 'object' && {
      'x-prisma-cloud-target-env': { permission: config.access.permission },
    }),
    ...(config?.summary !== undefined && { summary: config.summary }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    ...(config?.access === 'open' && { security: [] }),
    responses: {
      ...(Object.keys(responses).length === 0
        ? { 200: { description: 'OK' } }
        : Object.fromEntries(
            Object.entries(responses).map(([status, body]) => [
              status,
              { description: 'OK', content: { 'application/json': { schema: body } } },
            ]),
          )),
      default: {
        description: 'An error with its sentence',
        content: { 'application/json': { schema: isCompatiblePath(route.url) ? CompatibleErrorBody : ErrorBody } },
      },
    },
  };
}
