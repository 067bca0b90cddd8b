// The compatible role routes: the ten built-in roles and those that administrators made. A role's id is its name.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { CustomRole } from './role-store.ts';
import { builtInRoles, type Grant, isPermission, type Permission } from './roles.ts';
import type { RolesService } from './roles-service.ts';

const mayRead = { access: { permission: 'userManagement', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'userManagement', grant: 'write' }, audit: 'role' } as const;

/** A role in the vendor's form. */
export const CompatibleRole = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  description: Type.Optional(Type.String({ maxLength: 1000 })),
  system: Type.Optional(Type.Boolean()),
  perms: Type.Optional(
    Type.Union([
      Type.Array(Type.Object({ name: Type.String(), readWrite: Type.Optional(Type.Boolean()) }), { maxItems: 200 }),
      Type.Null(),
    ]),
  ),
});

/** Adds `rbac/roles` under the prefix of the compatible API. */
export function addRolesRoutes(app: FastifyInstance, roles: RolesService): void {
  app.get(
    '/rbac/roles',
    { config: mayRead, schema: { response: { 200: Type.Array(CompatibleRole) } } },
    async (_request, reply) => {
      const builtIn = Object.entries(builtInRoles).map(([id, { name, grants }]) =>
        toCompatibleRole({ name: id, description: name, grants }, true),
      );
      const list = [...builtIn, ...(await roles.list()).map((role) => toCompatibleRole(role, false))];
      void reply.header('total-count', list.length);
      return list;
    },
  );
  app.post('/rbac/roles', { config: { ...mayWrite, documentedBody: CompatibleRole } }, async (request, reply) => {
    const role = parseRole(request.body);
    await roles.create(role);
    request.auditDiff = `+ ${JSON.stringify(toCompatibleRole(role, false))}`;
    return reply.code(200).send();
  });
  for (const url of ['/rbac/roles', '/rbac/roles/:name']) {
    app.put(url, { config: { ...mayWrite, documentedBody: CompatibleRole } }, async (request, reply) => {
      const role = parseRole(request.body);
      const { name } = request.params as { name?: string };
      if (name !== undefined && name !== role.name)
        throw new AppError('conflict', 'A role keeps its name. Make a new one and remove this one.');
      const before = (await roles.list()).find((candidate) => candidate.name === role.name);
      await roles.replace(role);
      const shown = before === undefined ? '' : JSON.stringify(toCompatibleRole(before, false));
      request.auditDiff = `- ${shown}\n+ ${JSON.stringify(toCompatibleRole(role, false))}`;
      return reply.code(200).send();
    });
  }
  app.delete('/rbac/roles/:name', { config: mayWrite }, async (request, reply) => {
    const { name } = request.params as { name: string };
    await roles.remove(name);
    request.auditDiff = `- ${JSON.stringify(name)}`;
    return reply.code(200).send();
  });
}

function toCompatibleRole({ name, description, grants }: CustomRole, system: boolean): Static<typeof CompatibleRole> {
  return {
    name,
    description,
    system,
    perms: [...grants].map(([permission, grant]) => ({ name: permission, readWrite: grant === 'write' })),
  };
}

/** Reads a role as clients send it. Throws `bad_request`, also for a permission that does not exist. */
export function parseRole(body: unknown): CustomRole {
  if (!Value.Check(CompatibleRole, body)) {
    const [first] = Value.Errors(CompatibleRole, body);
    throw new AppError(
      'bad_request',
      `The role is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  const grants = new Map<Permission, Grant>();
  for (const { name, readWrite } of body.perms ?? []) {
    if (!isPermission(name)) throw new AppError('bad_request', `There is no permission "${name.slice(0, 100)}".`);
    grants.set(name, readWrite === true ? 'write' : 'read');
  }
  return { name: body.name, description: body.description ?? '', grants };
}
