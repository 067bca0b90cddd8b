// Issuing, listing and revoking people's certificates over the native API, and signing the Defenders' TLS listeners over the
// channel. A key leaves in the answer that made it and nowhere else.
import { type ServerCertificateAnswer, ServerCertificateRequest, serverCertificateRoute } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parseBoundedJson } from '../http/bounded-json.ts';
import { signedInOf } from '../sessions/route-access.ts';
import type { PeopleAuthority } from './people-authority.ts';
import type { UserCertificate } from './user-certificate-store.ts';
import type { UserCertificatesService } from './user-certificates-service.ts';
import { packZip } from './zip-archive.ts';

const mayRead = { access: { permission: 'userManagement', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'userManagement', grant: 'write' }, audit: 'user' } as const;

/** Body of an order for a certificate. */
export const UserCertificateInput = Type.Object(
  {
    user: Type.String({ minLength: 1, maxLength: 256, description: 'Name that rules match as principal' }),
    groups: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 50 })),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650, description: 'Defaults to the setting' })),
    dockerHost: Type.Optional(
      Type.String({
        maxLength: 300,
        pattern: '^[A-Za-z0-9.:\\[\\]-]*$',
        description: 'host:port for the lines of the shell. Defaults to HOST:9998',
      }),
    ),
  },
  { additionalProperties: false },
);

const UserCertificateQuery = Type.Object({
  format: Type.Optional(Type.Union([Type.Literal('zip'), Type.Literal('json')], { description: 'Defaults to zip' })),
});

const UserCertificateBody = Type.Object({
  serialNumber: Type.String(),
  user: Type.String(),
  groups: Type.Array(Type.String()),
  issuedAt: Type.String(),
  issuedBy: Type.String(),
  expiresAt: Type.String(),
  revokedAt: Type.Optional(Type.String()),
  revokedBy: Type.Optional(Type.String()),
});

function toBody(certificate: UserCertificate): Static<typeof UserCertificateBody> {
  const { issuedAt, expiresAt, revokedAt, groups, ...rest } = certificate;
  return {
    ...rest,
    groups: [...groups],
    issuedAt: new Date(issuedAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    ...(revokedAt !== undefined && { revokedAt: new Date(revokedAt).toISOString() }),
  };
}

/** The three lines that a shell needs. */
export function shellLines(dockerHost: string): string {
  return `export DOCKER_HOST=tcp://${dockerHost}\nexport DOCKER_TLS_VERIFY=1\nexport DOCKER_CERT_PATH="$PWD"\n`;
}

/** Adds `user-certificates` under the prefix of the native API. */
export function addUserCertificatesRoutes(app: FastifyInstance, certificates: UserCertificatesService): void {
  app.get(
    '/user-certificates',
    { config: mayRead, schema: { response: { 200: Type.Object({ certificates: Type.Array(UserCertificateBody) }) } } },
    async () => ({ certificates: certificates.list().map(toBody) }),
  );
  app.post(
    '/user-certificates',
    { config: mayWrite, schema: { body: UserCertificateInput, querystring: UserCertificateQuery } },
    async (request, reply) => {
      const { user, groups = [], days, dockerHost = 'HOST:9998' } = request.body as Static<typeof UserCertificateInput>;
      const { format = 'zip' } = request.query as Static<typeof UserCertificateQuery>;
      const made = await certificates.issue(
        { user, groups, ...(days !== undefined && { days }) },
        signedInOf(request).username,
      );
      request.auditDiff = `+ certificate ${made.serialNumber} of ${JSON.stringify({ user, groups })}`;
      void reply.header('cache-control', 'no-store');
      if (format === 'json') {
        const { ca, certificate, key } = made;
        return { ...toBody(made.issued), ca, certificate, key, shell: shellLines(dockerHost) };
      }
      void reply.header('content-type', 'application/zip');
      void reply.header('content-disposition', `attachment; filename="docker-${user}.zip"`);
      return packZip([
        { name: 'ca.pem', content: made.ca, mode: 0o644 },
        { name: 'cert.pem', content: made.certificate, mode: 0o644 },
        { name: 'key.pem', content: made.key, mode: 0o600 },
        { name: 'shell.txt', content: shellLines(dockerHost), mode: 0o644 },
      ]);
    },
  );
  app.delete(
    '/user-certificates/:serialNumber',
    { config: mayWrite, schema: { response: { 200: UserCertificateBody } } },
    async (request) => {
      const { serialNumber } = request.params as { serialNumber: string };
      const revoked = await certificates.revoke(serialNumber.toLowerCase(), signedInOf(request).username);
      request.auditDiff = `- certificate ${revoked.serialNumber} of ${revoked.user}`;
      return toBody(revoked);
    },
  );
}

/** Adds the Defenders' route. The channel's own checks of who asks come first. */
export function addListenerCertificateRoute(channel: FastifyInstance, authority: PeopleAuthority): void {
  channel.post(serverCertificateRoute, async (request): Promise<ServerCertificateAnswer> => {
    const body = parseBoundedJson(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '');
    if (!Value.Check(ServerCertificateRequest, body)) {
      throw new AppError('bad_request', 'The request for a server certificate is not as expected.');
    }
    return { certificate: await authority.signListener(body), ca: authority.caPem };
  });
}
