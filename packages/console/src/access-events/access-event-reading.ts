// The parts of the port's promises that every adapter shares: what is a valid range or limit, how buckets lie, how an outcome is attached.
// Adapters differ in how they find events, never in these.
import { AppError, type EventOutcome, type StoredAccessEvent } from '@dockledger/contract';
import type { AccessEventRange, HistogramBucket, HistogramRequest } from './access-event-store.ts';

/** Throws `conflict` for a stretch that would leave a hole, `bad_record` for one that contradicts itself. */
export function checkRange(range: AccessEventRange, indexedTo: number): void {
  if (range.from > indexedTo) {
    throw new AppError(
      'conflict',
      `The stretch begins at ledger position ${range.from}, but the event store goes to ${indexedTo}. Go on from there.`,
      { details: { indexedTo } },
    );
  }
  if (!Number.isSafeInteger(range.from) || !Number.isSafeInteger(range.to) || range.from < 0 || range.to < range.from) {
    throw new AppError('bad_record', `[${range.from}, ${range.to}) is no stretch of the ledger.`);
  }
  const seen = new Set<number>();
  for (const { ledgerIndex, id } of range.events) {
    if (ledgerIndex < range.from || ledgerIndex >= range.to || seen.has(ledgerIndex)) {
      throw new AppError('bad_record', `Event ${id} at ${ledgerIndex} does not fit into [${range.from}, ${range.to}).`);
    }
    seen.add(ledgerIndex);
  }
}

/** The number, when it is an integer from 1 to `most`. Throws `bad_parameter` otherwise. */
export function checkLimit(limit: number, most: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new AppError('bad_parameter', `limit is ${limit}, but must be an integer from 1 to ${most}.`, {
    details: { parameter: 'limit' },
  });
}

/** How wide the bars are, in whole milliseconds. Throws `bad_parameter` for a stretch or number that cannot be drawn. */
export function bucketWidthMs({ fromMs, toMs, buckets }: HistogramRequest): number {
  checkLimit(buckets, 1000);
  if (!Number.isSafeInteger(fromMs) || !Number.isSafeInteger(toMs) || toMs < fromMs) {
    throw new AppError('bad_parameter', `There is nothing to draw from ${fromMs} to ${toMs}.`, {
      details: { parameter: 'to' },
    });
  }
  return Math.ceil((toMs - fromMs + 1) / buckets);
}

/** All bars of the request, from the sums by bar number. A stretch shorter than its bars in milliseconds has fewer bars. */
export function toBuckets(
  request: HistogramRequest,
  sums: ReadonlyMap<number, { readonly allowed: number; readonly denied: number }>,
): HistogramBucket[] {
  const width = bucketWidthMs(request);
  const end = request.toMs + 1;
  const bars: HistogramBucket[] = [];
  for (let startMs = request.fromMs; startMs < end; startMs += width) {
    const sum = sums.get(bars.length) ?? { allowed: 0, denied: 0 };
    bars.push({ startMs, endMs: Math.min(startMs + width, end), allowed: sum.allowed, denied: sum.denied });
  }
  return bars;
}

/** True when a later outcome event may tell more than the event itself knows. */
export function awaitsOutcome(event: StoredAccessEvent): boolean {
  return event.outcome.state === 'pending' || event.outcome.state === 'unknown';
}

/** The event with what came of it, when it was open and a later outcome event told it. */
export function withOutcome(event: StoredAccessEvent, outcome: EventOutcome | undefined): StoredAccessEvent {
  return outcome === undefined || !awaitsOutcome(event) ? event : { ...event, outcome };
}
