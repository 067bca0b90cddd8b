// The bytes of a segment: one header, then frames of one or more records each.
// Invariant: a frame is valid only with the checksum seed of its own segment, so bytes left over from another
// segment, or from an earlier use of the same blocks, are never read as records.
import { crc32 } from 'node:zlib';

/** Size of the header that opens every segment file. */
export const SEGMENT_HEADER_BYTES = 32;
/** Size of the header before each frame; four more bytes follow per record. */
export const FRAME_HEADER_BYTES = 20;
/** Largest frame, headers included. It bounds every read buffer. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;

const MAGIC = 0x314a4c44; // "DLJ1"
const TWO_32 = 0x1_0000_0000;

/** What a segment says about itself. */
export interface SegmentHeader {
  /** Seeds the checksum of every frame of the segment; random. */
  readonly seed: number;
  /** Index of the segment's first record. */
  readonly first: number;
  /** Where the segment before ended. Differs from `first` only where indexes were left out on purpose. */
  readonly previousNext: number;
}

/** One checked frame: `records` are views into the buffer it was read from. */
export interface Frame {
  readonly index: number;
  readonly records: readonly Uint8Array[];
  /** Offset in the buffer just behind the frame. */
  readonly end: number;
}

function writeIndex(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_32), offset + 4);
}

function readIndex(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset) + source.readUInt32LE(offset + 4) * TWO_32;
}

/** The header's 32 bytes. */
export function toSegmentHeaderBytes(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(header.seed, 4);
  writeIndex(bytes, header.first, 8);
  writeIndex(bytes, header.previousNext, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** Reads a segment header; undefined when it is short, foreign or damaged. */
export function parseSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return undefined;
  return { seed: bytes.readUInt32LE(4), first: readIndex(bytes, 8), previousNext: readIndex(bytes, 16) };
}

/** The size of the frame that would hold `records`. */
export function frameBytes(records: readonly Uint8Array[]): number {
  let bytes = FRAME_HEADER_BYTES + 4 * records.length;
  for (const record of records) bytes += record.length;
  return bytes;
}

/** Writes one frame to the start of `target`, which must have room for {@link frameBytes}; returns its size. */
export function writeFrame(target: Buffer, seed: number, index: number, records: readonly Uint8Array[]): number {
  let table = FRAME_HEADER_BYTES;
  let at = table + 4 * records.length;
  for (const record of records) {
    target.writeUInt32LE(record.length, table);
    target.set(record, at);
    table += 4;
    at += record.length;
  }
  target.writeUInt32LE(at - FRAME_HEADER_BYTES, 4);
  writeIndex(target, index, 8);
  target.writeUInt32LE(records.length, 16);
  target.writeUInt32LE(crc32(target.subarray(4, at), seed), 0);
  return at;
}

/** What a frame header claims, before its checksum is looked at; undefined when it cannot be a header at all. */
export function peekFrame(source: Buffer, offset: number): { index: number; count: number; bytes: number } | undefined {
  const count = source.readUInt32LE(offset + 16);
  const payload = source.readUInt32LE(offset + 4);
  if (count === 0 || payload < 4 * count || payload > MAX_FRAME_BYTES - FRAME_HEADER_BYTES) return undefined;
  return { index: readIndex(source, offset + 8), count, bytes: FRAME_HEADER_BYTES + payload };
}

/** Reads the frame at `offset`, which must lie wholly inside `source`; undefined unless its checksum holds. */
export function parseFrame(source: Buffer, offset: number, seed: number): Frame | undefined {
  const claim = peekFrame(source, offset);
  if (claim === undefined || offset + claim.bytes > source.length) return undefined;
  const end = offset + claim.bytes;
  if (source.readUInt32LE(offset) !== crc32(source.subarray(offset + 4, end), seed)) return undefined;
  const records: Uint8Array[] = [];
  let at = offset + FRAME_HEADER_BYTES + 4 * claim.count;
  for (let table = offset + FRAME_HEADER_BYTES; records.length < claim.count; table += 4) {
    const next = at + source.readUInt32LE(table);
    if (next > end) return undefined;
    records.push(source.subarray(at, next));
    at = next;
  }
  return at === end ? { index: claim.index, records, end } : undefined;
}
