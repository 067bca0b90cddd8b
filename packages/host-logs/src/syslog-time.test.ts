import { describe, expect, it } from 'vitest';
import { parseBsdTime, parseIsoTime, type SyslogClock, zoneOffsetMs } from './syslog-time.ts';

const at = (iso: string): number => Date.parse(iso);
const clock = (reference: string, more: Partial<SyslogClock> = {}): SyslogClock => ({
  referenceTimeMs: at(reference),
  ...more,
});
const utc = (stamp: string, given: SyslogClock): string | null => {
  const time = parseBsdTime(stamp, given);
  return time === null ? null : new Date(time.timeMs).toISOString();
};

describe('stamps without a year', () => {
  it('of December read in January fall into the year before', () => {
    expect(utc('Dec 31 23:59:59', clock('2027-01-01T00:00:05Z'))).toBe('2026-12-31T23:59:59.000Z');
  });

  it('a little ahead of the reference stay in its year, more than a day ahead go back one', () => {
    expect(utc('Jan  1 00:00:10', clock('2026-12-31T23:59:50Z'))).toBe('2027-01-01T00:00:10.000Z');
    expect(utc('Nov 25 00:00:00', clock('2026-11-23T16:00:00Z'))).toBe('2025-11-25T00:00:00.000Z');
  });

  it('of a leap day fall into the latest leap year', () => {
    expect(utc('Feb 29 12:00:00', clock('2026-03-01T00:00:00Z'))).toBe('2024-02-29T12:00:00.000Z');
    expect(utc('Feb 30 12:00:00', clock('2026-03-01T00:00:00Z'))).toBeNull();
  });

  it('may have an unpadded day', () => {
    const given = clock('2026-03-01T00:00:00Z');
    expect(utc('Feb 7 01:02:03', given)).toBe(utc('Feb  7 01:02:03', given));
  });

  it('read in the zone of the writer', () => {
    expect(utc('Nov 23 16:40:00', clock('2026-11-23T16:00:00Z', { zone: 'Europe/Berlin' }))).toBe(
      '2026-11-23T15:40:00.000Z',
    );
    expect(utc('Jul  1 12:00:00', clock('2026-11-23T16:00:00Z', { zone: 'America/New_York' }))).toBe(
      '2026-07-01T16:00:00.000Z',
    );
    expect(zoneOffsetMs('No/Such_Zone', 0)).toBe(0);
  });

  it('in the hour that autumn repeats are marked, and settled by the reference or by the line before', () => {
    const berlin = { zone: 'Europe/Berlin' };
    const later = parseBsdTime('Oct 25 02:30:00', clock('2026-10-25T06:00:00Z', berlin));
    expect(later).toEqual({ timeMs: at('2026-10-25T00:30:00Z'), isAmbiguous: true });
    const live = parseBsdTime('Oct 25 02:30:00', clock('2026-10-25T00:30:01Z', berlin));
    expect(live).toEqual({ timeMs: at('2026-10-25T00:30:00Z'), isAmbiguous: false });
    const second = parseBsdTime(
      'Oct 25 02:30:00',
      clock('2026-10-25T06:00:00Z', { ...berlin, previousTimeMs: at('2026-10-25T01:10:00Z') }),
    );
    expect(second).toEqual({ timeMs: at('2026-10-25T01:30:00Z'), isAmbiguous: true });
  });

  it('in the hour that spring leaves out read as of a clock that lags', () => {
    expect(utc('Mar 29 02:30:00', clock('2026-03-29T12:00:00Z', { zone: 'Europe/Berlin' }))).toBe(
      '2026-03-29T01:30:00.000Z',
    );
  });
});

describe('RFC 3339 stamps', () => {
  const given = clock('2026-11-23T16:00:00Z', { zone: 'Europe/Berlin' });
  it.each([
    ['2026-11-23T16:40:00.123456+01:00', '2026-11-23T15:40:00.123Z'],
    ['2019-06-14T13:01:15.412+01:30', '2019-06-14T11:31:15.412Z'],
    ['2026-11-23T15:40:00Z', '2026-11-23T15:40:00.000Z'],
    ['2026-11-23T10:40:00-0500', '2026-11-23T15:40:00.000Z'],
    ['2026-11-23T16:40:00', '2026-11-23T15:40:00.000Z'],
  ])('%s is %s', (stamp, expected) => {
    expect(new Date(parseIsoTime(stamp, given)?.timeMs ?? 0).toISOString()).toBe(expected);
  });

  it('that are none are null', () => {
    for (const stamp of ['2026-13-01T00:00:00Z', '2026-11-23', '', '2026-11-23T25:00:00Z'])
      expect(parseIsoTime(stamp, given)).toBeNull();
  });
});
