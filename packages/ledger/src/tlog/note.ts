// C2SP signed notes and their keys: one spelling per note, key ids checked, unknown signers ignored, bad known ones fatal.
// Pure: SHA-256 and signature checks are injected.
import { AppError } from '@dockledger/contract/error-code';
import { parseBase64, toBase64 } from './base64.ts';
import type { Sha256 } from './tree-hash.ts';

/** Signature kinds that this package knows, by the type byte of C2SP signed-note. */
export const noteAlgorithm = { ed25519: 0x01, cosignatureV1: 0x04 } as const;

/** One signature line, taken apart. */
export interface NoteSignature {
  readonly name: string;
  /** First four bytes of the key's digest, big endian. */
  readonly keyId: number;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

/** A note: the signed text, which ends in a newline, and its signatures in order. */
export interface SignedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A public key in its parsed vkey form. */
export interface VerifierKey {
  readonly name: string;
  readonly keyId: number;
  readonly algorithm: number;
  readonly publicKey: Uint8Array;
}

/** A key that can check signatures. `verify` gets the note's text as bytes and the bytes after the key id. */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  verify(text: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

const maxNoteBytes = 1_000_000;
const maxSignatures = 100;
// Go's unicode.IsSpace, which the other implementations use, and the plus sign.
const forbiddenInName = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/u;
// oxlint-disable-next-line no-control-regex -- the format forbids exactly these
const hasControl = (text: string): boolean => /[\u0000-\u0009\u000b-\u001f]/.test(text);

/** True for a name that may stand in a signature line. */
export function isKeyName(name: string): boolean {
  return name !== '' && !forbiddenInName.test(name) && !hasControl(name);
}

/** SHA-256(name ‖ 0x0A ‖ algorithm ‖ publicKey), first four bytes. */
export function computeKeyId(sha256: Sha256, name: string, algorithm: number, publicKey: Uint8Array): number {
  const nameBytes = new TextEncoder().encode(name);
  const input = new Uint8Array(nameBytes.length + 2 + publicKey.length);
  input.set(nameBytes);
  input[nameBytes.length] = 0x0a;
  input[nameBytes.length + 1] = algorithm;
  input.set(publicKey, nameBytes.length + 2);
  const digest = sha256(input);
  return new DataView(digest.buffer, digest.byteOffset, 4).getUint32(0);
}

/** Eight lower-case hexadecimal digits. */
export function formatKeyId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0');
}

/** `name+id+base64(algorithm ‖ public key)`. */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${formatKeyId(key.keyId)}+${toBase64(new Uint8Array([key.algorithm, ...key.publicKey]))}`;
}

/** Parses a vkey and checks its id. Throws `bad_parameter`, naming what is wrong. */
export function parseVerifierKey(sha256: Sha256, vkey: string): VerifierKey {
  const fail = (reason: string): AppError =>
    new AppError('bad_parameter', `"${vkey.slice(0, 200)}" is not a verifier key: ${reason}.`);
  // Base64 may hold a plus sign, so only the first two separate.
  const [name = '', id = '', ...rest] = vkey.split('+');
  if (!isKeyName(name)) throw fail('the name is empty or holds a space or a plus sign');
  if (!/^[0-9a-f]{8}$/.test(id)) throw fail('the key id is not eight lower-case hexadecimal digits');
  const bytes = parseBase64(rest.join('+'));
  const algorithm = bytes?.[0];
  if (bytes === undefined || algorithm === undefined || bytes.length !== 33)
    throw fail('the key is not 33 bytes in base64');
  const publicKey = bytes.slice(1);
  const keyId = computeKeyId(sha256, name, algorithm, publicKey);
  if (formatKeyId(keyId) !== id) throw fail(`its key id should be ${formatKeyId(keyId)}`);
  return { name, keyId, algorithm, publicKey };
}

/** One signature line with its newline. */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  const bytes = new Uint8Array(4 + signature.length);
  new DataView(bytes.buffer).setUint32(0, keyId);
  bytes.set(signature, 4);
  return `— ${name} ${toBase64(bytes)}\n`;
}

/** Parses one signature line without its newline, or undefined. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  const match = /^— (\S+) (\S+)$/u.exec(line);
  const name = match?.[1] ?? '';
  const bytes = parseBase64(match?.[2] ?? '');
  if (!isKeyName(name) || bytes === undefined || bytes.length < 5) return undefined;
  return { name, keyId: new DataView(bytes.buffer).getUint32(0), signature: bytes.slice(4) };
}

/** The note's text form. */
export function formatNote(note: SignedNote): string {
  return `${note.text}\n${note.signatures.map(formatSignatureLine).join('')}`;
}

/** Parses a signed note. Throws `bad_record` for anything but the one valid spelling; checks no signature. */
export function parseNote(note: Uint8Array): SignedNote {
  const fail = (reason: string): AppError => new AppError('bad_record', `The signed note is malformed: ${reason}.`);
  if (note.length > maxNoteBytes) throw fail(`it has ${note.length} bytes`);
  let whole: string;
  try {
    whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note);
  } catch (cause) {
    throw new AppError('bad_record', 'The signed note is not valid UTF-8.', { cause });
  }
  if (hasControl(whole)) throw fail('it holds a control character');
  const cut = whole.lastIndexOf('\n\n');
  if (cut < 0 || !whole.endsWith('\n'))
    throw fail('it has no blank line before the signatures or no newline at its end');
  const lines = whole.slice(cut + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw fail(`it has more than ${maxSignatures} signatures`);
  const signatures = lines.map((line) => {
    const signature = parseSignatureLine(line);
    if (!signature) throw fail(`"${line.slice(0, 120)}" is not a signature line`);
    return signature;
  });
  return { text: whole.slice(0, cut + 1), signatures };
}

/**
 * The signatures of `note` that one of `verifiers` made. Unknown (name, id) pairs are ignored.
 * Throws `bad_record` when a known key's signature is wrong, and when none is left.
 */
export async function verifyNote(note: SignedNote, verifiers: readonly NoteVerifier[]): Promise<NoteSignature[]> {
  const text = new TextEncoder().encode(note.text);
  const valid: NoteSignature[] = [];
  for (const signature of note.signatures) {
    const known = verifiers.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (!known) continue;
    if (!(await known.verify(text, signature.signature))) {
      throw new AppError('bad_record', `The signature of ${known.name}+${formatKeyId(known.keyId)} is not valid.`);
    }
    valid.push(signature);
  }
  if (valid.length === 0) {
    const wanted = verifiers.map(({ name, keyId }) => `${name}+${formatKeyId(keyId)}`).join(', ');
    const found = note.signatures.map(({ name, keyId }) => `${name}+${formatKeyId(keyId)}`).join(', ');
    throw new AppError('bad_record', `The note is signed by none of the expected keys (${wanted}) but by ${found}.`);
  }
  return valid;
}
