// How long payloads are kept: by type, by age, by size. Pure: reads settings into rules and says from which instant on a type is kept.
// Tombstones never expire: they are what makes a missing payload explicable.
import { EventType } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';

const dayMs = 86_400_000;

/** What may be kept how long. 0 days and 0 bytes mean for ever and without limit. */
export interface RetentionRules {
  readonly days: number;
  readonly daysByType: ReadonlyMap<EventType, number>;
  readonly maxPayloadBytes: number;
}

/** All types that can expire. */
export const expiringTypes: readonly EventType[] = EventType.anyOf
  .map((literal) => literal.const)
  .filter((type) => type !== 'tombstone');

/** Reads `type=days` words. Throws `bad_setting` naming the word. */
export function parseRetention(days: number, daysByType: readonly string[], maxMegabytes: number): RetentionRules {
  const byType = daysByType.map((word) => {
    const [name = '', number = ''] = word.split('=');
    const type = expiringTypes.find((candidate) => candidate === name);
    if (type === undefined || !/^\d{1,5}$/.test(number)) {
      throw new AppError(
        'bad_setting',
        `Setting retentionDaysByType holds "${word}": write type=days, for instance sshd=90. Types: ${expiringTypes.join(', ')}.`,
      );
    }
    return [type, Number(number)] as const;
  });
  return { days, daysByType: new Map(byType), maxPayloadBytes: maxMegabytes * 1_000_000 };
}

/** The instant before which each type has expired, at the beginning of a day in UTC. Types that are kept for ever are not in it. */
export function expiryByType(rules: RetentionRules, nowMs: number): ReadonlyMap<EventType, number> {
  const today = Math.floor(nowMs / dayMs) * dayMs;
  return new Map(
    expiringTypes.flatMap((type) => {
      const days = rules.daysByType.get(type) ?? (type === 'outcome' ? rules.daysByType.get('docker') : undefined);
      const kept = days ?? rules.days;
      return kept === 0 ? [] : [[type, today - kept * dayMs] as const];
    }),
  );
}
