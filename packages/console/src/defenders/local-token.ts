// The token for a Defender on the Console's own machine: a file that only who may read the data directory (and so the CA's key)
// can use. This is how `dockledger up` enrols by itself. Works once; the next one takes its place at once.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { formatEnrolmentToken } from '@dockledger/contract';

/** See the head of the file. */
export interface LocalToken {
  matches(secret: string): boolean;
  /** Writes another one. Durable when it resolves. */
  replace(): Promise<void>;
}

/** Makes the first one. `write` replaces the file, mode 0600. The tokens of earlier runs do not hold any more. */
export async function openLocalToken(
  caFingerprint: string,
  write: (text: string) => Promise<void>,
): Promise<LocalToken> {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  let current = digest(randomBytes(32).toString());
  const replace = async () => {
    const secret = randomBytes(32).toString('base64url');
    current = digest(secret);
    await write(`${formatEnrolmentToken({ secret, caFingerprint })}\n`);
  };
  await replace();
  return { matches: (secret) => timingSafeEqual(digest(secret), current), replace };
}
