// How far each log source was read, as the raw log says. A source's newest mark may stand in a record that is trimmed, so
// the marks are kept beside the raw log before that; the copy never runs ahead of records that a power cut could take.
import { isAppError, type RawRecord } from '@dockledger/contract';
import type { Journal, PositionStore } from '@dockledger/journal';

const name = 'sources';

/** See the head of the file. Positions are plain JSON, their meaning is the reader's. */
export class SourceMarks {
  readonly #raw: Journal;
  readonly #positions: PositionStore;
  readonly #marks: Map<string, unknown>;
  #isChanged = false;

  constructor(raw: Journal, positions: PositionStore, marks: Map<string, unknown>) {
    this.#raw = raw;
    this.#positions = positions;
    this.#marks = marks;
  }

  /** Reads the copy, and from the raw log what was recorded since. Damaged records are passed over: the finaliser declares them. */
  static async load(raw: Journal, positions: PositionStore): Promise<SourceMarks> {
    const saved = parseSaved(positions.get(name));
    const marks = new SourceMarks(raw, positions, new Map(Object.entries(saved.marks)));
    for (let from = Math.max(saved.next, raw.first); from < raw.next; ) {
      try {
        const entries = await raw.readBatch(from, { maxRecords: 1000 });
        for (const { index, record } of entries) {
          from = index + 1;
          const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
          if (bytes.includes('"readUpTo":')) marks.noteRecord(JSON.parse(bytes.toString()) as RawRecord);
        }
        if (entries.length === 0) break;
      } catch (error) {
        const resumeAt = isAppError(error, 'journal_corrupt') ? error.details?.['resumeAt'] : undefined;
        if (typeof resumeAt !== 'number' || resumeAt <= from) throw error;
        from = resumeAt;
      }
    }
    return marks;
  }

  /** True when there is something that the copy does not hold. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Undefined for a source that was never read. */
  get(source: string): unknown {
    return this.#marks.get(source);
  }

  /** Takes the mark of a record that stands in the raw log. */
  noteRecord(record: RawRecord): void {
    if (record.kind === 'request' && record.readUpTo !== undefined)
      this.note(record.readUpTo.source, record.readUpTo.position);
  }

  /** Lines up to there gave no record: the mark is in memory until {@link save}; after a crash they are read again, for nothing. */
  note(source: string, position: unknown): void {
    this.#marks.set(source, position);
    this.#isChanged = true;
  }

  /** Writes the copy. Rejects with `disk_full` or `journal_failed`; the copy before is then still good. */
  async save(): Promise<void> {
    const value = { next: this.#raw.next, marks: Object.fromEntries(this.#marks) };
    this.#isChanged = false;
    try {
      await this.#raw.durable();
      await this.#positions.set(name, value);
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
  }
}

function parseSaved(value: unknown): { readonly next: number; readonly marks: Readonly<Record<string, unknown>> } {
  if (typeof value !== 'object' || value === null || !('next' in value) || !('marks' in value))
    return { next: 0, marks: {} };
  const { next, marks } = value;
  return typeof next === 'number' && typeof marks === 'object' && marks !== null
    ? { next, marks: marks as Record<string, unknown> }
    : { next: 0, marks: {} };
}
