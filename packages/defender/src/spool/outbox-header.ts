// The record in front of each batch of events in the outbox: which numbers follow, and where the finaliser stood.
// Invariant: header and events are one atomic append, so that numbers and the position in the raw log never disagree.
import { AppError } from '@dockledger/contract';
import type { Checkpoint } from './finaliser.ts';

/** Events of an ended epoch, from `fromSeq` on, that are yet to be written again under new numbers. */
export interface Carry {
  readonly epoch: number;
  readonly fromSeq: number;
  /** New number minus old number, for every event from `since` on that was carried over already. */
  readonly offset?: number;
  readonly since?: number;
}

/** See the head of the file. */
export interface OutboxHeader extends Checkpoint {
  readonly epoch: number;
  /** Number of the first event behind the header. */
  readonly seq: number;
  /** How many events follow. */
  readonly events: number;
  /** Index in the outbox of the oldest header whose `raws` still matter. */
  readonly scanFrom: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What is still to be carried over, in this order. */
  readonly carry: readonly Carry[];
}

const headerMark = 0x48; // "H"; an event's JSON begins with "{"

/** True for a header's record, false for an event's. */
export function isHeader(record: Uint8Array): boolean {
  return record[0] === headerMark;
}

/** The header's record. */
export function toHeaderBytes(header: OutboxHeader): Buffer {
  return Buffer.from(`H${JSON.stringify(header)}`);
}

/** Reads back what {@link toHeaderBytes} wrote; the journal's checksum vouches for the bytes. */
export function parseHeader(record: Uint8Array): OutboxHeader {
  const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('utf8', 1);
  const header: unknown = JSON.parse(text);
  if (typeof header !== 'object' || header === null || !('scanFrom' in header) || !('low' in header)) {
    throw new AppError('journal_corrupt', 'The outbox holds a header that this version does not understand.');
  }
  return header as OutboxHeader;
}
