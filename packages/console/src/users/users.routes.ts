// The compatible user routes. Passwords go in and never come out.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { signedInOf } from '../sessions/route-access.ts';
import type { UserInput, UsersService } from './users-service.ts';

const mayRead = { access: { permission: 'userManagement', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'userManagement', grant: 'write' }, audit: 'user' } as const;
const ownPassword = { access: 'signed-in', audit: 'profile' } as const;

/** A change of one's own password. */
export const PasswordChange = Type.Object({
  oldPassword: Type.String({ maxLength: 1024 }),
  newPassword: Type.String({ maxLength: 1024 }),
});

/** Collections by project in the vendor's form. */
export const CompatiblePermissions = Type.Optional(
  Type.Union([
    Type.Array(
      Type.Object({
        project: Type.Optional(Type.String()),
        collections: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
      }),
    ),
    Type.Null(),
  ]),
);

/** A user in the vendor's form. Further fields are ignored; only local users (`basic`) exist. */
export const CompatibleUser = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 256 }),
  password: Type.Optional(Type.String({ maxLength: 1024 })),
  role: Type.String(),
  authType: Type.Optional(Type.String()),
  permissions: CompatiblePermissions,
});

/** Adds `users` and `users/password` under the prefix of the compatible API. */
export function addUsersRoutes(app: FastifyInstance, users: UsersService): void {
  app.get('/users', { config: mayRead }, async (_request, reply) => {
    const list = await users.list();
    void reply.header('total-count', list.length);
    return list.map(({ username, role, collections }) => ({
      username,
      role,
      authType: 'basic',
      permissions: toPermissions(collections),
    }));
  });
  app.post('/users', { config: { ...mayWrite, documentedBody: CompatibleUser } }, async (request, reply) => {
    const input = parseUser(request.body);
    await users.create(input);
    request.auditDiff = `+ ${toDiffText(input)}`;
    return reply.code(200).send();
  });
  app.put('/users', { config: { ...mayWrite, documentedBody: CompatibleUser } }, async (request, reply) => {
    const input = parseUser(request.body);
    const before = (await users.list()).find(({ username }) => username === input.username);
    await users.update(input);
    request.auditDiff = `- ${before ? toDiffText(before) : ''}\n+ ${toDiffText(input)}`;
    return reply.code(200).send();
  });
  app.delete('/users/:username', { config: mayWrite }, async (request, reply) => {
    const { username } = request.params as { username: string };
    await users.remove(username);
    request.auditDiff = `- ${JSON.stringify(username)}`;
    return reply.code(200).send();
  });
  app.put('/users/password', { config: ownPassword }, async (request, reply) => {
    const { body } = request;
    if (!Value.Check(PasswordChange, body))
      throw new AppError('bad_request', 'Send a JSON object with oldPassword and newPassword.');
    await users.changeOwnPassword(signedInOf(request).username, body.oldPassword, body.newPassword);
    request.auditDiff = '~ {"password":"changed"}';
    return reply.code(200).send();
  });
}

/** The vendor's form of a list of collections. */
export function toPermissions(collections: readonly string[]) {
  return collections.length > 0 ? [{ project: 'Central Console', collections: [...collections] }] : [];
}

/** The names of all collections of the vendor's form. */
export function collectionsOf(permissions: Static<typeof CompatiblePermissions> | undefined): readonly string[] {
  return [...new Set((permissions ?? []).flatMap((permission) => permission.collections ?? []))];
}

function toDiffText({ username, role, collections, password }: Pick<UserInput, keyof UserInput>): string {
  return JSON.stringify({ username, role, collections, ...(password && { password: 'changed' }) });
}

/** Reads a user as clients send it. Throws `bad_request`. */
export function parseUser(body: unknown): UserInput {
  if (!Value.Check(CompatibleUser, body)) {
    const [first] = Value.Errors(CompatibleUser, body);
    throw new AppError(
      'bad_request',
      `The user is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  const { username, role, password, permissions } = body;
  return { username, role, collections: collectionsOf(permissions), ...(password !== undefined && { password }) };
}
