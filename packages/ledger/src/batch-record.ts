// The form of accepted entries outside the tree: one record per batch in the write-ahead log, and the snapshot of the unfinished block.
// Invariant: what is decoded is exactly what was encoded; the journal's checksum covers it.
import { AppError } from '@dockledger/contract/error-code';
import { maxEntryBytes } from './tlog/entry-bundle.ts';

/** Why an entry has no payload any more: removed by retention, by an erasure, or lost with a damaged file. */
export type Removal = 'dropped' | 'erased' | 'lost';

/** An accepted entry: the envelope is in the tree, salt and payload lie beside it. */
export interface StoredEntry {
  readonly envelope: Uint8Array;
  readonly salt: Uint8Array;
  /** Null exactly when `removed` says why; `salt` is empty then. */
  readonly payload: Uint8Array | null;
  readonly removed: Removal | null;
}

/** What {@link encodeBatch} takes: a payload that is still there. */
export interface EntryInput {
  /** At most 65,535 bytes. Becomes a leaf of the tree, unchanged. */
  readonly envelope: Uint8Array;
  /** At most 255 bytes. */
  readonly salt: Uint8Array;
  /** At most {@link maxPayloadBytes}. */
  readonly payload: Uint8Array;
}

/** The longest payload: four of them fit into one record. */
export const maxPayloadBytes = 4 * 1024 * 1024;

/** A decoded batch. Its entries are views into the record. */
export interface Batch {
  readonly firstIndex: number;
  readonly entries: StoredEntry[];
}

const headerBytes = 13;
const perEntryBytes = 8;
const batchKind = 1;
const fillerKind = 2;
const removals: readonly (Removal | null)[] = [null, 'dropped', 'erased', 'lost'];

/** A record without entries, of `bytes` bytes: it only pushes the journal into a new segment. */
export function createFiller(bytes: number): Uint8Array {
  const filler = new Uint8Array(Math.max(headerBytes, bytes));
  filler[0] = fillerKind;
  return filler;
}

function assertFits(name: string, length: number, most: number): void {
  if (length > most)
    throw new AppError('too_large', `A ledger entry's ${name} has ${length} bytes; at most ${most} fit.`);
}

/** Encodes a batch. Throws `too_large`, naming the part and the limit. */
export function encodeBatch(firstIndex: number, entries: readonly (EntryInput | StoredEntry)[]): Uint8Array {
  let total = headerBytes + perEntryBytes * entries.length;
  for (const { envelope, salt, payload } of entries) {
    assertFits('envelope', envelope.length, maxEntryBytes);
    assertFits('salt', salt.length, 255);
    assertFits('payload', payload?.length ?? 0, maxPayloadBytes);
    total += envelope.length + salt.length + (payload?.length ?? 0);
  }
  const record = Buffer.allocUnsafeSlow(total);
  record.writeUInt8(batchKind, 0);
  record.writeDoubleBE(firstIndex, 1);
  record.writeUInt32BE(entries.length, 9);
  let at = headerBytes;
  let data = headerBytes + perEntryBytes * entries.length;
  for (const entry of entries) {
    const payload = entry.payload ?? new Uint8Array(0);
    const removed = 'removed' in entry ? entry.removed : null;
    record.writeUInt16BE(entry.envelope.length, at);
    record.writeUInt8(entry.salt.length, at + 2);
    record.writeUInt8(removals.indexOf(removed), at + 3);
    record.writeUInt32BE(payload.length, at + 4);
    record.set(entry.envelope, data);
    record.set(entry.salt, data + entry.envelope.length);
    record.set(payload, data + entry.envelope.length + entry.salt.length);
    at += perEntryBytes;
    data += entry.envelope.length + entry.salt.length + payload.length;
  }
  return record;
}

/** Decodes a record; undefined for a filler. Throws `ledger_corrupt` when it is not a whole record. */
export function decodeBatch(record: Uint8Array): Batch | undefined {
  const view = Buffer.from(record.buffer, record.byteOffset, record.length);
  const fail = (): AppError =>
    new AppError('ledger_corrupt', `A batch record of ${record.length} bytes does not have the length that it states.`);
  if (view.length < headerBytes) throw fail();
  if (view[0] === fillerKind) return undefined;
  const count = view.readUInt32BE(9);
  let at = headerBytes;
  let data = headerBytes + perEntryBytes * count;
  if (view[0] !== batchKind || data > view.length) throw fail();
  const entries: StoredEntry[] = [];
  for (let i = 0; i < count; i++, at += perEntryBytes) {
    const saltAt = data + view.readUInt16BE(at);
    const payloadAt = saltAt + view.readUInt8(at + 2);
    const end = payloadAt + view.readUInt32BE(at + 4);
    const removed = removals[view.readUInt8(at + 3)];
    if (end > view.length || removed === undefined) throw fail();
    entries.push({
      envelope: view.subarray(data, saltAt),
      salt: view.subarray(saltAt, payloadAt),
      payload: removed === null ? view.subarray(payloadAt, end) : null,
      removed,
    });
    data = end;
  }
  if (data !== view.length) throw fail();
  return { firstIndex: view.readDoubleBE(1), entries };
}
