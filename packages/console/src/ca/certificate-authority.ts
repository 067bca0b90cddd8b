// The Console's own certificate authority and the server certificate it signs, as files under <data>/ca/.
// Keys never leave their 0600 files; ca.pem is public; the server certificate is made anew before it expires or when names change.
// oxlint-disable-next-line import/no-unassigned-import -- the certificate library wants it loaded first
import 'reflect-metadata';
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { writeFileDurably } from '../storage/durable-file.ts';
import { issueDefenderCertificate } from './defender-certificate.ts';

/** What an HTTPS server needs. */
export interface ServerCredentials {
  /** Server certificate followed by the authority's, PEM. */
  readonly cert: string;
  readonly key: string;
}

/** The opened authority. */
export interface CertificateAuthority {
  /** Path of the authority's public certificate. */
  readonly caFile: string;
  readonly caPem: string;
  /** SHA-256 of the authority's certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The server's certificate: the stored one when it is valid for another 30 days and covers all names, else a new one. */
  serverCredentials(names: readonly string[]): Promise<ServerCredentials>;
  /** Signs a Defender's certificate for 90 days. Throws `bad_request` when the request does not prove its key. */
  signDefender(request: { readonly certificateRequest: string; readonly defenderId: string }): Promise<string>;
}

const dayMs = 86_400_000;
const caLifetimeMs = 3650 * dayMs;
const serverLifetimeMs = 397 * dayMs;
const renewBeforeMs = 30 * dayMs;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Opens the authority in `directory`, making it at first. `now` is milliseconds since 1970. */
export async function openCertificateAuthority(
  directory: string,
  now: () => number = Date.now,
): Promise<CertificateAuthority> {
  x509.cryptoProvider.set(webcrypto);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  // Other users of the machine may walk to ca.pem, which they need to know the Console by; they cannot list, and keys are 0600.
  await chmod(directory, 0o711);
  const caFile = join(directory, 'ca.pem');
  const authority = (await loadAuthority(directory, now())) ?? (await createAuthority(directory, now()));
  return {
    caFile,
    caPem: authority.pem,
    fingerprint: new X509Certificate(authority.pem).fingerprint256.replaceAll(':', '').toLowerCase(),
    serverCredentials: async (names) => {
      const wanted = [...new Set(names)].toSorted();
      const kept = await loadServer(directory, wanted, authority.pem, now());
      const { cert, key } = kept ?? (await createServer(directory, wanted, authority, now()));
      return { cert: `${cert.trimEnd()}\n${authority.pem}`, key };
    },
    signDefender: (request) => issueDefenderCertificate(authority, { ...request, now: now() }),
  };
}

interface Authority {
  readonly pem: string;
  readonly certificate: x509.X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function loadAuthority(directory: string, now: number): Promise<Authority | undefined> {
  const pem = await readOptional(join(directory, 'ca.pem'));
  const keyPem = await readOptional(join(directory, 'ca-key.pem'));
  if (pem === undefined || keyPem === undefined) return undefined;
  const certificate = new x509.X509Certificate(pem);
  if (certificate.notAfter.getTime() < now + renewBeforeMs) return undefined;
  const der = x509.PemConverter.decodeFirst(keyPem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
  return { pem, certificate, signingKey: signingKey };
}

async function createAuthority(directory: string, now: number): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Dockledger CA ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + caLifetimeMs),
    signingAlgorithm: algorithm,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString('pem').trimEnd()}\n`;
  // The key first: a certificate without its key could sign nothing and would be kept as the authority.
  await writeFileDurably(join(directory, 'ca-key.pem'), await toKeyPem(keys.privateKey), 0o600);
  await writeFileDurably(join(directory, 'ca.pem'), pem, 0o644);
  return { pem, certificate, signingKey: keys.privateKey };
}

async function loadServer(directory: string, names: readonly string[], caPem: string, now: number) {
  const cert = await readOptional(join(directory, 'server.pem'));
  const key = await readOptional(join(directory, 'server-key.pem'));
  if (cert === undefined || key === undefined) return undefined;
  const parsed = new X509Certificate(cert);
  if (!parsed.verify(new X509Certificate(caPem).publicKey)) return undefined;
  if (parsed.validToDate.getTime() < now + renewBeforeMs) return undefined;
  const covered = names.every((name) =>
    isIP(name) === 0 ? parsed.checkHost(name) !== undefined : parsed.checkIP(name) !== undefined,
  );
  return covered ? { cert, key } : undefined;
}

async function createServer(directory: string, names: readonly string[], authority: Authority, now: number) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Dockledger Console',
    issuer: authority.certificate.subject,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(Math.min(now + serverLifetimeMs, authority.certificate.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => (isIP(name) === 0 ? { type: 'dns', value: name } : { type: 'ip', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const cert = `${certificate.toString('pem').trimEnd()}\n`;
  const key = await toKeyPem(keys.privateKey);
  await writeFileDurably(join(directory, 'server-key.pem'), key, 0o600);
  await writeFileDurably(join(directory, 'server.pem'), cert, 0o644);
  return { cert, key };
}

async function toKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY').trimEnd()}\n`;
}

function serialNumber(): string {
  // The first byte stays between 1 and 127, so that the number is positive and has no needless zero (RFC 5280, 4.1.2.2).
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}
