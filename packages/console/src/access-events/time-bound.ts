// Reads one end of a time range as people and scripts write it. Pure; both ends are inclusive and in whole milliseconds.
import { AppError } from '@dockledger/contract/error-code';

const form =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([Zz]|UTC|GMT|[+\- ]\d{2}:?\d{2}|[+-]\d{2})?)?$/;
const dayMs = 86_400_000;

/**
 * Milliseconds since 1970 of RFC 3339 with `Z`, `+00:00` or `+0000`, with or without fraction or seconds, or of a date alone.
 * No zone means UTC. A date alone means its first millisecond as lower end and its last as upper end. Fractions finer than
 * milliseconds round inwards. Undefined for an empty text. Throws `bad_parameter` that names the parameter and the value.
 */
export function parseTimeBound(name: string, value: string, end: 'lower' | 'upper'): number | undefined {
  if (value === '') return undefined;
  const match = form.exec(value);
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  const refusal = new AppError(
    'bad_parameter',
    `Parameter ${name} is "${shown}": it must be a time such as 2026-11-23T15:04:05Z.`,
    {
      details: { parameter: name },
    },
  );
  if (match === null) throw refusal;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const date = utc(Number(year), Number(month), Number(day));
  if (date === undefined) throw refusal;
  if (hour === undefined) return end === 'lower' ? date : date + dayMs - 1;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  // 60 is a leap second; it counts as the first moment of the next minute.
  if (h > 23 || m > 59 || s > 60) throw refusal;
  const offset = zoneOffsetMs(zone);
  if (offset === undefined) throw refusal;
  const exact = Number(`0.${fraction || '0'}`) * 1000;
  const rounded = Number(exact.toFixed(6));
  const millis = end === 'lower' ? Math.ceil(rounded) : Math.floor(rounded);
  return date + (h * 3600 + m * 60 + s) * 1000 + millis - offset;
}

function utc(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

function zoneOffsetMs(zone: string): number | undefined {
  if (/^(?:z|utc|gmt)$/i.test(zone)) return 0;
  // A `+` that was not percent-encoded arrives as a blank.
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  return hours > 23 || minutes > 59 ? undefined : sign * (hours * 60 + minutes) * 60_000;
}
