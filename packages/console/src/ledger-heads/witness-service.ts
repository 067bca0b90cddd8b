// This Console as a witness of others' ledgers (C2SP tlog-witness): it signs a checkpoint only when it extends the last one that it signed.
// The last one is durable before the signature leaves, so that no crash makes it sign two ledgers of one name.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import {
  type Checkpoint,
  createCosigningKey,
  createNoteVerifier,
  decideAddCheckpoint,
  formatSignatureLine,
  type NoteVerifier,
  nodeSha256,
  nodeTreeHasher,
  parseAddCheckpoint,
  parseCheckpoint,
  parseCosigningKey,
  parseNote,
  signNote,
  toWitnessLogPath,
  verifyNote,
} from '@dockledger/ledger';
import { writeFileDurably } from '../storage/durable-file.ts';
import { loadOrCreateText } from '../storage/persistent-text.ts';

/** What a witness answers, as the format has it. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  /** Signature lines for 200, the known size for 409, a sentence otherwise. */
  readonly body: string;
}

/** A witness. */
export interface Witness {
  /** The key that others check its signatures with. */
  readonly vkey: string;
  /** Judges the body of an add-checkpoint request. */
  add(body: Uint8Array): Promise<WitnessAnswer>;
  /** The last note signed of a ledger by its path (`<hash of the origin>/checkpoint`), or undefined. */
  latest(path: string): Promise<Uint8Array | undefined>;
}

/** Opens it. `logKeys` are the vkeys of the ledgers that it looks at; a name may have several. */
export async function openWitness(options: {
  readonly directory: string;
  readonly name: string;
  readonly logKeys: readonly string[];
  readonly now: () => number;
}): Promise<Witness> {
  const { directory, name, logKeys, now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const seconds = () => Math.floor(now() / 1000);
  const skey = await loadOrCreateText(join(directory, 'signing-key'), () => createCosigningKey(name, seconds).skey);
  const key = parseCosigningKey(skey, seconds);
  const verifiers = logKeys.map(createNoteVerifier);
  const fileOf = (origin: string) => join(directory, toWitnessLogPath(nodeSha256, origin).replace('/', '.'));
  let last: Promise<unknown> = Promise.resolve();

  async function readKnown(origin: string): Promise<Pick<Checkpoint, 'size' | 'root'>> {
    const note = await readIfThere(fileOf(origin));
    return note === undefined ? { size: 0, root: nodeTreeHasher.emptyRoot } : parseCheckpoint(parseNote(note).text);
  }

  async function judge(body: Uint8Array): Promise<WitnessAnswer> {
    let request: ReturnType<typeof parseAddCheckpoint>;
    let note: ReturnType<typeof parseNote>;
    let checkpoint: Checkpoint;
    try {
      request = parseAddCheckpoint(body);
      note = parseNote(request.note);
      checkpoint = parseCheckpoint(note.text);
    } catch (error) {
      return { status: 400, body: sentenceOf(error) };
    }
    const own: NoteVerifier[] = verifiers.filter((verifier) => verifier.name === checkpoint.origin);
    if (own.length === 0) return { status: 404, body: `This witness does not look at "${checkpoint.origin}".` };
    try {
      await verifyNote(note, own);
    } catch (error) {
      return { status: 403, body: sentenceOf(error) };
    }
    const verdict = decideAddCheckpoint(nodeTreeHasher, await readKnown(checkpoint.origin), request, checkpoint);
    if (verdict.status === 409) return { status: 409, body: `${verdict.size}\n` };
    if (verdict.status !== 200) return { status: verdict.status, body: verdict.reason };
    const lines = signNote(note.text, [key]).signatures.map(formatSignatureLine).join('');
    await writeFileDurably(fileOf(checkpoint.origin), Buffer.concat([request.note, Buffer.from(lines)]), 0o600);
    return { status: 200, body: lines };
  }

  return {
    vkey: key.vkey,
    // One after the other: two requests must not both extend the same last checkpoint.
    add: (body) => {
      const answer = last.then(() => judge(body));
      last = answer.catch(() => undefined);
      return answer;
    },
    latest: async (path) =>
      /^[0-9a-f]{64}\/checkpoint$/.test(path) ? readIfThere(join(directory, path.replace('/', '.'))) : undefined,
  };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof AppError ? error.message : 'The request cannot be read.';
}
