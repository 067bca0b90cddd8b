// One segment file: its name, its header, and where in it a record is found.
// Invariant: marks only ever name the start of a frame that was checked or written by us.
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './frame.ts';

const SUFFIX = '.segment';
const MARK_DISTANCE_BYTES = 128 * 1024;

interface Mark {
  readonly index: number;
  readonly offset: number;
}

/** A segment of the journal, oldest first in a list of them. */
export interface Segment {
  readonly file: string;
  /** Index of the first record, from the file's name. */
  readonly first: number;
  /** Undefined when the header is damaged: nothing in the segment can be read. */
  readonly header: SegmentHeader | undefined;
  /** File size in bytes; for the newest segment the end of the last valid frame. */
  bytes: number;
  /** Some frame starts, ascending. */
  readonly marks: Mark[];
}

/** The file name of the segment whose first record has index `first`. */
export function segmentName(first: number): string {
  return String(first).padStart(16, '0') + SUFFIX;
}

/** The segments of `directory`, oldest first, headers read. */
export function listSegments(directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of readdirSync(directory).sort()) {
    if (!/^\d{16}\.segment$/.test(name)) continue;
    const file = join(directory, name);
    const fd = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const length = readSync(fd, bytes, 0, bytes.length, 0);
      const first = Number(name.slice(0, 16));
      const header = parseSegmentHeader(bytes.subarray(0, length));
      const matching = header?.first === first ? header : undefined;
      segments.push({ file, first, header: matching, bytes: fstatSync(fd).size, marks: [] });
    } finally {
      closeSync(fd);
    }
  }
  return segments;
}

/** Remembers that the frame of `index` starts at `offset`, when the last mark is far enough before it. */
export function addMark(segment: Segment, index: number, offset: number): void {
  const last = segment.marks[segment.marks.length - 1];
  if (offset - (last?.offset ?? SEGMENT_HEADER_BYTES) >= MARK_DISTANCE_BYTES) segment.marks.push({ index, offset });
}

/** A frame start at or before the record `index`: the nearest one known. */
export function nearestMark(segment: Segment, index: number): Mark {
  let low = 0;
  let high = segment.marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const mark = segment.marks[middle];
    if (mark !== undefined && mark.index <= index) low = middle + 1;
    else high = middle;
  }
  return segment.marks[low - 1] ?? { index: segment.first, offset: SEGMENT_HEADER_BYTES };
}
