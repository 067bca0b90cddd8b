// The list of Defenders for people and scripts, natively and in the vendor's short form; and what an administrator does to them.
import { Condition, HelloRequest, Host, StatusReport, toInstant } from '@dockledger/contract';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import type { DefenderRegistry } from './defender-registry.ts';
import type { EnrolmentService } from './enrolment-service.ts';

const mayRead = { access: { permission: 'manageDefenders', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'manageDefenders', grant: 'write' }, audit: 'settings' } as const;

const nameText = Type.String({ maxLength: 200 });

/** Body of the question for an enrolment token. Everything but the lifetime binds the token. */
export const TokenInput = Type.Object(
  {
    validMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080, default: 60 })),
    defenderId: Type.Optional(HelloRequest.properties.defenderId),
    name: Type.Optional(nameText),
    cluster: Type.Optional(Type.String({ maxLength: 256 })),
    labels: Type.Optional(
      Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Type.String({ maxLength: 300 }), {
        maxProperties: 50,
      }),
    ),
  },
  { additionalProperties: false },
);

/** A token, shown once. */
export const TokenBody = Type.Object({ token: Type.String(), expiresAt: Type.String() });

const DefenderParams = Type.Object({ defenderId: HelloRequest.properties.defenderId });
const RenameInput = Type.Object({ name: nameText }, { additionalProperties: false });
const DefenderBody = Type.Object({ defenderId: Type.String(), name: Type.String(), isRevoked: Type.Boolean() });

/** Answer of the native list. */
export const DefendersBody = Type.Object({
  defenders: Type.Array(
    Type.Object({
      defenderId: Type.String(),
      isConnected: Type.Boolean(),
      lastSeenAt: Type.String(),
      name: Type.String(),
      labels: Type.Record(Type.String(), Type.String()),
      isRevoked: Type.Boolean(),
      revokedAt: Type.Optional(Type.String()),
      enrolledAt: Type.Optional(Type.String()),
      certificateExpiresAt: Type.Optional(Type.String()),
      version: Type.Optional(Type.String()),
      epoch: Type.Optional(Type.Integer()),
      host: Type.Optional(Host),
      facts: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      clockOffsetMs: Type.Optional(Type.Integer()),
      accepted: Type.Integer(),
      backlog: Type.Optional(Type.Integer()),
      oldestUnsentAt: Type.Optional(Type.String()),
      conditions: Type.Array(Condition),
      engine: Type.Optional(StatusReport.properties.engine),
      rulesVersion: Type.Optional(Type.Integer()),
    }),
  ),
});

/** Adds `defenders` and what is done to them under the prefix of the native API. */
export function addNativeDefendersRoutes(
  app: FastifyInstance,
  defenders: DefenderRegistry,
  enrolment: EnrolmentService,
): void {
  app.get('/defenders', { config: mayRead, schema: { response: { 200: DefendersBody } } }, async () => ({
    defenders: defenders.list(),
  }));
  app.post(
    '/defenders/tokens',
    { config: mayWrite, schema: { body: TokenInput, response: { 201: TokenBody } } },
    async (request, reply) => {
      const { validMinutes = 60, ...binding } = request.body as Static<typeof TokenInput>;
      const made = await enrolment.createToken(signedInOf(request).username, validMinutes * 60_000, binding);
      request.auditDiff = `enrolment token made, valid ${validMinutes} minutes: ${JSON.stringify(binding)}`;
      return reply.code(201).send({ token: made.token, expiresAt: toInstant(made.expiresAt) });
    },
  );
  app.post(
    '/defenders/:defenderId/revoke',
    { config: mayWrite, schema: { params: DefenderParams, response: { 200: DefenderBody } } },
    async (request) => {
      const { defenderId } = request.params as Static<typeof DefenderParams>;
      const { name } = await enrolment.revoke(defenderId);
      request.auditDiff = `Defender ${defenderId} revoked`;
      return { defenderId, name, isRevoked: true };
    },
  );
  app.put(
    '/defenders/:defenderId',
    { config: mayWrite, schema: { params: DefenderParams, body: RenameInput, response: { 200: DefenderBody } } },
    async (request) => {
      const { defenderId } = request.params as Static<typeof DefenderParams>;
      const { name } = request.body as Static<typeof RenameInput>;
      const { revokedAt } = await enrolment.rename(defenderId, name);
      request.auditDiff = `Defender ${defenderId} renamed: ${name}`;
      return { defenderId, name, isRevoked: revokedAt !== undefined };
    },
  );
}

/** Adds `defenders`, `defenders/names` and `defenders/summary` under the prefix of the compatible API. */
export function addCompatibleDefendersRoutes(app: FastifyInstance, defenders: DefenderRegistry): void {
  app.get('/defenders', { config: mayRead }, async (_request, reply) => {
    const list = defenders.list().filter(({ isRevoked }) => !isRevoked);
    void reply.header('total-count', list.length);
    return list.map((defender) => ({
      hostname: defender.host?.hostname ?? '',
      fqdn: defender.host?.fqdn ?? '',
      cluster: defender.host?.cluster ?? '',
      version: defender.version ?? '',
      connected: defender.isConnected,
      lastModified: defender.lastSeenAt,
      type: 'docker',
      category: 'docker',
    }));
  });
  app.get('/defenders/names', { config: mayRead }, async (_request, reply) => {
    const listed = defenders.list().filter(({ isRevoked }) => !isRevoked);
    const names = listed.map((defender) => defender.host?.hostname || defender.defenderId);
    void reply.header('total-count', names.length);
    return names.toSorted();
  });
  app.get('/defenders/summary', { config: mayRead }, async () => {
    const list = defenders.list().filter(({ isRevoked }) => !isRevoked);
    return [
      { category: 'docker', total: list.length, connected: list.filter(({ isConnected }) => isConnected).length },
    ];
  });
}
