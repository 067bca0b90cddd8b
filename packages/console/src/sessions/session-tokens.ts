// Signs and reads the bearer tokens of sign-ins: HS256 JWTs with keys that survive restarts, rotate, and stay in a 0600 file.
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '@dockledger/contract/error-code';
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { writeFileDurably } from '../storage/durable-file.ts';

const SigningKeys = Type.Array(Type.Object({ kid: Type.String(), secret: Type.String(), createdAt: Type.Integer() }), {
  minItems: 1,
});
type SigningKeys = Static<typeof SigningKeys>;

/** What a valid token says. */
export interface TokenClaims {
  readonly username: string;
  /** The user's credentials version when the token was made. */
  readonly credentialsVersion: number;
  readonly tokenId: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Signs and verifies tokens. */
export interface SessionTokens {
  /** A token for a user who has just proven who they are. `permissions` is the compatible claim of project and collections. */
  sign(user: {
    readonly username: string;
    readonly role: string;
    readonly credentialsVersion: number;
    readonly collections: readonly string[];
  }): Promise<string>;
  /** The claims of a token that we signed and that has not expired; else throws `unauthenticated`. */
  verify(token: string): Promise<TokenClaims>;
}

const rotateAfterMs = 30 * 86_400_000;
const issuer = 'dockledger';

/** Opens the keys in `keyFile`, making them at first and a new one when the newest is 30 days old. The lifetime is asked for at each sign-in. */
export async function openSessionTokens(
  keyFile: string,
  lifetimeSeconds: () => number,
  now: () => number = Date.now,
): Promise<SessionTokens> {
  const keys = await loadKeys(keyFile, lifetimeSeconds(), now());
  const newest = keys.at(-1);
  if (newest === undefined) throw new AppError('internal', 'No signing key.');
  return {
    sign: async (user) => {
      const issuedAt = Math.floor(now() / 1000);
      return new SignJWT({
        role: user.role,
        cv: user.credentialsVersion,
        ...(user.collections.length > 0 && {
          permissions: [{ project: 'Central Console', collections: [...user.collections] }],
        }),
      })
        .setProtectedHeader({ typ: 'JWT', alg: 'HS256', kid: newest.kid })
        .setIssuer(issuer)
        .setSubject(user.username)
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds())
        .sign(Buffer.from(newest.secret, 'base64'));
    },
    verify: async (token) => {
      try {
        const { kid } = decodeProtectedHeader(token);
        const key = keys.find((candidate) => candidate.kid === kid);
        if (key === undefined) throw new Error('unknown key');
        const { payload } = await jwtVerify(token, Buffer.from(key.secret, 'base64'), {
          algorithms: ['HS256'],
          issuer,
          currentDate: new Date(now()),
          requiredClaims: ['sub', 'jti', 'exp', 'cv'],
        });
        return {
          username: payload.sub ?? '',
          credentialsVersion: Number(payload['cv']),
          tokenId: payload.jti ?? '',
          expiresAt: payload.exp ?? 0,
        };
      } catch (error) {
        throw new AppError('unauthenticated', 'The token is not valid or has expired. Sign in again.', {
          cause: error,
        });
      }
    },
  };
}

async function loadKeys(keyFile: string, lifetimeSeconds: number, now: number): Promise<SigningKeys> {
  let kept: SigningKeys = [];
  try {
    const parsed: unknown = JSON.parse(await readFile(keyFile, 'utf8'));
    if (Value.Check(SigningKeys, parsed)) kept = parsed;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT') && !(error instanceof SyntaxError))
      throw error;
  }
  // A replaced key stays until the last token it signed has expired.
  const stillNeeded = kept.filter(
    (key) => now - key.createdAt < rotateAfterMs + lifetimeSeconds * 1000 + rotateAfterMs,
  );
  const newest = stillNeeded.at(-1);
  if (newest !== undefined && now - newest.createdAt < rotateAfterMs) return stillNeeded;
  const fresh = {
    kid: randomBytes(6).toString('base64url'),
    secret: randomBytes(32).toString('base64'),
    createdAt: now,
  };
  const keys = [...stillNeeded, fresh];
  await writeFileDurably(keyFile, `${JSON.stringify(keys)}\n`, 0o600);
  return keys;
}
