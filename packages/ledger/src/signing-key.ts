// The Ed25519 keys that sign checkpoints, in the note format's text forms.
// A secret key never enters a message or a log; only its public id does.
import { randomBytes } from 'node:crypto';
import { AppError } from '@dockledger/contract/error-code';
import { nodeSha256, privateKeyOfSeed, rawPublicKey, signEd25519 } from './node-crypto.ts';
import { parseBase64, toBase64 } from './tlog/base64.ts';
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
  sign(text: Uint8Array): Uint8Array;
}

/** The key of a 32-byte seed under `name` (the log's origin). Throws `bad_parameter` for an impossible name. */
function signingKeyOfSeed(name: string, seed: Uint8Array): SigningKey {
  if (!isKeyName(name)) {
    throw new AppError(
      'bad_parameter',
      `"${name}" cannot name a key: use a URL without scheme, spaces and plus signs.`,
    );
  }
  const privateKey = privateKeyOfSeed(seed);
  const publicKey = rawPublicKey(privateKey);
  const keyId = computeKeyId(nodeSha256, name, noteAlgorithm.ed25519, publicKey);
  return {
    name,
    keyId,
    vkey: formatVerifierKey({ name, keyId, algorithm: noteAlgorithm.ed25519, publicKey }),
    skey: `PRIVATE+KEY+${name}+${formatKeyId(keyId)}+${toBase64(new Uint8Array([noteAlgorithm.ed25519, ...seed]))}`,
    sign: (text) => signEd25519(privateKey, text),
  };
}

/** A new random key. */
export function createSigningKey(name: string): SigningKey {
  return signingKeyOfSeed(name, randomBytes(32));
}

/** Parses the text form `PRIVATE+KEY+name+id+base64`. Throws `bad_parameter` without repeating the secret. */
export function parseSigningKey(skey: string): SigningKey {
  const [first, second, name = '', id, ...rest] = skey.trim().split('+');
  const bytes = parseBase64(rest.join('+'));
  if (first !== 'PRIVATE' || second !== 'KEY' || bytes?.length !== 33 || bytes[0] !== noteAlgorithm.ed25519) {
    throw new AppError(
      'bad_parameter',
      'The signing key is not in the form PRIVATE+KEY+name+id+base64 of an Ed25519 key.',
    );
  }
  const key = signingKeyOfSeed(name, bytes.subarray(1));
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
