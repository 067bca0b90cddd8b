// The port that remembers which tokens were signed out before they expired.

/** Where revoked tokens are kept until they would have expired anyway. */
export interface RevokedTokens {
  /** Durable when it resolves. `expiresAt` is in seconds since 1970. */
  revoke(tokenId: string, expiresAt: number): Promise<void>;
  isRevoked(tokenId: string): Promise<boolean>;
}
