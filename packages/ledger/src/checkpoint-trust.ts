// Which checkpoints a verification believes: keys given or found, the present checkpoint, earlier heads. Everything doubtful is reported.
import type { LedgerSource } from './ledger-source.ts';
import { createNoteVerifier } from './node-crypto.ts';
import { type Checkpoint, parseCheckpoint } from './tlog/checkpoint.ts';
import { type NoteVerifier, parseNote, verifyNote } from './tlog/note.ts';
import { type FailureList, messageOf } from './verify-report.ts';

/** The keys to believe: those given, or else the log's own. Reports and gives none when there is no usable one. */
export async function loadKeys(
  source: LedgerSource,
  vkeys: readonly string[] | undefined,
  failures: FailureList,
): Promise<NoteVerifier[]> {
  if (vkeys) return vkeys.map(createNoteVerifier);
  for (const path of ['vkeys', 'vkey']) {
    const text = await source.read(path);
    if (!text) continue;
    try {
      const lines = Buffer.from(text).toString().split('\n');
      return lines.filter((line) => line !== '').map(createNoteVerifier);
    } catch (error) {
      failures.add('key-missing', `The log's own ${path} is unusable: ${messageOf(error)}`, { path });
      return [];
    }
  }
  failures.add('key-missing', 'No key was given and the log has no vkey file.', { path: 'vkey' });
  return [];
}

/** The present checkpoint. Undefined only when it is missing or malformed; a wrong signature is reported and the rest still checked. */
export async function openCheckpoint(
  source: LedgerSource,
  verifiers: readonly NoteVerifier[],
  failures: FailureList,
): Promise<Checkpoint | undefined> {
  const path = 'checkpoint';
  const bytes = await source.read(path);
  if (!bytes) {
    failures.add('checkpoint-missing', 'The log has no checkpoint.', { path });
    return undefined;
  }
  let checkpoint: Checkpoint;
  let note: ReturnType<typeof parseNote>;
  try {
    note = parseNote(bytes);
    checkpoint = parseCheckpoint(note.text);
  } catch (error) {
    failures.add('checkpoint-malformed', messageOf(error), { path });
    return undefined;
  }
  try {
    await verifyNote(note, verifiers);
  } catch (error) {
    failures.add('signature-invalid', messageOf(error), { path });
  }
  if (!verifiers.some(({ name }) => name === checkpoint.origin)) {
    failures.add('origin-changed', `The checkpoint is of "${checkpoint.origin}", which is no key's name.`, {
      path,
    });
  }
  return checkpoint;
}

/** The earlier heads that the tree must pass through, smallest first; the others are reported. */
export async function openHeads(
  notes: readonly Uint8Array[],
  checkpoint: Checkpoint,
  verifiers: readonly NoteVerifier[],
  failures: FailureList,
): Promise<Checkpoint[]> {
  const heads: Checkpoint[] = [];
  for (const bytes of notes) {
    try {
      const note = parseNote(bytes);
      await verifyNote(note, verifiers);
      const head = parseCheckpoint(note.text);
      if (head.origin !== checkpoint.origin) {
        failures.add('origin-changed', `An earlier checkpoint is of "${head.origin}", not "${checkpoint.origin}".`);
      } else if (head.size > checkpoint.size) {
        failures.add(
          'truncated',
          `An earlier checkpoint covers ${head.size} entries, the present one only ${checkpoint.size}: ${head.size - checkpoint.size} were cut off.`,
        );
      } else {
        heads.push(head);
      }
    } catch (error) {
      failures.add('head-invalid', `An earlier checkpoint is unusable: ${messageOf(error)}`);
    }
  }
  return heads.toSorted((a, b) => a.size - b.size);
}
