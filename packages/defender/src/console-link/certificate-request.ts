// Makes a key and the request for its certificate (PKCS#10, RFC 2986) with Node's own crypto.
// Invariant: the key is made here, on the host, and leaves this process only into the Defender's own 0600 file.
import { generateKeyPairSync, sign } from 'node:crypto';

/** A fresh key and the request that proves its possession. */
export interface KeyWithRequest {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** PKCS#10, PEM. */
  readonly certificateRequest: string;
}

const tags = { sequence: 0x30, set: 0x31, attributes: 0xa0 };
const versionZero = Buffer.from('020100', 'hex');
const commonName = Buffer.from('0603550403', 'hex');
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');

/** One DER value. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** Makes a P-256 key and a request for a certificate with that common name. */
export function createKeyWithRequest(name: string): KeyWithRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = der(tags.sequence, der(tags.set, der(tags.sequence, commonName, der(0x0c, Buffer.from(name)))));
  const info = der(
    tags.sequence,
    versionZero,
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(tags.attributes),
  );
  const signature = sign('sha256', info, privateKey);
  const request = der(tags.sequence, info, der(tags.sequence, ecdsaWithSha256), der(0x03, Buffer.from([0]), signature));
  const lines = request.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificateRequest: `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}
