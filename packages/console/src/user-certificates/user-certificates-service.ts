// Issues and revokes the certificates with which people reach Docker over TLS.
// Invariant: what is handed out is on file first, and a revocation is durable before it is announced.

import { isCertificateName } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { IssuedCertificate, PeopleAuthority } from './people-authority.ts';
import type { UserCertificate, UserCertificateStore } from './user-certificate-store.ts';

/** What a person gets. */
export interface HandedOutCertificate extends IssuedCertificate {
  readonly ca: string;
  readonly issued: UserCertificate;
}

/** Issues, lists and revokes. */
export interface UserCertificatesService {
  /** Throws `bad_request` for names that rules could mistake for something else. `days` defaults to the setting. */
  issue(
    person: { readonly user: string; readonly groups: readonly string[]; readonly days?: number },
    by: string,
  ): Promise<HandedOutCertificate>;
  /** Newest first. */
  list(): readonly UserCertificate[];
  /** Idempotent. Throws `not_found`. Resolves when Defenders have been told. */
  revoke(serialNumber: string, by: string): Promise<UserCertificate>;
  /** Serial numbers that no longer count and have not expired, sorted. */
  revoked(): readonly string[];
}

/** What {@link openUserCertificates} needs. */
export interface UserCertificatesParts {
  readonly store: UserCertificateStore;
  readonly authority: PeopleAuthority;
  /** Validity when a request names none. */
  readonly days: number;
  readonly now: () => number;
  /** Brings the revocations to the Defenders. */
  readonly onRevoked: (by: string) => Promise<unknown>;
}

const dayMs = 86_400_000;
/** A revoked certificate stays listed this long after its end, for Defenders whose clock is behind. */
const keptAfterEndMs = 7 * dayMs;

/** Loads what was issued before. */
export async function openUserCertificates(parts: UserCertificatesParts): Promise<UserCertificatesService> {
  const { store, authority, now } = parts;
  let issued = await store.list();
  return {
    list: () => issued,
    revoked: () =>
      issued
        .filter(({ revokedAt, expiresAt }) => revokedAt !== undefined && expiresAt + keptAfterEndMs > now())
        .map(({ serialNumber }) => serialNumber)
        .toSorted(),
    issue: async ({ user, groups, days = parts.days }, by) => {
      for (const name of [user, ...groups]) requireName(name);
      const at = now();
      const expiresAt = at + days * dayMs;
      const made = await authority.issueForPerson({ user, groups: [...new Set(groups)], expiresAt });
      const { serialNumber } = made;
      const entry: UserCertificate = { serialNumber, user, groups, issuedAt: at, issuedBy: by, expiresAt };
      await store.save(entry);
      issued = [entry, ...issued];
      return { ...made, ca: authority.caPem, issued: entry };
    },
    revoke: async (serialNumber, by) => {
      const found = issued.find((each) => each.serialNumber === serialNumber);
      if (found === undefined) {
        throw new AppError('not_found', `There is no certificate with the serial number ${serialNumber.slice(0, 64)}.`);
      }
      if (found.revokedAt !== undefined) return found;
      const revoked: UserCertificate = { ...found, revokedAt: now(), revokedBy: by };
      await store.save(revoked);
      issued = issued.map((each) => (each.serialNumber === serialNumber ? revoked : each));
      await parts.onRevoked(by);
      return revoked;
    },
  };
}

function requireName(name: string): void {
  if (isCertificateName(name)) return;
  const sentence = `${JSON.stringify(name.slice(0, 100))} cannot stand in a certificate: use letters, digits and . _ @ + -, at most 64, not beginning with . @ + or -. Names with a colon are those of uids and containers.`;
  throw new AppError('bad_request', sentence);
}
