// The compatible collection routes. Writes answer no body; the name is the id.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { signedInOf } from '../sessions/route-access.ts';
import { Collection } from './collection.ts';
import type { CollectionsService, CollectionUsages } from './collections-service.ts';

const mayRead = { access: { permission: 'collections', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'collections', grant: 'write' }, audit: 'settings' } as const;

/** Who refers to a collection. */
export const CollectionUsagesBody = Type.Array(Type.Object({ name: Type.String(), type: Type.String() }));

/** Adds `collections` with their usages and `current/collections` under the prefix of the compatible API. */
export function addCollectionsRoutes(
  app: FastifyInstance,
  collections: CollectionsService,
  usagesOf: CollectionUsages,
): void {
  const listed = Type.Array(Type.Object({ name: Type.String(), color: Type.Optional(Type.String()) }));
  app.get(
    '/current/collections',
    { config: { access: 'signed-in' }, schema: { response: { 200: listed } } },
    async (request) => {
      const { scope } = signedInOf(request);
      const visible = collections.list().filter(({ name }) => scope === null || scope.includes(name));
      return visible.map(({ name, color }) => ({ name, color: color ?? '' }));
    },
  );
  app.get(
    '/collections',
    { config: mayRead, schema: { response: { 200: Type.Array(Collection) } } },
    async (request, reply) => {
      const { scope } = signedInOf(request);
      const visible = collections.list().filter(({ name }) => scope === null || scope.includes(name));
      void reply.header('total-count', visible.length);
      return visible;
    },
  );
  app.post('/collections', { config: { ...mayWrite, documentedBody: Collection } }, async (request, reply) => {
    const collection = parseCollection(request.body);
    await collections.create(collection, signedInOf(request).username);
    request.auditDiff = `+ ${JSON.stringify(collection)}`;
    return reply.code(200).send();
  });
  app.put('/collections/:name', { config: { ...mayWrite, documentedBody: Collection } }, async (request, reply) => {
    const { name } = request.params as { name: string };
    const collection = parseCollection(request.body);
    await collections.replace(name, collection, signedInOf(request).username);
    request.auditDiff = `~ ${JSON.stringify(collection)}`;
    return reply.code(200).send();
  });
  app.get(
    '/collections/:name/usages',
    { config: mayRead, schema: { response: { 200: CollectionUsagesBody } } },
    async (request) => {
      const { name } = request.params as { name: string };
      const { scope } = signedInOf(request);
      const isVisible = scope === null || scope.includes(name);
      if (!isVisible || !collections.list().some((collection) => collection.name === name))
        throw new AppError('not_found', `There is no collection named "${name.slice(0, 100)}".`);
      return (await usagesOf(name)).map((usage) => ({ name: usage.name, type: usage.type }));
    },
  );
  app.delete('/collections/:name', { config: mayWrite }, async (request, reply) => {
    await collections.remove((request.params as { name: string }).name);
    return reply.code(200).send();
  });
}

function parseCollection(body: unknown): Collection {
  if (!Value.Check(Collection, body)) {
    const [first] = Value.Errors(Collection, body);
    throw new AppError(
      'bad_request',
      `The collection is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  // Only fields we know are kept.
  return Value.Clean(Collection, structuredClone(body)) as Collection;
}
