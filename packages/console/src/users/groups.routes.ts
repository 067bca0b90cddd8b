// The compatible group routes. A group's id is its name; writes answer no body.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { signedInOf } from '../sessions/route-access.ts';
import type { Group, GroupKind } from './group-store.ts';
import type { GroupInput, GroupsService } from './groups-service.ts';
import { CompatiblePermissions, collectionsOf, toPermissions } from './users.routes.ts';

const mayRead = { access: { permission: 'userManagement', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'userManagement', grant: 'write' }, audit: 'group' } as const;
const flag = () => Type.Optional(Type.Boolean());

/** A group in the vendor's form. `groupName` is left out by clients that change a group by its path. */
export const CompatibleGroup = Type.Object({
  groupName: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  groupId: Type.Optional(Type.String({ maxLength: 256 })),
  user: Type.Optional(
    Type.Union([Type.Array(Type.Object({ username: Type.String() }), { maxItems: 10_000 }), Type.Null()]),
  ),
  role: Type.Optional(Type.String()),
  permissions: CompatiblePermissions,
  ldapGroup: flag(),
  samlGroup: flag(),
  oauthGroup: flag(),
  oidcGroup: flag(),
  owner: Type.Optional(Type.String()),
  lastModified: Type.Optional(Type.String()),
});

/** Adds `groups` and `groups/names` under the prefix of the compatible API. */
export function addGroupsRoutes(app: FastifyInstance, groups: GroupsService): void {
  app.get(
    '/groups',
    { config: mayRead, schema: { response: { 200: Type.Array(CompatibleGroup) } } },
    async (_request, reply) => {
      const list = await groups.list();
      void reply.header('total-count', list.length);
      return list.map(toCompatibleGroup);
    },
  );
  app.get('/groups/names', { config: mayRead, schema: { response: { 200: Type.Array(Type.String()) } } }, async () =>
    (await groups.list()).map(({ name }) => name),
  );
  app.post('/groups', { config: { ...mayWrite, documentedBody: CompatibleGroup } }, async (request, reply) => {
    const input = parseGroup(request.body, undefined);
    await groups.create(input, signedInOf(request).username);
    request.auditDiff = `+ ${JSON.stringify(input)}`;
    return reply.code(200).send();
  });
  app.put('/groups/:name', { config: { ...mayWrite, documentedBody: CompatibleGroup } }, async (request, reply) => {
    const { name } = request.params as { name: string };
    const input = parseGroup(request.body, name);
    const before = (await groups.list()).find((group) => group.name === name);
    await groups.replace(name, input, signedInOf(request).username);
    request.auditDiff = `- ${JSON.stringify(before)}\n+ ${JSON.stringify(input)}`;
    return reply.code(200).send();
  });
  app.delete('/groups/:name', { config: mayWrite }, async (request, reply) => {
    const { name } = request.params as { name: string };
    await groups.remove(name);
    request.auditDiff = `- ${JSON.stringify(name)}`;
    return reply.code(200).send();
  });
}

const kindByFlag = { ldapGroup: 'ldap', samlGroup: 'saml', oauthGroup: 'oauth', oidcGroup: 'oidc' } as const;

function toCompatibleGroup(group: Group): Static<typeof CompatibleGroup> {
  return {
    groupName: group.name,
    groupId: group.name,
    user: group.members.map((username) => ({ username })),
    role: group.role,
    permissions: toPermissions(group.collections),
    ldapGroup: group.kind === 'ldap',
    samlGroup: group.kind === 'saml',
    oauthGroup: group.kind === 'oauth',
    oidcGroup: group.kind === 'oidc',
    owner: group.owner,
    lastModified: group.lastModified,
  };
}

/** Reads a group as clients send it; `nameInPath` stands in for a name that the body leaves out. Throws `bad_request`. */
export function parseGroup(body: unknown, nameInPath: string | undefined): GroupInput {
  if (!Value.Check(CompatibleGroup, body)) {
    const [first] = Value.Errors(CompatibleGroup, body);
    throw new AppError(
      'bad_request',
      `The group is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  const name = body.groupName ?? nameInPath;
  if (name === undefined) throw new AppError('bad_request', 'A group needs a groupName.');
  const kinds: GroupKind[] = Object.entries(kindByFlag).flatMap(([name, kind]) =>
    body[name as keyof typeof kindByFlag] === true ? [kind] : [],
  );
  if (kinds.length > 1) throw new AppError('bad_request', 'A group comes from one kind of directory only.');
  return {
    name,
    kind: kinds[0] ?? 'local',
    members: (body.user ?? []).map(({ username }) => username),
    role: body.role ?? '',
    collections: collectionsOf(body.permissions),
  };
}
