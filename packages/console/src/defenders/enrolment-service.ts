// Who may speak on the Defender channel: tokens, certificates, revocations. The check of a connection asks memory only, so that
// a revocation holds at once; what is remembered is durable before anybody is told.
import { createHash, randomBytes, type X509Certificate } from 'node:crypto';
import {
  type CertificateAnswer,
  type EnrolRequest,
  formatEnrolmentToken,
  parseEnrolmentToken,
} from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type CheckedCertificate, checkDefenderCertificate, parseAuthorities } from '../ca/defender-certificate.ts';
import type { DefenderStore, EnrolledDefender, WaitingToken } from './defender-store.ts';

/** What a token may be bound to. Empty means: not bound. */
export interface TokenBinding {
  readonly defenderId?: string;
  readonly name?: string;
  readonly cluster?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A token as it is shown, once. */
export interface MadeToken {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Why a connection is not taken. */
export type Refusal = Extract<CheckedCertificate, { refusal: string }>['refusal'] | 'revoked';

/** What the channel learns of a connection. */
export type Admission = { readonly defenderId: string } | { readonly refusal: Refusal; readonly defenderId?: string };

/** See the head of the file. */
export interface EnrolmentService {
  /** Makes a token that works once and for `validMs`. Throws `bad_request` when the binding makes no sense. */
  createToken(by: string, validMs: number, binding?: TokenBinding): Promise<MadeToken>;
  /** Trades a token for a certificate. Throws `forbidden` when the token does not hold, `conflict` when the Defender is enrolled already. */
  enrol(request: EnrolRequest): Promise<Omit<CertificateAnswer, 'channelPort'>>;
  /** The next certificate of a Defender that is connected. */
  renew(defenderId: string, certificateRequest: string): Promise<Omit<CertificateAnswer, 'channelPort'>>;
  /** Whether a certificate may speak, and for whom. */
  admit(certificate: X509Certificate | undefined): Admission;
  /** All that are enrolled, revoked ones too, by id. */
  list(): readonly EnrolledDefender[];
  /** Refuses all its certificates from now on. Throws `not_found`. */
  revoke(defenderId: string): Promise<EnrolledDefender>;
  /** Gives it another name for people. Throws `not_found`. */
  rename(defenderId: string, name: string): Promise<EnrolledDefender>;
  /** Writes down when Defenders were last heard. Unknown ones, enrolled before a backup was taken, become known again. */
  noteSeen(
    seen: readonly { readonly defenderId: string; readonly at: number; readonly hostname: string }[],
  ): Promise<void>;
  /** Called with the id whenever a Defender is revoked. */
  onRevoked(listener: (defenderId: string) => void): void;
}

/** What {@link openEnrolment} needs. */
export interface EnrolmentParts {
  readonly store: DefenderStore;
  /** Signs, and says which authorities are trusted now (PEM). */
  readonly authority: {
    readonly caPem: string;
    /** SHA-256 of the authority's certificate: what tokens pin. */
    readonly fingerprint: string;
    signDefender(request: { readonly certificateRequest: string; readonly defenderId: string }): Promise<string>;
  };
  readonly now: () => number;
  /** Replaces the token for a Defender on this very machine after its use; undefined when there is none. */
  readonly localToken?: { matches(secret: string): boolean; replace(): Promise<void> };
}

const digestOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

/** Loads what is enrolled. */
export async function openEnrolment({ store, authority, now, localToken }: EnrolmentParts): Promise<EnrolmentService> {
  const defendersById = new Map((await store.list()).map((defender) => [defender.defenderId, defender]));
  const listeners: ((defenderId: string) => void)[] = [];
  const authorities = parseAuthorities(authority.caPem);
  /** Signatures are checked once per connection; revocation and expiry on every request. */
  const verified = new WeakMap<X509Certificate, CheckedCertificate>();

  async function save(defender: EnrolledDefender): Promise<EnrolledDefender> {
    await store.save(defender);
    defendersById.set(defender.defenderId, defender);
    return defender;
  }

  function require(defenderId: string): EnrolledDefender {
    const found = defendersById.get(defenderId);
    if (found === undefined) throw new AppError('not_found', `There is no Defender ${JSON.stringify(defenderId)}.`);
    return found;
  }

  async function sign(defenderId: string, certificateRequest: string) {
    const certificate = await authority.signDefender({ certificateRequest, defenderId });
    return { certificate, expiresAt: parseAuthorities(certificate)[0]?.validToDate.getTime() ?? 0 };
  }

  /** The token that was waiting under this secret; one for this machine is bound to nothing. */
  async function takeToken(text: string): Promise<WaitingToken & { readonly isLocal: boolean }> {
    const secret = parseEnrolmentToken(text)?.secret ?? '';
    if (localToken?.matches(secret) === true) {
      await localToken.replace();
      const unbound = { defenderId: '', name: '', cluster: '', labels: {} };
      return { digest: '', expiresAt: 0, createdBy: '', ...unbound, isLocal: true };
    }
    const token = await store.takeToken(digestOf(secret), now());
    if (token === undefined || token.expiresAt < now()) {
      throw new AppError(
        'forbidden',
        'The enrolment token does not hold: it was used, has expired or was made by another Console.',
      );
    }
    return { ...token, isLocal: false };
  }

  return {
    createToken: async (by, validMs, { defenderId = '', name = '', cluster = '', labels = {} } = {}) => {
      const secret = randomBytes(32).toString('base64url');
      const expiresAt = now() + validMs;
      await store.addToken({ digest: digestOf(secret), expiresAt, createdBy: by, defenderId, name, cluster, labels });
      return { token: formatEnrolmentToken({ secret, caFingerprint: authority.fingerprint }), expiresAt };
    },
    enrol: async ({ token: text, defenderId, certificateRequest, host }) => {
      const token = await takeToken(text);
      if (token.defenderId !== '' && token.defenderId !== defenderId) {
        throw new AppError('forbidden', 'The enrolment token was made for another Defender.');
      }
      const before = defendersById.get(defenderId);
      // A token for anybody must not take over the name of a Defender that lives.
      if (before !== undefined && before.revokedAt === undefined && token.defenderId === '' && !token.isLocal) {
        const sentence = `A Defender ${defenderId} is enrolled already. Revoke it first, or make a token for that Defender.`;
        throw new AppError('conflict', sentence);
      }
      const { certificate, expiresAt } = await sign(defenderId, certificateRequest);
      await save({
        defenderId,
        name: token.name || (before?.name ?? ''),
        cluster: token.cluster,
        labels: token.labels,
        enrolledAt: now(),
        certificateExpiresAt: expiresAt,
        refuseIssuedUntil: before?.refuseIssuedUntil ?? 0,
        revokedAt: undefined,
        lastSeenAt: before?.lastSeenAt ?? 0,
        hostname: host.hostname,
      });
      const { cluster, labels } = token;
      return { certificate, ca: authority.caPem, ...(cluster !== '' && { cluster }), labels };
    },
    renew: async (defenderId, certificateRequest) => {
      const { certificate, expiresAt } = await sign(defenderId, certificateRequest);
      const before = defendersById.get(defenderId);
      if (before !== undefined) await save({ ...before, certificateExpiresAt: expiresAt });
      return { certificate, ca: authority.caPem };
    },
    admit: (certificate) => {
      const known = certificate && verified.get(certificate);
      const checked = known ?? checkDefenderCertificate(certificate, authorities, now());
      if ('refusal' in checked) return checked;
      if (certificate !== undefined) verified.set(certificate, checked);
      const { defenderId, issuedAt, expiresAt } = checked;
      if (expiresAt <= now()) return { refusal: 'expired', defenderId };
      const defender = defendersById.get(defenderId);
      const isRevoked =
        defender !== undefined && (defender.revokedAt !== undefined || issuedAt <= defender.refuseIssuedUntil);
      return isRevoked ? { refusal: 'revoked', defenderId } : { defenderId };
    },
    list: () => [...defendersById.values()].toSorted((a, b) => (a.defenderId < b.defenderId ? -1 : 1)),
    revoke: async (defenderId) => {
      const revokedAt = now();
      const revoked = await save({ ...require(defenderId), revokedAt, refuseIssuedUntil: revokedAt });
      for (const listener of listeners) listener(defenderId);
      return revoked;
    },
    rename: async (defenderId, name) => save({ ...require(defenderId), name }),
    noteSeen: async (seen) => {
      for (const { defenderId, at, hostname } of seen) {
        const before = defendersById.get(defenderId) ?? {
          defenderId,
          name: '',
          cluster: '',
          labels: {},
          enrolledAt: at,
          certificateExpiresAt: 0,
          refuseIssuedUntil: 0,
          revokedAt: undefined,
        };
        await save({ ...before, lastSeenAt: at, hostname });
      }
    },
    onRevoked: (listener) => listeners.push(listener),
  };
}
