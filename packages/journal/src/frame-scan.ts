// Reads frames from a segment file in bounded chunks, and finds the next valid frame behind damage.
// Invariant: never holds more than one chunk (or one frame, when that is larger) in memory.
import { read } from 'node:fs';
import { FRAME_HEADER_BYTES, type Frame, parseFrame, peekFrame } from './frame.ts';

const CHUNK_BYTES = 256 * 1024;

/** A stretch of one segment file. `end` is the first offset that must not be read. */
export interface Stretch {
  readonly fd: number;
  readonly seed: number;
  readonly offset: number;
  readonly end: number;
}

/** A frame with its place in the file. */
export interface PlacedFrame extends Frame {
  readonly offset: number;
}

/** What one chunk held. `stop` tells why it ended: `more` may follow, the stretch's `end`, or bytes that are no valid next frame. */
export interface ScannedChunk {
  readonly frames: readonly PlacedFrame[];
  readonly offset: number;
  readonly stop: 'more' | 'end' | 'invalid';
}

async function readAt(fd: number, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const bytes = await new Promise<number>((resolve, reject) => {
      read(fd, buffer, filled, length - filled, offset + filled, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
    if (bytes === 0) break;
    filled += bytes;
  }
  return buffer.subarray(0, filled);
}

/** Reads the frames of the next chunk. The first must carry index `expected`, and each follows on the one before. */
export async function scanChunk(stretch: Stretch, expected: number, chunkBytes = CHUNK_BYTES): Promise<ScannedChunk> {
  const available = stretch.end - stretch.offset;
  if (available <= 0) return { frames: [], offset: stretch.offset, stop: 'end' };
  let buffer = await readAt(stretch.fd, stretch.offset, Math.min(chunkBytes, available));
  const frames: PlacedFrame[] = [];
  let at = 0;
  let next = expected;
  for (;;) {
    if (stretch.offset + at === stretch.end) return { frames, offset: stretch.end, stop: 'end' };
    const headerIsHere = at + FRAME_HEADER_BYTES <= buffer.length;
    const claim = headerIsHere ? peekFrame(buffer, at) : undefined;
    const bytes = claim?.bytes ?? FRAME_HEADER_BYTES;
    if (stretch.offset + at + bytes > stretch.end || (headerIsHere && claim?.index !== next)) {
      return { frames, offset: stretch.offset + at, stop: 'invalid' };
    }
    if (claim === undefined || at + bytes > buffer.length) {
      if (frames.length > 0) return { frames, offset: stretch.offset + at, stop: 'more' };
      const wider = await readAt(stretch.fd, stretch.offset, bytes);
      if (wider.length < bytes) return { frames, offset: stretch.offset, stop: 'invalid' };
      buffer = wider;
      continue;
    }
    const frame = parseFrame(buffer, at, stretch.seed);
    if (frame === undefined) return { frames, offset: stretch.offset + at, stop: 'invalid' };
    frames.push({ ...frame, offset: stretch.offset + at });
    at = frame.end;
    next += frame.records.length;
  }
}

/** Looks byte by byte for the next valid frame of index `expected` or later; undefined when none follows. */
export async function findNextFrame(stretch: Stretch, expected: number): Promise<PlacedFrame | undefined> {
  // Each record takes at least four bytes, so a later index than this cannot lie in the stretch.
  const highest = expected + (stretch.end - stretch.offset) / 4;
  let base = stretch.offset;
  while (base + FRAME_HEADER_BYTES <= stretch.end) {
    const buffer = await readAt(stretch.fd, base, Math.min(4 * CHUNK_BYTES, stretch.end - base));
    if (buffer.length < FRAME_HEADER_BYTES) return undefined;
    for (let at = 0; at + FRAME_HEADER_BYTES <= buffer.length; at += 1) {
      const claim = peekFrame(buffer, at);
      if (claim === undefined || claim.index < expected || claim.index > highest) continue;
      if (base + at + claim.bytes > stretch.end) continue;
      const whole = at + claim.bytes <= buffer.length;
      const bytes = whole ? buffer : await readAt(stretch.fd, base + at, claim.bytes);
      const frame = parseFrame(bytes, whole ? at : 0, stretch.seed);
      if (frame !== undefined) return { ...frame, offset: base + at };
    }
    base += buffer.length - FRAME_HEADER_BYTES + 1;
  }
  return undefined;
}
