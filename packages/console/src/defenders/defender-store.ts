// The port to what the Console remembers of Defenders: who is enrolled, who is revoked, and which tokens wait to be used.

/** A Defender that was enrolled. */
export interface EnrolledDefender {
  readonly defenderId: string;
  /** Name for people; empty: the host's own. */
  readonly name: string;
  readonly cluster: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, as all times here. */
  readonly enrolledAt: number;
  /** When its newest certificate expires. */
  readonly certificateExpiresAt: number;
  /** Certificates made up to here are refused. 0 when none ever was. */
  readonly refuseIssuedUntil: number;
  /** Set while it is revoked. */
  readonly revokedAt: number | undefined;
  /** When it was last heard, as far as it was written down. */
  readonly lastSeenAt: number;
  /** Hostname at its last hello. */
  readonly hostname: string;
}

/** A token that was given out and not used. The secret itself is not kept. */
export interface WaitingToken {
  /** SHA-256 of the secret, hexadecimal. */
  readonly digest: string;
  readonly expiresAt: number;
  readonly createdBy: string;
  /** The only Defender that may use it; empty: any. */
  readonly defenderId: string;
  readonly name: string;
  readonly cluster: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Where this is kept. Every change is durable when it resolves. */
export interface DefenderStore {
  list(): Promise<readonly EnrolledDefender[]>;
  /** Adds or replaces. */
  save(defender: EnrolledDefender): Promise<void>;
  addToken(token: WaitingToken): Promise<void>;
  /** Takes the token out, so that of two users only one gets it. Undefined when there is none. Drops those that expired before `now`. */
  takeToken(digest: string, now: number): Promise<WaitingToken | undefined>;
}
