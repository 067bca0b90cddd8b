// Shapes histogram buckets for the chart: stacked columns, a scale, and a summary in words for those who do not see it.
import { formatCount } from './format-time.ts';

/** One column of the histogram as the API answers it. `end` is exclusive; instants as RFC 3339 strings. */
export interface HistogramBucket {
  readonly start: string;
  readonly end: string;
  readonly allowed: number;
  readonly denied: number;
  readonly gaps: number;
}

/** Arrays for the chart: seconds since 1970, and stacked heights from the tallest series to the lowest. */
export interface HistogramColumns {
  readonly seconds: number[];
  /** allowed + denied + gaps. */
  readonly total: number[];
  /** denied + gaps, drawn over total. */
  readonly deniedAndGaps: number[];
  /** gaps alone, drawn last. */
  readonly gaps: number[];
}

/** Stacks the buckets. */
export function toColumns(buckets: readonly HistogramBucket[]): HistogramColumns {
  return {
    seconds: buckets.map((bucket) => Date.parse(bucket.start) / 1000),
    total: buckets.map((bucket) => bucket.allowed + bucket.denied + bucket.gaps),
    deniedAndGaps: buckets.map((bucket) => bucket.denied + bucket.gaps),
    gaps: buckets.map((bucket) => bucket.gaps),
  };
}

/** Sums over all buckets. */
export function sumBuckets(buckets: readonly HistogramBucket[]): { allowed: number; denied: number; gaps: number } {
  const sum = { allowed: 0, denied: 0, gaps: 0 };
  for (const bucket of buckets) {
    sum.allowed += bucket.allowed;
    sum.denied += bucket.denied;
    sum.gaps += bucket.gaps;
  }
  return sum;
}

/** `1 204 events, 17 refused, 2 gaps`. */
export function toHistogramSummary(buckets: readonly HistogramBucket[]): string {
  const { allowed, denied, gaps } = sumBuckets(buckets);
  const total = allowed + denied;
  const parts = [`${formatCount(total)} ${total === 1 ? 'event' : 'events'}`, `${formatCount(denied)} refused`];
  if (gaps > 0) parts.push(`${formatCount(gaps)} ${gaps === 1 ? 'gap' : 'gaps'}`);
  return parts.join(', ');
}

/** The bounds of a drag over the chart in ms, widened to whole buckets; undefined when nothing was covered. */
export function toDragBounds(
  buckets: readonly HistogramBucket[],
  aMs: number,
  bMs: number,
): { fromMs: number; toMs: number } | undefined {
  const low = Math.min(aMs, bMs);
  const high = Math.max(aMs, bMs);
  const covered = buckets.filter((bucket) => Date.parse(bucket.end) > low && Date.parse(bucket.start) < high);
  const first = covered[0];
  const last = covered.at(-1);
  return first === undefined || last === undefined
    ? undefined
    : { fromMs: Date.parse(first.start), toMs: Date.parse(last.end) };
}
