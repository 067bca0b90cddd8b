// What a Defender shows the Console and whom it trusts: key, certificate and the Console's authorities, in one file.
// Invariant: the file is replaced whole, so that key and certificate always belong together; mode 0600.
import { X509Certificate } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@dockledger/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** A Defender's identity on the channel. */
export const ChannelIdentity = Type.Object({
  defenderId: Type.String({ minLength: 1 }),
  key: Type.String({ description: 'PKCS#8, PEM' }),
  certificate: Type.String({ description: 'PEM' }),
  ca: Type.String({ description: 'Authorities of the Console, PEM' }),
  consoleUrl: Type.String({ description: 'Defender channel of the Console that enrolled it' }),
  cluster: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ChannelIdentity = Static<typeof ChannelIdentity>;

/** Reads the identity; undefined when this Defender was never enrolled. A damaged file stops the start. */
export async function loadChannelIdentity(path: string): Promise<ChannelIdentity | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (Value.Check(ChannelIdentity, found)) return found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError('bad_setting', `The Defender's identity in ${path} is damaged. Remove it and enrol again.`);
}

/** Replaces the identity. Durable when it resolves. */
export async function saveChannelIdentity(path: string, identity: ChannelIdentity): Promise<void> {
  await using file = await open(`${path}.tmp`, 'w', 0o600);
  await file.writeFile(JSON.stringify(identity));
  await file.sync();
  await rename(`${path}.tmp`, path);
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
}

/** The certificates of a PEM bundle. */
export function certificatesOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** SHA-256 of a certificate, lower-case hexadecimal, as enrolment tokens carry it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** When to ask for the next certificate: after two thirds of the present one's life. Milliseconds since 1970. */
export function renewalDueAt({ certificate }: ChannelIdentity): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return from + ((to - from) * 2) / 3;
}

/** True when the Console would not take the certificate any more. */
export function isExpired({ certificate }: ChannelIdentity, now: number): boolean {
  return new X509Certificate(certificate).validToDate.getTime() <= now;
}
