// Sign-in routes: the compatible API's tokens, and the page's cookie. A token is only ever answered to who proved their password.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { requireSameOrigin, sessionCookie, signedInOf } from './route-access.ts';
import type { SignIn } from './sign-in.ts';
import type { SignedIn } from './signed-in.ts';

/** Body of a sign-in. Further fields, such as the vendor's `token`, are ignored. */
export const Credentials = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 256 }),
  password: Type.String({ minLength: 1, maxLength: 1024 }),
});

/** Answer of a compatible sign-in. */
export const TokenBody = Type.Object({ token: Type.String() });

/** Who is signed in, for the page. */
export const SessionBody = Type.Object({
  username: Type.String(),
  role: Type.String(),
  collections: Type.Union([Type.Array(Type.String()), Type.Null()]),
  expiresAt: Type.Optional(Type.String()),
});

/** Adds `authenticate`, `authenticate/renew` and `logout` under the prefix of the compatible API. */
export function addCompatibleSessionRoutes(app: FastifyInstance, signIn: SignIn): void {
  app.post(
    '/authenticate',
    { config: { access: 'open' }, bodyLimit: 16_384, schema: { response: { 200: TokenBody } } },
    async (request) => {
      const { username, password } = parseCredentials(request.body);
      return { token: await signIn.withPassword(username, password, request.ip) };
    },
  );
  app.get('/authenticate/renew', { config: { access: 'signed-in' } }, async (request) => ({
    token: await signIn.renew(tokenHolder(signedInOf(request))),
  }));
  app.post('/logout', { config: { access: 'signed-in' } }, async (request, reply) => {
    await signIn.signOut(signedInOf(request));
    clearCookie(reply);
    return {};
  });
}

/** What {@link addPageSessionRoutes} needs. */
export interface PageSessionParts {
  readonly signIn: SignIn;
  /** Lifetime of a sign-in now. */
  readonly sessionSeconds: () => number;
  /** Told of each sign-in through the page. */
  readonly onSignedIn: (username: string, address: string) => void;
}

/** Adds the page's sign-in under the prefix of the native API. */
export function addPageSessionRoutes(
  app: FastifyInstance,
  { signIn, sessionSeconds, onSignedIn }: PageSessionParts,
): void {
  const setCookie = (reply: FastifyReply, token: string) =>
    reply.header(
      'set-cookie',
      `${sessionCookie}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${sessionSeconds()}`,
    );
  app.post(
    '/session',
    { config: { access: 'open' }, bodyLimit: 16_384, schema: { response: { 200: SessionBody } } },
    async (request, reply) => {
      requireSameOriginIfBrowser(request);
      const { username, password } = parseCredentials(request.body);
      const token = await signIn.withPassword(username, password, request.ip);
      onSignedIn(username, request.ip);
      setCookie(reply, token);
      return toSessionBody(
        await signIn.recognise({ authorization: `Bearer ${token}`, cookieToken: undefined, address: request.ip }),
      );
    },
  );
  app.get(
    '/session',
    { config: { access: 'signed-in' }, schema: { response: { 200: SessionBody } } },
    async (request) => toSessionBody(signedInOf(request)),
  );
  app.post(
    '/session/renew',
    { config: { access: 'signed-in' }, schema: { response: { 200: SessionBody } } },
    async (request, reply) => {
      const token = await signIn.renew(tokenHolder(signedInOf(request)));
      setCookie(reply, token);
      return toSessionBody(
        await signIn.recognise({ authorization: `Bearer ${token}`, cookieToken: undefined, address: request.ip }),
      );
    },
  );
  app.delete('/session', { config: { access: 'signed-in' } }, async (request, reply) => {
    await signIn.signOut(signedInOf(request));
    clearCookie(reply);
    return reply.code(204).send();
  });
}

/** A sign-in forced by another site would put the reader into a stranger's account. */
function requireSameOriginIfBrowser(request: Parameters<typeof requireSameOrigin>[0]): void {
  if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined)
    requireSameOrigin(request);
}

function parseCredentials(body: unknown): { readonly username: string; readonly password: string } {
  if (Value.Check(Credentials, body)) return body;
  throw new AppError('bad_request', 'Send a JSON object with username and password, both texts that are not empty.');
}

function tokenHolder(signedIn: SignedIn): SignedIn {
  if (signedIn.token !== undefined) return signedIn;
  throw new AppError('unauthenticated', 'Only a token can be renewed: send it as Bearer.');
}

function toSessionBody(signedIn: SignedIn) {
  return {
    username: signedIn.username,
    role: signedIn.role,
    collections: signedIn.scope,
    ...(signedIn.token && { expiresAt: new Date(signedIn.token.expiresAt * 1000).toISOString() }),
  };
}

function clearCookie(reply: FastifyReply): void {
  void reply.header('set-cookie', `${sessionCookie}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`);
}
