// The saved views of the Events page: own ones, and those that others share. A view is a question; what it shows is still limited to
// what its reader may see. Only the owner changes one; the owner or an administrator of users removes one.
import { randomUUID } from 'node:crypto';
import { toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import { requireGrant } from '../sessions/signed-in.ts';
import type { SavedViewStore } from './saved-view-store.ts';

const mayUse = { access: { permission: 'monitorAccessDocker', grant: 'read' } } as const;
const mostOwn = 200;

/** A view as it is sent to be saved. */
export const SavedViewInput = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    query: Type.String({ maxLength: 8000, description: 'Query string of the Events page, without ?' }),
    isShared: Type.Optional(Type.Boolean({ description: 'Shown to everybody. Defaults to false' })),
  },
  { additionalProperties: false },
);

const SavedViewBody = Type.Object({
  id: Type.String(),
  owner: Type.String(),
  name: Type.String(),
  query: Type.String(),
  isShared: Type.Boolean(),
  savedAt: Type.String(),
});

/** All that the reader may choose from, by name. */
export const SavedViewsBody = Type.Object({ views: Type.Array(SavedViewBody) });

/** Adds `views` under the prefix of the native API. */
export function addSavedViewsRoutes(app: FastifyInstance, store: SavedViewStore, now: () => number): void {
  app.get('/views', { config: mayUse, schema: { response: { 200: SavedViewsBody } } }, async (request) => ({
    views: [...(await store.visibleTo(signedInOf(request).username))],
  }));
  app.post(
    '/views',
    { config: { ...mayUse, audit: 'settings' }, schema: { body: SavedViewInput, response: { 200: SavedViewBody } } },
    async (request) => {
      const { name, query, isShared = false } = request.body as Static<typeof SavedViewInput>;
      const { username } = signedInOf(request);
      const own = (await store.visibleTo(username)).filter(({ owner }) => owner === username);
      const known = own.find((view) => view.name === name);
      if (known === undefined && own.length >= mostOwn)
        throw new AppError('too_large', `You have ${mostOwn} saved views, which is the most. Remove one first.`);
      const id = known?.id ?? randomUUID();
      const view = { id, owner: username, name, query, isShared, savedAt: toInstant(now()) };
      await store.save(view);
      request.auditDiff = `${known === undefined ? '+' : '~'} view ${JSON.stringify({ name, query, isShared })}`;
      return view;
    },
  );
  app.delete('/views/:id', { config: { ...mayUse, audit: 'settings' } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const view = await store.byId(id);
    const signedIn = signedInOf(request);
    const isOwn = view?.owner === signedIn.username;
    // Somebody else's private view is not there for this reader.
    if (view === undefined || (!isOwn && !view.isShared))
      throw new AppError('not_found', 'There is no such saved view.');
    if (!isOwn) requireGrant(signedIn, 'userManagement', 'write');
    await store.remove(id);
    request.auditDiff = `- view ${JSON.stringify({ name: view.name, owner: view.owner })}`;
    return reply.code(204).send();
  });
}
