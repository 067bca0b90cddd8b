// Proves who makes a request: Basic credentials, a bearer token, or the page's cookie that carries one. Fails closed.
// The same answer and the same time for a wrong password and an unknown user.
import { AppError } from '@dockledger/contract/error-code';
import { verifyPassword } from '../users/password-hasher.ts';
import type { UserAccess } from '../users/user-access.ts';
import type { User, UserStore } from '../users/user-store.ts';
import type { RevokedTokens } from './revoked-tokens.ts';
import type { SessionTokens } from './session-tokens.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';
import { type SignedIn, toSignedIn } from './signed-in.ts';
import type { VerifiedCredentials } from './verified-credentials.ts';

/** What a request brings as proof. */
export interface Proof {
  readonly authorization: string | undefined;
  /** The token in the page's cookie. */
  readonly cookieToken: string | undefined;
  /** Address of the caller, for throttling. */
  readonly address: string;
}

/** Signs people in and recognises them. */
export interface SignIn {
  /** Who brings this proof. Throws `unauthenticated` or `too_many_requests`. */
  recognise(proof: Proof): Promise<SignedIn>;
  /** A token for name and password. Throws `unauthenticated` or `too_many_requests`. */
  withPassword(username: string, password: string, address: string): Promise<string>;
  /** A fresh token for somebody who is signed in; the old one stays valid until it expires. */
  renew(signedIn: SignedIn): Promise<string>;
  /** Makes the token that proved this void. Does nothing for Basic. */
  signOut(signedIn: SignedIn): Promise<void>;
  /** Forgets remembered credentials of a user whose password or role changed. */
  forget(username: string): void;
}

/** What {@link createSignIn} needs. */
export interface SignInParts {
  readonly users: UserStore;
  /** What a user may do and see. */
  readonly accessOf: (user: User) => Promise<UserAccess>;
  /** False while credentials on each request do not count. */
  readonly isBasicAllowed: () => boolean;
  readonly tokens: SessionTokens;
  readonly revoked: RevokedTokens;
  readonly throttle: SignInThrottle;
  readonly verified: VerifiedCredentials;
  /** Told of each wrong password or unknown user. */
  readonly onFailed: (username: string, address: string) => void;
}

const wrongCredentials = 'User name or password is wrong.';

/** Puts the parts together. */
export function createSignIn(parts: SignInParts): SignIn {
  const { users, accessOf, isBasicAllowed, tokens, revoked, throttle, verified, onFailed } = parts;
  const running = new Map<string, Promise<User>>();

  async function check(username: string, password: string, address: string): Promise<User> {
    throttle.check(username, address);
    const user = await users.byName(username);
    if (!(await verifyPassword(user?.passwordHash, password)) || user === undefined) {
      throttle.failed(username, address);
      onFailed(username, address);
      throw new AppError('unauthenticated', wrongCredentials);
    }
    throttle.succeeded(username, address);
    return user;
  }

  async function basic(header: string, address: string): Promise<SignedIn> {
    if (!isBasicAllowed())
      throw new AppError('unauthenticated', 'Basic is switched off on this Console: send a Bearer token.');
    const text = Buffer.from(header, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0)
      throw new AppError('unauthenticated', 'The Authorization header is not Basic as RFC 7617 defines it.');
    const [username, password] = [text.slice(0, colon), text.slice(colon + 1)];
    const key = verified.keyOf(username, password);
    const rememberedVersion = verified.versionOf(key);
    if (rememberedVersion !== undefined) {
      const user = await users.byName(username);
      if (user?.credentialsVersion === rememberedVersion)
        return toSignedIn(user, await accessOf(user), { via: 'basic' });
    }
    // Parallel requests of one client share one costly verification.
    const runKey = `${key} ${address}`;
    const verification = running.get(runKey) ?? check(username, password, address);
    running.set(runKey, verification);
    try {
      const user = await verification;
      verified.add(key, username, user.credentialsVersion);
      return toSignedIn(user, await accessOf(user), { via: 'basic' });
    } finally {
      running.delete(runKey);
    }
  }

  async function sign(user: User): Promise<string> {
    const { scope } = await accessOf(user);
    return tokens.sign({ ...user, collections: scope ?? [] });
  }

  async function byToken(token: string, via: 'bearer' | 'cookie'): Promise<SignedIn> {
    const claims = await tokens.verify(token);
    const user = await users.byName(claims.username);
    const isVoid =
      user === undefined ||
      user.credentialsVersion !== claims.credentialsVersion ||
      (await revoked.isRevoked(claims.tokenId));
    if (isVoid) throw new AppError('unauthenticated', 'The token is not valid or has expired. Sign in again.');
    return toSignedIn(user, await accessOf(user), { via, token: { id: claims.tokenId, expiresAt: claims.expiresAt } });
  }

  return {
    recognise: async ({ authorization, cookieToken, address }) => {
      const match = /^([A-Za-z]+) *(.*)$/.exec(authorization ?? '');
      const [scheme, value] = [match?.[1]?.toLowerCase(), (match?.[2] ?? '').trim()];
      if (scheme === 'basic' && value !== '') return basic(value, address);
      if (scheme === 'bearer' && value !== '') return byToken(value, 'bearer');
      if (cookieToken !== undefined) return byToken(cookieToken, 'cookie');
      throw new AppError('unauthenticated', 'Sign in: send Basic credentials or a Bearer token.');
    },
    withPassword: async (username, password, address) => sign(await check(username, password, address)),
    renew: async (signedIn) => {
      const user = await users.byName(signedIn.username);
      if (user === undefined) throw new AppError('unauthenticated', 'The user is gone.');
      return sign(user);
    },
    signOut: async ({ token }) => {
      if (token !== undefined) await revoked.revoke(token.id, token.expiresAt);
    },
    forget: (username) => verified.forget(username),
  };
}
