// Entries from acceptance until they are complete in files: written to the journal, kept in memory, given dense indexes.
// Invariant: an index belongs to the bytes that the journal holds for it; accepted means that those are on the disk.
import { AppError } from '@dockledger/contract/error-code';
import type { Journal } from '@dockledger/journal';
import { createFiller, decodeBatch, type EntryInput, encodeBatch, type StoredEntry } from './batch-record.ts';

interface JournalledBatch {
  readonly record: number;
  readonly end: number;
}

const sizeOf = ({ envelope, salt, payload }: StoredEntry): number =>
  200 + envelope.length + salt.length + (payload?.length ?? 0);

/** The end of the ledger: from {@link start} on in memory, in order, without holes. */
export class AcceptedTail {
  readonly #journal: Journal;
  readonly #segmentBytes: number;
  #entries: StoredEntry[];
  #start: number;
  #batches: JournalledBatch[] = [];
  #bytes = 0;
  #acceptedSize: number;

  private constructor(journal: Journal, segmentBytes: number, start: number, entries: StoredEntry[]) {
    this.#journal = journal;
    this.#segmentBytes = segmentBytes;
    this.#start = start;
    this.#entries = entries;
    this.#acceptedSize = start + entries.length;
    for (const entry of entries) this.#bytes += sizeOf(entry);
  }

  /**
   * Goes on from `entries`, which begin at index `start`, with what the journal holds behind them.
   * Throws `ledger_corrupt` when the journal leaves a hole.
   */
  static async load(
    journal: Journal,
    segmentBytes: number,
    start: number,
    entries: readonly StoredEntry[],
  ): Promise<AcceptedTail> {
    const tail = new AcceptedTail(journal, segmentBytes, start, [...entries]);
    for await (const { index, record } of journal.read(journal.first)) {
      const batch = decodeBatch(record);
      if (!batch) continue;
      const end = batch.firstIndex + batch.entries.length;
      tail.#batches.push({ record: index, end });
      if (end <= tail.#acceptedSize) continue;
      if (batch.firstIndex > tail.#acceptedSize) {
        throw new AppError(
          'ledger_corrupt',
          `Entries ${tail.#acceptedSize} to ${batch.firstIndex - 1} are missing from the ledger's journal. Restore the ledger from a backup.`,
        );
      }
      for (const entry of batch.entries.slice(tail.#acceptedSize - batch.firstIndex)) tail.#keep(entry);
      tail.#acceptedSize = end;
    }
    return tail;
  }

  /** Index of the first entry in memory. */
  get start(): number {
    return this.#start;
  }

  /** Entries below are on the disk. */
  get acceptedSize(): number {
    return this.#acceptedSize;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes a batch, all or none, at once and in the order of calls; `accepted` resolves with it on the disk, in order too.
   * Throws as the journal's append does, and then nothing has happened.
   */
  append(entries: readonly EntryInput[]): { readonly firstIndex: number; readonly accepted: Promise<void> } {
    const firstIndex = this.#start + this.#entries.length;
    if (entries.length === 0) return { firstIndex, accepted: Promise.resolve() };
    const bytes = encodeBatch(firstIndex, entries);
    const record = this.#journal.append(bytes);
    // Views of our own copy: the caller may reuse its buffers.
    for (const entry of decodeBatch(bytes)?.entries ?? []) this.#keep(entry);
    const end = firstIndex + entries.length;
    this.#batches.push({ record, end });
    return { firstIndex, accepted: this.#accept(end) };
  }

  async #accept(end: number): Promise<void> {
    await this.#journal.durable();
    this.#acceptedSize = Math.max(this.#acceptedSize, end);
  }

  /** The entry, when it is in memory. */
  entry(index: number): StoredEntry | undefined {
    return this.#entries[index - this.#start];
  }

  /** Takes the payload of an entry in memory away. The journal still holds it until {@link release}. */
  removePayload(index: number, removed: 'dropped' | 'erased'): void {
    const entry = this.entry(index);
    if (!entry) return;
    this.#entries[index - this.#start] = { ...entry, salt: new Uint8Array(0), payload: null, removed };
  }

  /** Forgets entries below `before` in memory. */
  forget(before: number): void {
    const gone = this.#entries.splice(0, Math.max(0, before - this.#start));
    this.#start += gone.length;
    for (const entry of gone) this.#bytes -= sizeOf(entry);
  }

  /** Lets the journal drop what only holds entries below `settledSize`. */
  async release(settledSize: number): Promise<void> {
    this.#batches = this.#batches.filter(({ end }) => end > settledSize);
    await this.#journal.trim(this.#batches[0]?.record ?? this.#journal.next);
  }

  /** As {@link release}, and no byte of those entries stays behind in the journal's newest file. */
  async releaseCompletely(settledSize: number): Promise<void> {
    // The newest segment cannot be dropped, so a record that does not fit into it makes it the second newest.
    this.#journal.append(createFiller(this.#segmentBytes));
    await this.#journal.durable();
    await this.release(settledSize);
  }

  /** Closes the journal. */
  close(): Promise<void> {
    return this.#journal.close();
  }

  #keep(entry: StoredEntry): void {
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
  }
}
