// The certificates that Defenders show on the channel: made from their requests, and checked on every connection.
// A certificate names exactly one Defender and says in its serial number when it was made, so that a revocation can name a moment.
// oxlint-disable-next-line import/no-unassigned-import -- the certificate library wants it loaded first
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { randomBytes, X509Certificate } from 'node:crypto';
import { AppError } from '@dockledger/contract/error-code';
import * as x509 from '@peculiar/x509';

/** How long a Defender's certificate lives, milliseconds. */
export const defenderCertificateLifetimeMs = 90 * 86_400_000;

const clientAuthentication = '1.3.6.1.5.5.7.3.2';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of hosts differ; a certificate that is "not yet valid" there could not be used. */
const toleratedSkewMs = 3_600_000;

/** What signs. */
export interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

/** Signs the request's key for that Defender. Throws `bad_request` when the request does not prove its key. */
export async function issueDefenderCertificate(
  issuer: Issuer,
  { certificateRequest, defenderId, now }: { certificateRequest: string; defenderId: string; now: number },
): Promise<string> {
  const request = await parseRequest(certificateRequest);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: toSerialNumber(now),
    // The name is ours to give; what the request asks for is not looked at.
    subject: `CN=${defenderId}`,
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - toleratedSkewMs),
    notAfter: new Date(Math.min(now + defenderCertificateLifetimeMs, issuer.certificate.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: request.publicKey,
    signingKey: issuer.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate),
      await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
    ],
  });
  return `${certificate.toString('pem').trimEnd()}\n`;
}

async function parseRequest(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  const refuse = (cause?: unknown) =>
    new AppError(
      'bad_request',
      'The certificate request is not a PKCS#10 request for an ECDSA P-256 key that signs it.',
      {
        cause,
      },
    );
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string };
    if (name === 'ECDSA' && namedCurve === 'P-256' && (await request.verify())) return request;
  } catch (error) {
    throw refuse(error);
  }
  throw refuse();
}

/** Whose certificate it is and when it was made (milliseconds since 1970), or why it is not taken. */
export type CheckedCertificate =
  | {
      readonly defenderId: string;
      readonly issuedAt: number;
      readonly serialNumber: string;
      readonly expiresAt: number;
    }
  | { readonly refusal: 'no-certificate' | 'wrong-ca' | 'expired' | 'not-a-defender' };

/** Checks a certificate against the authorities that are trusted now. The key's possession was proved by TLS. */
export function checkDefenderCertificate(
  certificate: X509Certificate | undefined,
  authorities: readonly X509Certificate[],
  now: number,
): CheckedCertificate {
  if (certificate === undefined) return { refusal: 'no-certificate' };
  const isOurs = authorities.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  if (!isOurs) return { refusal: 'wrong-ca' };
  const defenderId = /^CN=([A-Za-z0-9_-]{1,100})$/.exec(certificate.subject)?.[1];
  const uses: readonly string[] = certificate.keyUsage ?? [];
  if (defenderId === undefined || !uses.includes(clientAuthentication)) return { refusal: 'not-a-defender' };
  const expiresAt = certificate.validToDate.getTime();
  // The beginning is not looked at: it is our own, and a clock that was set back must not lock everybody out.
  if (now >= expiresAt) return { refusal: 'expired' };
  const serialNumber = certificate.serialNumber.toLowerCase().padStart(32, '0');
  return { defenderId, issuedAt: Number.parseInt(serialNumber.slice(0, 12), 16), serialNumber, expiresAt };
}

/** 48 bits of time in milliseconds, then 80 random ones. The first byte is 1 until the year 2527: positive, no needless zero. */
function toSerialNumber(now: number): string {
  return now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
}

/** The certificates of a PEM bundle. */
export function parseAuthorities(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
