// What people do to the Console itself, on record in the ledger like everything else: sign-ins, changes, and who read the trail.
// Reads are merged per user, route and filter, one event a minute, so that a page that refreshes does not fill the ledger.
import { hostname } from 'node:os';
import type { AccessEvent } from '@dockledger/contract';
import { toInstant } from '@dockledger/contract';
import type { ConsoleEvent } from '../intake/intake-service.ts';

/** Kinds of entry; the names are the compatible API's, and `read` is ours. */
export type ManagementKind = 'login' | 'profile' | 'rule' | 'user' | 'group' | 'role' | 'settings' | 'read';

/** One thing that somebody did. */
export interface ManagementEntry {
  readonly kind: ManagementKind;
  readonly username: string;
  readonly address: string;
  /** Method and path, without query. */
  readonly route: string;
  /** One sentence. */
  readonly text: string;
  readonly hasFailed: boolean;
  /** What changed, one line a change. Empty when nothing did. */
  readonly diff: string;
  /** For reads: the query without paging. */
  readonly filter?: string;
}

/** Puts entries on record. Never throws and never holds up an answer. */
export interface ManagementAudit {
  record(entry: ManagementEntry): void;
  /** Puts what is still merged on record. */
  close(): Promise<void>;
}

/** What {@link openManagementAudit} needs. */
export interface ManagementAuditParts {
  readonly record: (event: ConsoleEvent) => Promise<AccessEvent>;
  readonly now: () => number;
  /** Told when an entry could not be recorded. */
  readonly onProblem: (error: unknown) => void;
  /** How long reads are merged, milliseconds. Defaults to 60,000. */
  readonly mergeMs?: number;
}

interface MergedRead {
  readonly entry: ManagementEntry;
  readonly firstAt: number;
  lastAt: number;
  count: number;
}

/** Starts recording. */
export function openManagementAudit({
  record,
  now,
  onProblem,
  mergeMs = 60_000,
}: ManagementAuditParts): ManagementAudit {
  const reads = new Map<string, MergedRead>();
  const running = new Set<Promise<unknown>>();

  function put(entry: ManagementEntry, merged?: MergedRead): void {
    const recorded = record(toConsoleEvent(entry, merged)).catch(onProblem);
    running.add(recorded);
    void recorded.finally(() => running.delete(recorded));
  }

  function flush(): void {
    for (const merged of reads.values()) put(merged.entry, merged);
    reads.clear();
  }

  function merge(entry: ManagementEntry): void {
    const key = JSON.stringify([entry.username, entry.address, entry.route, entry.filter]);
    const known = reads.get(key);
    if (known === undefined) {
      // Bounded: a reader who varies the filter without end gets events earlier, not memory.
      if (reads.size >= 10_000) flush();
      reads.set(key, { entry, firstAt: now(), lastAt: now(), count: 1 });
    } else {
      known.count += 1;
      known.lastAt = now();
    }
  }

  const timer = setInterval(flush, mergeMs);
  timer.unref();
  return {
    record: (entry) => (entry.kind === 'read' ? merge(entry) : put(entry)),
    close: async () => {
      clearInterval(timer);
      flush();
      await Promise.all(running);
    },
  };
}

function toConsoleEvent(entry: ManagementEntry, merged: MergedRead | undefined): ConsoleEvent {
  const { kind, username, address, route, text, hasFailed, diff, filter } = entry;
  return {
    type: 'console',
    api: kind === 'read' ? 'audits_read' : `console_${kind}`,
    decision: { effect: hasFailed ? 'deny' : 'allow', rule: '', reason: 'console', text, findings: [] },
    outcome: { state: hasFailed ? 'refused' : 'done' },
    actor: { user: username, userSource: username === '' ? 'unknown' : 'login', sourceIP: address },
    target: { kind: 'other', other: route },
    host: { hostname: hostname(), fqdn: '', cluster: '', accountID: '' },
    details: { kind, diff, ...(filter !== undefined && { filter }) },
    ...(merged && { time: toInstant(merged.firstAt), lastTime: toInstant(merged.lastAt), count: merged.count }),
  };
}
