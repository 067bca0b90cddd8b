// The time range of a query: the last so many minutes, between two instants, or everything. All instants are ms since 1970, UTC.

/** Which time is looked at. `between` is half open: from ≤ time < to. */
export type TimeRange =
  | { readonly kind: 'last'; readonly minutes: number }
  | { readonly kind: 'between'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'all' };

/** What a page without a range in its URL looks at: the last 24 hours. */
export const defaultRange: TimeRange = { kind: 'last', minutes: 24 * 60 };

/** The ranges offered by name, in minutes. */
export const rangePresets: readonly { readonly minutes: number; readonly label: string }[] = [
  { minutes: 15, label: 'Last 15 minutes' },
  { minutes: 60, label: 'Last hour' },
  { minutes: 6 * 60, label: 'Last 6 hours' },
  { minutes: 24 * 60, label: 'Last 24 hours' },
  { minutes: 7 * 24 * 60, label: 'Last 7 days' },
  { minutes: 30 * 24 * 60, label: 'Last 30 days' },
];

const units: readonly [string, number][] = [
  ['d', 24 * 60],
  ['h', 60],
  ['m', 1],
];

/** `90m`, `24h`, `7d`: the largest unit that divides evenly. */
export function formatDuration(minutes: number): string {
  const [unit, size] = units.find(([, size]) => minutes % size === 0) ?? ['m', 1];
  return `${minutes / size}${unit}`;
}

function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([dhm])$/u.exec(text);
  const size = units.find(([unit]) => unit === match?.[2])?.[1];
  const minutes = Number(match?.[1]) * (size ?? Number.NaN);
  return minutes > 0 ? minutes : undefined;
}

const largestMs = 8.64e15;

function parseInstant(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{10,16}$/u.test(text) ? Number(text) : Date.parse(text);
  return Math.abs(ms) <= largestMs ? ms : undefined;
}

/** Adds `last=…` or `from=…&to=…`; the default range adds nothing. */
export function appendRange(params: URLSearchParams, range: TimeRange): void {
  if (range.kind === 'between') {
    params.set('from', new Date(range.fromMs).toISOString());
    params.set('to', new Date(range.toMs).toISOString());
  } else if (range.kind === 'all') {
    params.set('last', 'all');
  } else if (range.minutes !== (defaultRange.kind === 'last' ? defaultRange.minutes : 0)) {
    params.set('last', formatDuration(range.minutes));
  }
}

/** Reads a range; whatever cannot be read gives the default. A `from` without `to` (or the other way round) is met halfway with now. */
export function parseRange(params: URLSearchParams, nowMs: number): TimeRange {
  const from = parseInstant(params.get('from'));
  const to = parseInstant(params.get('to'));
  if (from !== undefined || to !== undefined) {
    const fromMs = from ?? 0;
    const toMs = to ?? nowMs;
    if (fromMs < toMs) return { kind: 'between', fromMs, toMs };
  }
  const last = params.get('last');
  if (last === 'all') return { kind: 'all' };
  const minutes = last === null ? undefined : parseDuration(last);
  return minutes === undefined ? defaultRange : { kind: 'last', minutes };
}

/** The bounds to ask the API for. `toMs` is absent while the range is still growing, `fromMs` when there is no beginning. */
export function toBounds(range: TimeRange, nowMs: number): { readonly fromMs?: number; readonly toMs?: number } {
  if (range.kind === 'between') return { fromMs: range.fromMs, toMs: range.toMs };
  return range.kind === 'all' ? {} : { fromMs: nowMs - range.minutes * 60_000 };
}

/** The range moved by its own length: `-1` earlier, `1` later. A range that ends now becomes an absolute one. */
export function shiftRange(range: TimeRange, steps: number, nowMs: number): TimeRange {
  if (range.kind === 'all') return range;
  const fromMs = range.kind === 'between' ? range.fromMs : nowMs - range.minutes * 60_000;
  const toMs = range.kind === 'between' ? range.toMs : nowMs;
  const move = (toMs - fromMs) * steps;
  return { kind: 'between', fromMs: fromMs + move, toMs: toMs + move };
}
