// Reads records out of the segments, in order. Damage inside a segment is reported where the reader meets it, never stepped over in silence:
// the error names file and offset, and the index at which reading can go on.
import { closeSync, openSync } from 'node:fs';
import { AppError } from '@dockledger/contract/error-code';
import { findNextFrame, type PlacedFrame, scanChunk } from './frame-scan.ts';
import { addMark, nearestMark, type Segment } from './segment.ts';

/** One record. `record` is a view that stays valid as long as it is referenced. */
export interface JournalEntry {
  readonly index: number;
  readonly record: Uint8Array;
}

/** How much one {@link Journal.readBatch} may return. At least one record comes back, however large. */
export interface ReadLimits {
  /** Defaults to 1 MiB. */
  readonly maxBytes?: number;
  /** Defaults to 10,000. */
  readonly maxRecords?: number;
}

/** The segments as they are now, and the index at which the journal ends. */
export interface ReadView {
  readonly segments: readonly Segment[];
  readonly next: number;
}

function missing(segment: Segment, offset: number, from: number, resumeAt: number): AppError {
  return new AppError(
    'journal_corrupt',
    `${segment.file} is damaged at offset ${offset}: records ${from} to ${resumeAt - 1} cannot be read. Reading can go on at ${resumeAt}.`,
    { details: { file: segment.file, offset, from, resumeAt } },
  );
}

/** Collects records from index `from` on, up to the limits. Empty at the tail. Throws `not_found` below the first record kept. */
export async function readEntries(view: () => ReadView, from: number, limits: ReadLimits): Promise<JournalEntry[]> {
  const collector = new Collector(from, limits);
  for (;;) {
    const { segments, next } = view();
    if (collector.wanted >= next) return collector.entries;
    const position = segments.findLastIndex((segment) => segment.first <= collector.wanted);
    const segment = segments[position];
    if (segment === undefined) {
      if (collector.entries.length > 0) return collector.entries;
      const first = segments[0]?.first ?? next;
      throw new AppError('not_found', `Record ${from} was trimmed; the oldest record kept is ${first}.`, {
        details: { first },
      });
    }
    const following = segments[position + 1];
    const stopAt = following === undefined ? next : (following.header?.previousNext ?? following.first);
    if (following !== undefined && collector.wanted >= stopAt) {
      // Indexes left out on purpose between two segments hold no records.
      collector.wanted = following.first;
      continue;
    }
    const damage = await readSegment(segment, stopAt, collector);
    if (damage === undefined && !collector.isFull) continue;
    if (damage === undefined || collector.entries.length > 0) return collector.entries;
    throw missing(segment, damage.offset, collector.wanted, damage.resumeAt);
  }
}

class Collector {
  readonly entries: JournalEntry[] = [];
  /** Index of the next record to take. */
  wanted: number;
  isFull = false;
  readonly #maxBytes: number;
  readonly #maxRecords: number;
  #bytes = 0;

  constructor(from: number, limits: ReadLimits) {
    this.wanted = from;
    this.#maxBytes = limits.maxBytes ?? 1024 * 1024;
    this.#maxRecords = limits.maxRecords ?? 10_000;
  }

  take(frame: PlacedFrame): void {
    for (let index = Math.max(this.wanted, frame.index); index < frame.index + frame.records.length; index += 1) {
      const record = frame.records[index - frame.index];
      if (record === undefined) return;
      if (
        this.entries.length >= this.#maxRecords ||
        (this.entries.length > 0 && this.#bytes + record.length > this.#maxBytes)
      ) {
        this.isFull = true;
        return;
      }
      this.entries.push({ index, record });
      this.#bytes += record.length;
      this.wanted = index + 1;
    }
  }
}

interface Damage {
  readonly offset: number;
  readonly resumeAt: number;
}

/** Takes records until the collector is full, the segment's records end at `stopAt`, or one that is wanted cannot be read. */
async function readSegment(segment: Segment, stopAt: number, collector: Collector): Promise<Damage | undefined> {
  if (segment.header === undefined) return { offset: 0, resumeAt: stopAt };
  const { seed } = segment.header;
  const end = segment.bytes;
  let { index: expected, offset } = nearestMark(segment, collector.wanted);
  const fd = openSync(segment.file, 'r');
  try {
    while (expected < stopAt) {
      const chunk = await scanChunk({ fd, seed, offset, end }, expected);
      for (const frame of chunk.frames) {
        addMark(segment, frame.index, frame.offset);
        collector.take(frame);
        if (collector.isFull) return undefined;
        expected = frame.index + frame.records.length;
      }
      offset = chunk.offset;
      if (chunk.stop === 'more' || expected >= stopAt) continue;
      const found = await findNextFrame({ fd, seed, offset: offset + 1, end }, expected);
      const resumeAt = found?.index ?? stopAt;
      if (resumeAt > collector.wanted) return { offset, resumeAt };
      if (found === undefined) return undefined;
      ({ offset, index: expected } = found);
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}
