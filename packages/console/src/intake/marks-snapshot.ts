// A copy of the marks beside the ledger, so that a start reads only what came after it. Only ever a shortcut: it counts when it fits
// the ledger's own entry at its size, and the whole ledger is read when it does not.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { writeFileDurably } from '../storage/durable-file.ts';

/** The marks of one epoch: next number, and number and position at every 256th number. */
export const EpochMarks = Type.Object({
  defenderId: Type.String(),
  epoch: Type.Integer({ minimum: 1 }),
  nextSeq: Type.Integer({ minimum: 1 }),
  anchors: Type.Array(Type.Object({ seq: Type.Integer(), index: Type.Integer() })),
});
export type EpochMarks = Static<typeof EpochMarks>;

const Snapshot = Type.Object({
  size: Type.Integer({ minimum: 1 }),
  lastEnvelope: Type.String(),
  epochs: Type.Array(EpochMarks),
});

/** The snapshot in `path` when it fits the ledger, else undefined. */
export async function loadMarksSnapshot(
  path: string,
  ledger: Ledger,
): Promise<{ readonly size: number; readonly epochs: readonly EpochMarks[] } | undefined> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    // Missing or damaged: the ledger says it all anyway.
    return undefined;
  }
  if (!Value.Check(Snapshot, parsed) || parsed.size > ledger.size) return undefined;
  return (await envelopeDigest(ledger, parsed.size)) === parsed.lastEnvelope ? parsed : undefined;
}

/** Saves the marks as they are at this size of the ledger. */
export async function saveMarksSnapshot(
  path: string,
  ledger: Ledger,
  size: number,
  epochs: readonly EpochMarks[],
): Promise<void> {
  if (size === 0) return;
  const lastEnvelope = await envelopeDigest(ledger, size);
  await writeFileDurably(path, JSON.stringify({ size, lastEnvelope, epochs }), 0o600);
}

async function envelopeDigest(ledger: Ledger, size: number): Promise<string> {
  const [entry] = await ledger.read(size - 1, 1);
  return createHash('sha256')
    .update(entry?.envelope ?? '')
    .digest('base64');
}
