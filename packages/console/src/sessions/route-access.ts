// Guards every route of a server: a route says who may call it, and one that says nothing is closed to all.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Grant, Permission } from '../users/roles.ts';
import type { SignIn } from './sign-in.ts';
import { requireGrant, type SignedIn } from './signed-in.ts';

/** Who may call a route: everybody, whoever is signed in, or whose role grants a permission. */
export type RouteAccess = 'open' | 'signed-in' | { readonly permission: Permission; readonly grant: Grant };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. A route without it is refused. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Set on every route that is not open, before its handler runs. */
    signedIn: SignedIn | undefined;
  }
}

/** Name of the page's cookie. The prefix makes browsers insist on Secure, this host and path `/`. */
export const sessionCookie = '__Host-dockledger';

/** Adds the guard to the server. Call before any route is added. */
export function addRouteAccess(app: FastifyInstance, signIn: SignIn): void {
  app.decorateRequest('signedIn', undefined);
  app.addHook('onRequest', async (request: FastifyRequest, _reply: FastifyReply) => {
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access === 'open') return;
    if (access === undefined) throw new AppError('forbidden', 'This address is closed.');
    const signedIn = await signIn.recognise({
      authorization: request.headers.authorization,
      cookieToken: readCookie(request.headers.cookie, sessionCookie),
      address: request.ip,
    });
    // Before the next checks, so that what they refuse is put on record with a name.
    request.signedIn = signedIn;
    if (signedIn.via === 'cookie') requireSameOrigin(request);
    if (access !== 'signed-in') requireGrant(signedIn, access.permission, access.grant);
  });
}

/** The identity behind a request of a guarded route. */
export function signedInOf(request: FastifyRequest): SignedIn {
  if (request.signedIn === undefined) throw new AppError('unauthenticated', 'Sign in first.');
  return request.signedIn;
}

/**
 * Throws `forbidden` unless the browser says that the request comes from this very page. SameSite=Strict already keeps the cookie
 * from other sites; this also refuses what same-site neighbours and old browsers would send.
 */
export function requireSameOrigin(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  const sameOrigin = site === undefined ? origin === `https://${host ?? ''}` : site === 'same-origin';
  if (!sameOrigin) throw new AppError('forbidden', 'This request does not come from the page of this Console.');
}

/** The value of a cookie. Undefined when it is missing or empty. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim() || undefined;
  }
  return undefined;
}
