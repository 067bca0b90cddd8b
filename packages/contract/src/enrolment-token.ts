// The form of an enrolment token: a secret and the fingerprint of the only authority that may answer for the Console.

/** Name of the file in the data directory with a token for a Defender on the Console's own machine. There while the Console runs. */
export const localTokenFile = 'local-enrolment';

/** What a token says. */
export interface EnrolmentToken {
  /** Known to the Console by its digest only. */
  readonly secret: string;
  /** SHA-256 of the authority's certificate, lower-case hexadecimal. */
  readonly caFingerprint: string;
}

/** Writes a token as one word. `secret` must be base64url. */
export function formatEnrolmentToken({ secret, caFingerprint }: EnrolmentToken): string {
  return `dockledger-enrol-1.${secret}.${caFingerprint}`;
}

/** Reads a token. Undefined when it is none. */
export function parseEnrolmentToken(text: string): EnrolmentToken | undefined {
  const [, secret, caFingerprint] = /^dockledger-enrol-1\.([\w-]{20,100})\.([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  return secret === undefined || caFingerprint === undefined ? undefined : { secret, caFingerprint };
}
