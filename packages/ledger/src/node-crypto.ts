// SHA-256 and Ed25519 of node:crypto in the shapes that the pure tlog modules take.
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { AppError } from '@dockledger/contract/error-code';
import { parseCosignature, toCosignedMessage } from './tlog/cosignature.ts';
import { type NoteVerifier, noteAlgorithm, parseVerifierKey } from './tlog/note.ts';
import { createTreeHasher, type Sha256, type TreeHasher } from './tlog/tree-hash.ts';

/** SHA-256 in one call of node:crypto. */
export const nodeSha256: Sha256 = (data) => hash('sha256', data, 'buffer');

/** A tree hasher on {@link nodeSha256}. One per thread is enough: its calls are synchronous. */
export const nodeTreeHasher: TreeHasher = createTreeHasher(nodeSha256);

// DER prefixes of RFC 8410 keys: what node:crypto takes around a raw seed or public key.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** The private key of a 32-byte seed. */
export function privateKeyOfSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

/** The raw 32-byte public key that belongs to a private or public key object. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  return new Uint8Array(spki.subarray(spkiPrefix.length));
}

/** An Ed25519 signature, 64 bytes. */
export function signEd25519(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, key));
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  return signature.length === 64 && verify(null, message, key, signature);
}

/** The verifier of a vkey: a log's Ed25519 key or a witness's cosignature/v1 key. Throws `bad_parameter` for any other. */
export function createNoteVerifier(vkey: string): NoteVerifier {
  const { name, keyId, algorithm, publicKey } = parseVerifierKey(nodeSha256, vkey);
  if (algorithm === noteAlgorithm.ed25519) {
    return { name, keyId, verify: (text, signature) => verifyEd25519(publicKey, text, signature) };
  }
  if (algorithm === noteAlgorithm.cosignatureV1) {
    return {
      name,
      keyId,
      verify: (text, signature) => {
        const parts = parseCosignature(signature);
        return parts !== undefined && verifyEd25519(publicKey, toCosignedMessage(parts.time, text), parts.signature);
      },
    };
  }
  throw new AppError(
    'bad_parameter',
    `Key ${name} is of kind ${algorithm}; Ed25519 (1) and cosignature/v1 (4) are understood.`,
  );
}
