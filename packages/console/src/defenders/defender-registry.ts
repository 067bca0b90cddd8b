// What the Console knows of each Defender: who it is, when it was last heard, what it reports. Reports are kept in memory: a
// Defender that lives says hello again within seconds of a restart. One that is enrolled is listed whether it speaks or not.
import type { HelloRequest, StatusReport } from '@dockledger/contract';
import { toInstant } from '@dockledger/contract';
import type { EnrolledDefender } from './defender-store.ts';

/** One Defender. What it reported is known since this Console started. */
export interface KnownDefender {
  readonly defenderId: string;
  readonly isConnected: boolean;
  /** RFC 3339, UTC, as all times here. 1970 when it was enrolled and never heard. */
  readonly lastSeenAt: string;
  /** Name for people; empty: the host's own. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isRevoked: boolean;
  readonly revokedAt?: string;
  readonly enrolledAt?: string;
  readonly certificateExpiresAt?: string;
  readonly version?: string;
  readonly epoch?: number;
  readonly host?: HelloRequest['host'];
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Its clock minus ours, milliseconds, at the last hello. */
  readonly clockOffsetMs?: number;
  /** Events accepted from it since this Console started. */
  readonly accepted: number;
  readonly backlog?: number;
  readonly oldestUnsentAt?: string;
  readonly conditions: StatusReport['conditions'];
  readonly engine?: StatusReport['engine'];
  readonly rulesVersion?: number;
}

interface Entry {
  lastSeenAt: number;
  notedAt: number;
  accepted: number;
  hello?: HelloRequest & { readonly offsetMs: number };
  status?: StatusReport;
}

const connectedWithinMs = 30_000;

/** What {@link DefenderRegistry} needs. */
export interface DefenderRegistryParts {
  readonly now: () => number;
  /** All that are enrolled, whether they ever spoke or not. */
  readonly enrolled: () => readonly EnrolledDefender[];
  /** Silence that becomes a condition, milliseconds. */
  readonly silentAfterMs: number;
}

/** Keeps what Defenders say of themselves. */
export class DefenderRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #parts: DefenderRegistryParts;

  constructor(parts: DefenderRegistryParts) {
    this.#parts = parts;
  }

  /** Notes any sign of life. */
  seen(defenderId: string): void {
    this.#entry(defenderId);
  }

  /** Notes a hello. */
  hello(hello: HelloRequest): void {
    this.#entry(hello.defenderId).hello = { ...hello, offsetMs: hello.sentAt - this.#parts.now() };
  }

  /** Notes a status report; the newest one by its own clock stays. */
  status(report: StatusReport): void {
    const entry = this.#entry(report.defenderId);
    if (entry.status === undefined || report.sentAt >= entry.status.sentAt) entry.status = report;
  }

  /** Counts accepted events. */
  accepted(defenderId: string, count: number): void {
    this.#entry(defenderId).accepted += count;
  }

  /** All Defenders, by id. */
  list(): readonly KnownDefender[] {
    const enrolled = new Map(this.#parts.enrolled().map((defender) => [defender.defenderId, defender]));
    return [...new Set([...enrolled.keys(), ...this.#entries.keys()])]
      .map((id) => toKnown(id, this.#entries.get(id), enrolled.get(id), this.#parts))
      .toSorted((a, b) => (a.defenderId < b.defenderId ? -1 : 1));
  }

  /** Those heard since the last question, with the moment and the name of their host. */
  takeSeen(): readonly { readonly defenderId: string; readonly at: number; readonly hostname: string }[] {
    const heard = [...this.#entries].filter(([, entry]) => entry.lastSeenAt > entry.notedAt);
    for (const [, entry] of heard) entry.notedAt = entry.lastSeenAt;
    return heard.map(([defenderId, { lastSeenAt, hello }]) => ({
      defenderId,
      at: lastSeenAt,
      hostname: hello?.host.hostname ?? '',
    }));
  }

  #entry(defenderId: string): Entry {
    const known = this.#entries.get(defenderId) ?? { lastSeenAt: 0, notedAt: 0, accepted: 0 };
    known.lastSeenAt = this.#parts.now();
    this.#entries.set(defenderId, known);
    return known;
  }
}

function toKnown(
  defenderId: string,
  entry: Entry | undefined,
  enrolled: EnrolledDefender | undefined,
  { now, silentAfterMs }: DefenderRegistryParts,
): KnownDefender {
  const lastSeenAt = Math.max(entry?.lastSeenAt ?? 0, enrolled?.lastSeenAt ?? 0);
  const isRevoked = enrolled?.revokedAt !== undefined;
  const { hello, status } = entry ?? {};
  const silentSince = Math.max(lastSeenAt, enrolled?.enrolledAt ?? 0);
  const isSilent = !isRevoked && now() - silentSince >= silentAfterMs;
  const labels = hello?.facts?.['labels'] ?? enrolled?.labels ?? {};
  return {
    defenderId,
    name: enrolled?.name ?? '',
    labels: labels as Readonly<Record<string, string>>,
    isConnected: !isRevoked && entry !== undefined && now() - entry.lastSeenAt < connectedWithinMs,
    isRevoked,
    lastSeenAt: toInstant(lastSeenAt),
    accepted: entry?.accepted ?? 0,
    conditions: [...(status?.conditions ?? []), ...(isSilent ? [toSilence(silentSince)] : [])],
    ...(enrolled && {
      enrolledAt: toInstant(enrolled.enrolledAt),
      certificateExpiresAt: toInstant(enrolled.certificateExpiresAt),
      // Until it says hello again, its host is known by name only.
      host: { hostname: enrolled.hostname, fqdn: '', cluster: enrolled.cluster, accountID: '' },
    }),
    ...(enrolled?.revokedAt !== undefined && { revokedAt: toInstant(enrolled.revokedAt) }),
    ...(hello && { version: hello.version, epoch: hello.epoch, host: hello.host, clockOffsetMs: hello.offsetMs }),
    ...(hello?.facts && { facts: hello.facts }),
    ...(status && { backlog: status.backlog, engine: status.engine, rulesVersion: status.rulesVersion }),
    ...(status?.oldestUnsentAt !== undefined && { oldestUnsentAt: status.oldestUnsentAt }),
  };
}

function toSilence(since: number): StatusReport['conditions'][number] {
  return {
    name: 'silent',
    text: 'Nothing has been heard of this Defender. Its host is down, it is stopped, or the network is cut.',
    fix: 'systemctl status dockledger-defender',
    since: toInstant(since),
  };
}
