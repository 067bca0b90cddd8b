// The Ed25519 keys that sign checkpoints, in the note format's text forms.
// A secret key never enters a message or a log; only its public id does.
import { randomBytes } from 'node:crypto';
import { AppError } from '@dockledger/contract/error-code';
import { nodeSha256, privateKeyOfSeed, rawPublicKey, signEd25519 } from './node-crypto.ts';
import { parseBase64, toBase64 } from './tlog/base64.ts';
import { encodeCosignature, toCosignedMessage } from './tlog/cosignature.ts';
import {
  computeKeyId,
  formatKeyId,
  formatVerifierKey,
  isKeyName,
  noteAlgorithm,
  type SignedNote,
} from './tlog/note.ts';

/** A key that signs notes. `skey` is the secret's text form: keep it in a file of mode 0600. */
export interface SigningKey {
  readonly name: string;
  readonly keyId: number;
  readonly vkey: string;
  readonly skey: string;
  /** What stands behind the key id in a signature line over `text`. */
  sign(text: Uint8Array): Uint8Array;
}

type Algorithm = (typeof noteAlgorithm)[keyof typeof noteAlgorithm];

function signingKeyOfSeed(name: string, seed: Uint8Array, algorithm: Algorithm, nowSeconds: () => number): SigningKey {
  if (!isKeyName(name)) {
    throw new AppError(
      'bad_parameter',
      `"${name}" cannot name a key: use a URL without scheme, spaces and plus signs.`,
    );
  }
  const privateKey = privateKeyOfSeed(seed);
  const publicKey = rawPublicKey(privateKey);
  const keyId = computeKeyId(nodeSha256, name, algorithm, publicKey);
  const cosign = (text: Uint8Array): Uint8Array => {
    const time = nowSeconds();
    return encodeCosignature(time, signEd25519(privateKey, toCosignedMessage(time, text)));
  };
  return {
    name,
    keyId,
    vkey: formatVerifierKey({ name, keyId, algorithm, publicKey }),
    skey: `PRIVATE+KEY+${name}+${formatKeyId(keyId)}+${toBase64(new Uint8Array([algorithm, ...seed]))}`,
    sign: algorithm === noteAlgorithm.cosignatureV1 ? cosign : (text) => signEd25519(privateKey, text),
  };
}

const noClock = (): number => 0;

/** A new random key for a log. */
export function createSigningKey(name: string): SigningKey {
  return signingKeyOfSeed(name, randomBytes(32), noteAlgorithm.ed25519, noClock);
}

/** A new random key for a witness, which cosigns at the whole second that `nowSeconds` gives. */
export function createCosigningKey(name: string, nowSeconds: () => number): SigningKey {
  return signingKeyOfSeed(name, randomBytes(32), noteAlgorithm.cosignatureV1, nowSeconds);
}

/** Parses a log's key in the text form `PRIVATE+KEY+name+id+base64`. Throws `bad_parameter` without repeating the secret. */
export function parseSigningKey(skey: string): SigningKey {
  return parseKey(skey, noteAlgorithm.ed25519, noClock);
}

/** Parses a witness's key, as {@link parseSigningKey} does a log's. */
export function parseCosigningKey(skey: string, nowSeconds: () => number): SigningKey {
  return parseKey(skey, noteAlgorithm.cosignatureV1, nowSeconds);
}

function parseKey(skey: string, algorithm: Algorithm, nowSeconds: () => number): SigningKey {
  const [first, second, name = '', id, ...rest] = skey.trim().split('+');
  const bytes = parseBase64(rest.join('+'));
  if (first !== 'PRIVATE' || second !== 'KEY' || bytes?.length !== 33 || bytes[0] !== algorithm) {
    throw new AppError(
      'bad_parameter',
      `The signing key is not in the form PRIVATE+KEY+name+id+base64 of a key of kind ${algorithm}.`,
    );
  }
  const key = signingKeyOfSeed(name, bytes.subarray(1), algorithm, nowSeconds);
  if (formatKeyId(key.keyId) !== id) {
    throw new AppError(
      'bad_parameter',
      `The signing key of ${name} says id ${id}, but its id is ${formatKeyId(key.keyId)}.`,
    );
  }
  return key;
}

/** Signs `text`, which must end in a newline, with each key in order. */
export function signNote(text: string, keys: readonly SigningKey[]): SignedNote {
  const bytes = new TextEncoder().encode(text);
  return { text, signatures: keys.map((key) => ({ name: key.name, keyId: key.keyId, signature: key.sign(bytes) })) };
}
