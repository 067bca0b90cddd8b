// SHA-256 and Ed25519 of node:crypto in the shapes that the pure tlog modules take.
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { AppError } from '@dockledger/contract/error-code';
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

/** True when `signature` is the raw public key's over `message`. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  return signature.length === 64 && verify(null, message, key, signature);
}

/** The verifier of an Ed25519 vkey. Throws `bad_parameter` for a malformed key or one of another kind. */
export function createNoteVerifier(vkey: string): NoteVerifier {
  const key = parseVerifierKey(nodeSha256, vkey);
  if (key.algorithm !== noteAlgorithm.ed25519) {
    throw new AppError(
      'bad_parameter',
      `Key ${key.name} is of kind ${key.algorithm}; only Ed25519 (1) signs checkpoints here.`,
    );
  }
  return {
    name: key.name,
    keyId: key.keyId,
    verify: (text, signature) => verifyEd25519(key.publicKey, text, signature),
  };
}
