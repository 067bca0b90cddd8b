// Reads the records of a journal that somebody else may have open: no lock, no repair, nothing changed.
// What cannot be read is passed over; whoever needs to know that a record is missing sees the hole in the indexes.
import { closeSync, openSync } from 'node:fs';
import { SEGMENT_HEADER_BYTES } from './frame.ts';
import { findNextFrame, scanChunk } from './frame-scan.ts';
import { listSegments, type Segment } from './segment.ts';
import type { JournalEntry } from './segment-reader.ts';

/** All records that are whole, in order. Ends where the files end at this moment; a segment that is dropped meanwhile is passed over. */
export async function* readJournalFiles(directory: string): AsyncGenerator<JournalEntry> {
  let segments: Segment[];
  try {
    segments = listSegments(directory);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for (const segment of segments) {
    if (segment.header !== undefined) yield* readSegmentFile(segment, segment.header.seed);
  }
}

async function* readSegmentFile(segment: Segment, seed: number): AsyncGenerator<JournalEntry> {
  let fd: number;
  try {
    fd = openSync(segment.file, 'r');
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  try {
    let expected = segment.first;
    let offset = SEGMENT_HEADER_BYTES;
    for (;;) {
      const stretch = { fd, seed, offset, end: segment.bytes };
      const chunk = await scanChunk(stretch, expected);
      for (const frame of chunk.frames) {
        for (const [at, record] of frame.records.entries()) yield { index: frame.index + at, record };
        expected = frame.index + frame.records.length;
      }
      offset = chunk.offset;
      if (chunk.stop === 'end') return;
      if (chunk.stop === 'more') continue;
      const found = await findNextFrame({ ...stretch, offset: offset + 1 }, expected);
      if (found === undefined) return;
      ({ offset, index: expected } = found);
    }
  } finally {
    closeSync(fd);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
