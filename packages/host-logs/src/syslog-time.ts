// Turns the stamps of log lines into milliseconds: RFC 3164 without a year or zone, against a reference clock and a
// zone, and RFC 3339. A stamp is never placed more than a day after the reference.

/** What is needed to place a stamp that has neither year nor zone. */
export type SyslogClock = {
  /** The latest moment at which the line can have been written, for instance now. Milliseconds since 1970 UTC. */
  readonly referenceTimeMs: number;
  /** IANA name of the zone in which the writer's clock runs. Defaults to UTC. */
  readonly zone?: string;
  /** The time of the line before, which settles the hour that a zone repeats in autumn. */
  readonly previousTimeMs?: number;
};

/** A moment, and whether it could be one of two. */
export type SyslogTime = { readonly timeMs: number; readonly isAmbiguous: boolean };

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const dayMs = 86_400_000;
const quarterMs = 900_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();

/** The zone's offset from UTC at `timeMs`, in milliseconds, east positive. An unknown zone counts as UTC. */
export function zoneOffsetMs(zone: string, timeMs: number): number {
  if (zone === 'UTC') return 0;
  // Zones change their offset at a full quarter of an hour only, so one answer serves all of it.
  const quarter = Math.floor(timeMs / quarterMs);
  const key = `${zone} ${quarter}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  if (offsets.size > 4096) offsets.clear();
  const offset = computeOffsetMs(zone, quarter * quarterMs);
  offsets.set(key, offset);
  return offset;
}

function computeOffsetMs(zone: string, timeMs: number): number {
  try {
    let format = formats.get(zone);
    if (format === undefined) {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
      formats.set(zone, format);
    }
    const parts: Record<string, number> = {};
    for (const part of format.formatToParts(timeMs)) parts[part.type] = Number(part.value);
    const {
      year = 1970,
      month = 1,
      day = 1,
      hour = 0,
      minute = 0,
      second = 0,
    } = parts as Partial<Record<string, number>>;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(timeMs / 1000) * 1000;
  } catch {
    // The runtime does not know the zone: UTC is the stated fallback.
    return 0;
  }
}

/** Places a wall-clock time (given as if it were UTC) in the clock's zone. */
function place(wallMs: number, clock: SyslogClock): SyslogTime {
  const zone = clock.zone ?? 'UTC';
  const before = wallMs - zoneOffsetMs(zone, wallMs - dayMs);
  const after = wallMs - zoneOffsetMs(zone, wallMs + dayMs);
  const fits = [before, after].filter((time) => wallMs - zoneOffsetMs(zone, time) === time).sort((a, b) => a - b);
  const [first, second] = fits;
  // None fits in the hour that spring leaves out: read it with the offset from before, as clocks that lag do.
  if (first === undefined) return { timeMs: before, isAmbiguous: false };
  if (second === undefined || second === first) return { timeMs: first, isAmbiguous: false };
  if (second > clock.referenceTimeMs + 60_000) return { timeMs: first, isAmbiguous: false };
  if (clock.previousTimeMs !== undefined && clock.previousTimeMs > first + 60_000)
    return { timeMs: second, isAmbiguous: true };
  return { timeMs: first, isAmbiguous: true };
}

let lastStamp = '';
let lastClock: SyslogClock | undefined;
let lastTime: SyslogTime | null = null;

/**
 * Reads `MMM d hh:mm:ss` (15 or 14 characters, the day padded or not) in the latest year that puts it not more than a
 * day after the reference. Null when it is no such stamp. February 29 falls into the latest leap year.
 */
export function parseBsdTime(stamp: string, clock: SyslogClock): SyslogTime | null {
  // Lines come many to a second: the last answer serves the next line. The memory is a cache, not a state.
  if (stamp === lastStamp && clock === lastClock) return lastTime;
  lastTime = readBsdTime(stamp, clock);
  lastStamp = stamp;
  lastClock = clock;
  return lastTime;
}

function readBsdTime(stamp: string, clock: SyslogClock): SyslogTime | null {
  const match = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)?$/.exec(stamp);
  const month = match === null ? -1 : months.indexOf(match[1] ?? '');
  if (match === null || month < 0) return null;
  const [day, hour, minute, second] = [match[2], match[3], match[4], match[5]].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const latest = new Date(clock.referenceTimeMs + 2 * dayMs).getUTCFullYear();
  for (let year = latest; year > latest - 9; year--) {
    const wallMs = Date.UTC(year, month, day, hour, minute, second);
    if (new Date(Date.UTC(year, month, day)).getUTCMonth() !== month) continue;
    const time = place(wallMs, clock);
    if (time.timeMs <= clock.referenceTimeMs + dayMs) return time;
  }
  return null;
}

/** Reads syslog-ng's `YYYY MMM d hh:mm:ss`, which has the year but no zone. */
export function parseYearFirstTime(stamp: string, clock: SyslogClock): SyslogTime | null {
  const match = /^(\d{4}) ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)$/.exec(stamp);
  const month = match === null ? -1 : months.indexOf(match[2] ?? '');
  if (match === null || month < 0) return null;
  const [year, day, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return place(Date.UTC(year, month, day, hour, minute, second), clock);
}

/** Reads RFC 3339 with any fraction and offset; without an offset the clock's zone holds. Null when it is none. */
export function parseIsoTime(stamp: string, clock: SyslogClock): SyslogTime | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?$/.exec(stamp);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const fraction = Math.floor(Number(`0.${match[7] ?? '0'}`) * 1000 + 1e-6);
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second) + fraction;
  const zone = match[8];
  if (zone === undefined) return place(wallMs, clock);
  if (zone === 'Z' || zone === 'z') return { timeMs: wallMs, isAmbiguous: false };
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return { timeMs: wallMs - (zone.startsWith('-') ? -minutes : minutes) * 60_000, isAmbiguous: false };
}
