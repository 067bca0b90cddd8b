// What the Console knows of each Defender: who it is, when it was last heard, what it reports. Kept in memory: a Defender
// that lives says hello again within seconds of a restart.
import type { HelloRequest, StatusReport } from '@dockledger/contract';
import { toInstant } from '@dockledger/contract';

/** One Defender as known since this Console started. */
export interface KnownDefender {
  readonly defenderId: string;
  readonly isConnected: boolean;
  /** RFC 3339, UTC. */
  readonly lastSeenAt: string;
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
  accepted: number;
  hello?: HelloRequest & { readonly offsetMs: number };
  status?: StatusReport;
}

const connectedWithinMs = 30_000;

/** Keeps what Defenders say of themselves. */
export class DefenderRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Notes any sign of life. */
  seen(defenderId: string): void {
    this.#entry(defenderId);
  }

  /** Notes a hello. */
  hello(hello: HelloRequest): void {
    this.#entry(hello.defenderId).hello = { ...hello, offsetMs: hello.sentAt - this.#now() };
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
    return [...this.#entries]
      .map(([id, entry]) => toKnown(id, entry, this.#now()))
      .toSorted((a, b) => (a.defenderId < b.defenderId ? -1 : 1));
  }

  #entry(defenderId: string): Entry {
    const known = this.#entries.get(defenderId) ?? { lastSeenAt: 0, accepted: 0 };
    known.lastSeenAt = this.#now();
    this.#entries.set(defenderId, known);
    return known;
  }
}

function toKnown(defenderId: string, { lastSeenAt, accepted, hello, status }: Entry, now: number): KnownDefender {
  return {
    defenderId,
    isConnected: now - lastSeenAt < connectedWithinMs,
    lastSeenAt: toInstant(lastSeenAt),
    accepted,
    conditions: status?.conditions ?? [],
    ...(hello && { version: hello.version, epoch: hello.epoch, host: hello.host, clockOffsetMs: hello.offsetMs }),
    ...(hello?.facts && { facts: hello.facts }),
    ...(status && { backlog: status.backlog, engine: status.engine, rulesVersion: status.rulesVersion }),
    ...(status?.oldestUnsentAt !== undefined && { oldestUnsentAt: status.oldestUnsentAt }),
  };
}
