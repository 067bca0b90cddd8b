// Finds the end of a journal after any kind of stop: cuts a torn tail, sets aside what cannot be a segment, and says so.
// Invariant: bytes behind the end are gone before anything is appended, and an index that a record had is never given out again.
import { closeSync, openSync, renameSync } from 'node:fs';
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './frame.ts';
import { findNextFrame, scanChunk } from './frame-scan.ts';
import { addMark, listSegments, type Segment } from './segment.ts';
import type { SegmentIo } from './segment-io.ts';

/** What a directory held. The last segment's `bytes` is its end; behind it nothing is left. */
export interface Recovered {
  readonly segments: Segment[];
  /** One behind the last record. */
  readonly next: number;
  /** No new record may have an index below this one. Larger than `next` only when a segment was set aside. */
  readonly lowestNew: number;
}

/** Recovers the segments of `directory`. `onSetAside` is told, in one sentence each, what could not be kept. */
export async function recoverSegments(
  directory: string,
  io: SegmentIo,
  onSetAside: (message: string) => void,
): Promise<Recovered> {
  const segments = listSegments(directory);
  let lowestNew = 0;
  for (let last = segments.at(-1); last !== undefined && last.header === undefined; last = segments.at(-1)) {
    // A crash while the file was made leaves a short header and no record. With a whole header's length it was damaged later:
    // it may have held this many records, whose indexes stay taken.
    const recordsAtMost = Math.max(0, Math.ceil((last.bytes - SEGMENT_HEADER_BYTES) / (FRAME_HEADER_BYTES + 4)));
    lowestNew = Math.max(lowestNew, last.first + recordsAtMost);
    renameSync(last.file, `${last.file}.damaged`);
    onSetAside(`${last.file} has no valid header and was set aside as ${last.file}.damaged.`);
    segments.pop();
  }
  const last = segments.at(-1);
  if (last === undefined) return { segments, next: lowestNew, lowestNew };
  const next = await recoverTail(last, io, onSetAside);
  return { segments, next, lowestNew: Math.max(next, lowestNew) };
}

async function recoverTail(segment: Segment, io: SegmentIo, onSetAside: (message: string) => void): Promise<number> {
  const seed = segment.header?.seed ?? 0;
  const end = segment.bytes;
  let expected = segment.first;
  let offset = SEGMENT_HEADER_BYTES;
  const fd = openSync(segment.file, 'r+');
  try {
    for (;;) {
      const chunk = await scanChunk({ fd, seed, offset, end }, expected);
      for (const frame of chunk.frames) {
        addMark(segment, frame.index, frame.offset);
        expected = frame.index + frame.records.length;
      }
      offset = chunk.offset;
      if (chunk.stop === 'more') continue;
      if (chunk.stop === 'end') break;
      const found = await findNextFrame({ fd, seed, offset: offset + 1, end }, expected);
      if (found === undefined) break;
      onSetAside(
        `${segment.file} is damaged at offset ${offset}: records ${expected} to ${found.index - 1} cannot be read.`,
      );
      ({ offset, index: expected } = found);
    }
    // A torn last frame is no damage: nobody was told that it is durable.
    if (offset < end) io.truncate(fd, offset);
    segment.bytes = offset;
    return expected;
  } finally {
    closeSync(fd);
  }
}
