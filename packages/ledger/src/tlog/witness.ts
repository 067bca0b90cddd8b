// C2SP tlog-witness: the body of add-checkpoint and a witness's verdict on it. Pure: keeping the last size, atomically, is the caller's.
// Invariant: a witness that follows the verdict never signs two checkpoints of a log that do not extend each other.
import { AppError } from '@dockledger/contract/error-code';
import { parseBase64, toBase64 } from './base64.ts';
import type { Checkpoint } from './checkpoint.ts';
import { verifyConsistency } from './proof.ts';
import { hashSize, type Sha256, type TreeHasher, toHex } from './tree-hash.ts';

/** A request to cosign a checkpoint. */
export interface AddCheckpoint {
  /** Size that the witness is believed to know; 0 at the first time. */
  readonly oldSize: number;
  /** Consistency proof from `oldSize`; empty for 0 and for an unchanged size. */
  readonly proof: readonly Uint8Array[];
  /** The signed note as it is. */
  readonly note: Uint8Array;
}

/** What a witness answers: 200 and sign, or the status; 409 carries the size that it knows. */
export type AddCheckpointVerdict =
  | { readonly status: 200 }
  | { readonly status: 400 | 422; readonly reason: string }
  | { readonly status: 409; readonly size: number };

const maxProofLines = 63;

/** The request's body. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Uint8Array {
  const head = new TextEncoder().encode(`old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n`);
  const body = new Uint8Array(head.length + note.length);
  body.set(head);
  body.set(note, head.length);
  return body;
}

/** Parses a request's body. Throws `bad_record`; the note is not looked into. */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  const fail = (reason: string): AppError =>
    new AppError('bad_record', `The add-checkpoint request is malformed: ${reason}.`);
  const lines: string[] = [];
  let at = 0;
  for (;;) {
    const end = body.indexOf(0x0a, at);
    if (end < 0 || end - at > 100) throw fail('it has no blank line before the checkpoint');
    const line = String.fromCharCode(...body.subarray(at, end));
    at = end + 1;
    if (line === '') break;
    lines.push(line);
    if (lines.length > maxProofLines + 1) throw fail(`it has more than ${maxProofLines} proof lines`);
  }
  const [first = '', ...proofLines] = lines;
  const size = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
  if (size === undefined || !Number.isSafeInteger(Number(size))) throw fail('its first line is not "old <size>"');
  const proof = proofLines.map((line) => {
    const hash = parseBase64(line);
    if (hash?.length !== hashSize) throw fail(`"${line}" is not a hash`);
    return hash;
  });
  return { oldSize: Number(size), proof, note: body.slice(at) };
}

/** Judges a request whose checkpoint's signature is already verified. `known` is what the witness signed last; size 0 before the first time. */
export function decideAddCheckpoint(
  hasher: TreeHasher,
  known: { readonly size: number; readonly root: Uint8Array },
  { oldSize, proof }: Pick<AddCheckpoint, 'oldSize' | 'proof'>,
  checkpoint: Checkpoint,
): AddCheckpointVerdict {
  if (oldSize > checkpoint.size) {
    return { status: 400, reason: `the old size ${oldSize} is larger than the checkpoint's ${checkpoint.size}` };
  }
  if (oldSize !== known.size) return { status: 409, size: known.size };
  const older = known.size === 0 ? { size: 0, root: hasher.emptyRoot } : known;
  if (verifyConsistency(hasher, older, checkpoint, proof)) return { status: 200 };
  return {
    status: 422,
    reason: `the checkpoint of size ${checkpoint.size} does not extend the one of size ${known.size}`,
  };
}

/** Where a witness serves its newest checkpoint of a log, below its monitoring prefix. */
export function toWitnessLogPath(sha256: Sha256, origin: string): string {
  return `${toHex(sha256(new TextEncoder().encode(origin)))}/checkpoint`;
}
