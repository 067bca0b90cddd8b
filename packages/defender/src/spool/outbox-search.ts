// Finds headers in the outbox without an index: they ascend in epoch and number, so a binary search over the journal suffices.
import { isAppError } from '@dockledger/contract';
import type { Journal } from '@dockledger/journal';
import { isHeader, type OutboxHeader, parseHeader } from './outbox-header.ts';

/** A header and its place in the journal. */
export interface PlacedHeader {
  readonly index: number;
  readonly header: OutboxHeader;
}

/** No batch has more events than this, so a header is never farther away. */
export const maxEventsOfBatch = 500;

/** The first readable header at or behind `from`; undefined when none is left. */
export async function findHeader(journal: Journal, from: number): Promise<PlacedHeader | undefined> {
  for (let at = Math.max(from, journal.first); at < journal.next; ) {
    let entries: Awaited<ReturnType<Journal['readBatch']>>;
    try {
      entries = await journal.readBatch(at, { maxRecords: maxEventsOfBatch + 1 });
    } catch (error) {
      const resumeAt = isAppError(error, 'journal_corrupt') ? error.details?.['resumeAt'] : undefined;
      if (typeof resumeAt !== 'number') throw error;
      at = resumeAt;
      continue;
    }
    for (const { index, record } of entries) if (isHeader(record)) return { index, header: parseHeader(record) };
    const last = entries.at(-1);
    if (last === undefined) return undefined;
    at = last.index + 1;
  }
  return undefined;
}

/** The last header for which `isBefore` holds, when it holds for a leading run of headers; undefined when for none. */
export async function findLastHeader(
  journal: Journal,
  isBefore: (header: OutboxHeader) => boolean,
): Promise<PlacedHeader | undefined> {
  let low = journal.first;
  let high = journal.next;
  let best: PlacedHeader | undefined;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await findHeader(journal, middle);
    if (found === undefined || found.index >= high || !isBefore(found.header)) {
      // Between `middle` and the header found there is none; look before `middle`.
      high = middle;
      continue;
    }
    best = found;
    low = found.index + 1;
  }
  return best;
}
