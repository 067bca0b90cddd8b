// Times as people read them, in UTC or in the browser's zone, always with the zone known to the caller.

/** The zone that times are shown in. */
export type Zone = 'utc' | 'local';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, kind: 'time' | 'day' | 'minute', ms: number): string {
  const key = `${zone} ${kind}`;
  let formatter = formats.get(key);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      ...(zone === 'utc' && { timeZone: 'UTC' }),
      hourCycle: 'h23',
      ...(kind === 'day'
        ? { year: 'numeric', month: '2-digit', day: '2-digit' }
        : { hour: '2-digit', minute: '2-digit' }),
      ...(kind === 'time' && { second: '2-digit', fractionalSecondDigits: 3 }),
    });
    formats.set(key, formatter);
  }
  return formatter.format(ms);
}

/** `14:03:22.118`. */
export function formatClock(ms: number, zone: Zone): string {
  return format(zone, 'time', ms);
}

/** `14:03`. */
export function formatMinute(ms: number, zone: Zone): string {
  return format(zone, 'minute', ms);
}

/** `2026-11-23`. */
export function formatDay(ms: number, zone: Zone): string {
  return format(zone, 'day', ms).split('/').reverse().join('-');
}

/** `2026-11-23 14:03:22.118`. */
export function formatInstant(ms: number, zone: Zone): string {
  return `${formatDay(ms, zone)} ${formatClock(ms, zone)}`;
}

const steps: readonly [number, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** A length of time in its largest unit: `4 s`, `12 min`, `3 h`, `2 d`; below a second in `ms`. */
export function formatLength(ms: number): string {
  const [size, unit] = steps.find(([size]) => Math.abs(ms) >= size) ?? [1, 'ms'];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** `4 s ago`, `in 2 min`, `just now`. */
export function formatRelative(ms: number, nowMs: number): string {
  const gap = nowMs - ms;
  if (Math.abs(gap) < 1000) return 'just now';
  return gap > 0 ? `${formatLength(gap)} ago` : `in ${formatLength(-gap)}`;
}

const number = new Intl.NumberFormat('en-GB');

/** Digits in groups of three, separated by narrow spaces: `88 213`. */
export function formatCount(count: number): string {
  return number.format(count).replaceAll(',', '\u202f');
}

const sizes = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** `3.4 MB`, powers of 1000. */
export function formatBytes(bytes: number): string {
  const power = Math.min(sizes.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[power] ?? 'B'}`;
}
