// The port that remembers which certificates were issued to whom and which were revoked. Keys are never kept.

/** One certificate as it was issued. Times are milliseconds since 1970. */
export interface UserCertificate {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly issuedAt: number;
  readonly issuedBy: string;
  readonly expiresAt: number;
  /** Undefined while it is good. */
  readonly revokedAt?: number;
  readonly revokedBy?: string;
}

/** Where issued certificates are kept. */
export interface UserCertificateStore {
  /** Newest first. */
  list(): Promise<readonly UserCertificate[]>;
  /** Adds or replaces by serial number. Durable when it resolves. */
  save(certificate: UserCertificate): Promise<void>;
}
