// The compatible user and role routes. Passwords go in and never come out.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { builtInRoles } from './roles.ts';
import type { UserInput, UsersService } from './users-service.ts';

const mayRead = { access: { permission: 'userManagement', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'userManagement', grant: 'write' }, audit: 'user' } as const;

/** A user in the vendor's form. Further fields are ignored; only local users (`basic`) exist. */
export const CompatibleUser = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 256 }),
  password: Type.Optional(Type.String({ maxLength: 1024 })),
  role: Type.String(),
  authType: Type.Optional(Type.String()),
  permissions: Type.Optional(
    Type.Union([
      Type.Array(
        Type.Object({
          project: Type.Optional(Type.String()),
          collections: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
        }),
      ),
      Type.Null(),
    ]),
  ),
});

/** Adds `users` and `rbac/roles` under the prefix of the compatible API. */
export function addUsersRoutes(app: FastifyInstance, users: UsersService): void {
  app.get('/users', { config: mayRead }, async (_request, reply) => {
    const list = await users.list();
    void reply.header('total-count', list.length);
    return list.map(({ username, role, collections }) => ({
      username,
      role,
      authType: 'basic',
      permissions: collections.length > 0 ? [{ project: 'Central Console', collections }] : [],
    }));
  });
  app.post('/users', { config: mayWrite }, async (request, reply) => {
    const input = parseUser(request.body);
    await users.create(input);
    request.auditDiff = `+ ${toDiffText(input)}`;
    return reply.code(200).send();
  });
  app.put('/users', { config: mayWrite }, async (request, reply) => {
    const input = parseUser(request.body);
    await users.update(input);
    request.auditDiff = `~ ${toDiffText(input)}`;
    return reply.code(200).send();
  });
  app.delete('/users/:username', { config: mayWrite }, async (request, reply) => {
    await users.remove((request.params as { username: string }).username);
    return reply.code(200).send();
  });
  app.get('/rbac/roles', { config: mayRead }, async () =>
    Object.entries(builtInRoles).map(([id, { name, grants }]) => ({
      name: id,
      description: name,
      system: true,
      perms: [...grants].map(([permission, grant]) => ({ name: permission, readWrite: grant === 'write' })),
    })),
  );
}

function toDiffText({ username, role, collections, password }: UserInput): string {
  return JSON.stringify({ username, role, collections, ...(password && { password: 'changed' }) });
}

function parseUser(body: unknown): UserInput {
  if (!Value.Check(CompatibleUser, body)) {
    const [first] = Value.Errors(CompatibleUser, body);
    throw new AppError(
      'bad_request',
      `The user is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  const { username, role, password, permissions } = body;
  const collections = [...new Set((permissions ?? []).flatMap((permission) => permission.collections ?? []))];
  return { username, role, collections, ...(password !== undefined && { password }) };
}
