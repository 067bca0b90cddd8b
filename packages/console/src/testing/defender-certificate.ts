// Client certificates for simulated Defenders, signed with a Console's own authority as enrolment would.
// oxlint-disable-next-line import/no-unassigned-import -- the certificate library wants it loaded first
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { openCertificateAuthority } from '../ca/certificate-authority.ts';

/** Key and certificate, PEM, in the form that TLS options take. */
export interface ClientCertificate {
  readonly key: string;
  readonly cert: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A key and the request for its certificate, both PEM. */
export async function createRequest(name: string): Promise<{ key: string; certificateRequest: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, certificateRequest: request.toString('pem') };
}

/** A certificate for that Defender by the authority in the Console's data directory. `now` is when it is made. */
export async function createDefenderCertificate(
  dataDir: string,
  defenderId: string,
  now: () => number = Date.now,
): Promise<ClientCertificate> {
  const authority = await openCertificateAuthority(join(dataDir, 'ca'), now);
  const { key, certificateRequest } = await createRequest(defenderId);
  return { key, cert: await authority.signDefender({ certificateRequest, defenderId }) };
}
