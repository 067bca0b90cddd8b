// The authority of people who reach Docker over TLS: signs their certificates and those of the Defenders' TLS listeners.
// Invariant: it is not the authority of the Defender channel, so that a person's certificate never passes for a Defender's, nor
// a listener's for the Console's.
// oxlint-disable-next-line import/no-unassigned-import -- the certificate library wants it loaded first
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import * as x509 from '@peculiar/x509';
import { writeFileDurably } from '../storage/durable-file.ts';

/** A certificate for a person, with its key. Neither is kept by the Console. */
export interface IssuedCertificate {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  readonly certificate: string;
  readonly key: string;
}

/** Signs for people and for the listeners that they connect to. */
export interface PeopleAuthority {
  readonly caPem: string;
  /** Makes a key and signs it for a person. The names must have been checked. Times are milliseconds since 1970. */
  issueForPerson(person: {
    readonly user: string;
    readonly groups: readonly string[];
    readonly expiresAt: number;
  }): Promise<IssuedCertificate>;
  /** Signs the certificate of a TLS listener. Throws `bad_request` when the request does not prove its key or a name is none. */
  signListener(request: { readonly certificateRequest: string; readonly names: readonly string[] }): Promise<string>;
}

const dayMs = 86_400_000;
const caLifetimeMs = 7300 * dayMs;
const listenerLifetimeMs = 397 * dayMs;
/** Clocks of hosts differ; a certificate that is "not yet valid" there could not be used. */
const toleratedSkewMs = 3_600_000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Opens the authority in `directory`, making it at first. `now` is milliseconds since 1970. */
export async function openPeopleAuthority(directory: string, now: () => number = Date.now): Promise<PeopleAuthority> {
  x509.cryptoProvider.set(webcrypto);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { pem, certificate: ca, signingKey } = (await load(directory)) ?? (await create(directory, now()));

  const sign = async (options: {
    readonly subject: string | x509.JsonName;
    readonly publicKey: x509.PublicKeyType;
    readonly expiresAt: number;
    readonly use: x509.ExtendedKeyUsage;
    readonly more: readonly x509.Extension[];
  }) => {
    const serialNumber = newSerialNumber();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: options.subject,
      issuer: ca.subject,
      notBefore: new Date(now() - toleratedSkewMs),
      notAfter: new Date(Math.min(options.expiresAt, ca.notAfter.getTime())),
      signingAlgorithm: algorithm,
      publicKey: options.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([options.use]),
        ...options.more,
        await x509.AuthorityKeyIdentifierExtension.create(ca),
      ],
    });
    return { serialNumber, certificate: `${certificate.toString('pem').trimEnd()}\n` };
  };

  return {
    caPem: pem,
    issueForPerson: async ({ user, groups, expiresAt }) => {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const issued = await sign({
        subject: [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
        publicKey: keys.publicKey,
        expiresAt,
        use: x509.ExtendedKeyUsage.clientAuth,
        more: [],
      });
      return { ...issued, key: await toKeyPem(keys.privateKey) };
    },
    signListener: async ({ certificateRequest, names }) => {
      const publicKey = await provenKey(certificateRequest);
      const wrong = names.find((name) => isIP(name) === 0 && !hostName.test(name));
      if (wrong !== undefined)
        throw new AppError('bad_request', `${JSON.stringify(wrong)} is no host name or address.`);
      const { certificate } = await sign({
        subject: 'CN=Dockledger Defender',
        publicKey,
        expiresAt: now() + listenerLifetimeMs,
        use: x509.ExtendedKeyUsage.serverAuth,
        more: [
          new x509.SubjectAlternativeNameExtension(
            names.map((name) => (isIP(name) === 0 ? { type: 'dns', value: name } : { type: 'ip', value: name })),
          ),
        ],
      });
      return certificate;
    },
  };
}

const hostName = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

async function provenKey(pem: string): Promise<x509.PublicKey> {
  const refuse = (cause?: unknown) =>
    new AppError('bad_request', 'The certificate request is not a PKCS#10 request that its own key signs.', { cause });
  let request: x509.Pkcs10CertificateRequest;
  let isProven = false;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    isProven = await request.verify();
  } catch (error) {
    throw refuse(error);
  }
  if (!isProven) throw refuse();
  return request.publicKey;
}

interface Authority {
  readonly pem: string;
  readonly certificate: x509.X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
}

async function load(directory: string): Promise<Authority | undefined> {
  try {
    const pem = await readFile(join(directory, 'people-ca.pem'), 'utf8');
    const der = x509.PemConverter.decodeFirst(await readFile(join(directory, 'people-ca-key.pem'), 'utf8'));
    const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
    return { pem, certificate: new x509.X509Certificate(pem), signingKey };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function create(directory: string, now: number): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: `CN=Dockledger people ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + caLifetimeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString('pem').trimEnd()}\n`;
  // The key first: a certificate without its key could sign nothing and would be kept as the authority.
  await writeFileDurably(join(directory, 'people-ca-key.pem'), await toKeyPem(keys.privateKey), 0o600);
  await writeFileDurably(join(directory, 'people-ca.pem'), pem, 0o644);
  return { pem, certificate, signingKey: keys.privateKey };
}

async function toKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY').trimEnd()}\n`;
}

function newSerialNumber(): string {
  // The first byte stays between 1 and 127, so that the number is positive and has no needless zero (RFC 5280, 4.1.2.2).
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}
