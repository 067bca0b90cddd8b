// Completes results from the lines around them: the peer of cut lines from the same connection, sudo's continuation
// lines, "last message repeated". Holds at most a fixed number of connections and never reads a clock of its own.
// A line teaches only lines of the same or a lower confidence, so a forged line changes nothing of a trusted one.
import { utf8Length } from './bytes.ts';
import type { HostLogConfidence, HostLogPeer, HostLogResult } from './host-log-result.ts';

/** Bounds of a tracker. */
export type ConnectionTrackerOptions = {
  /** Connections kept at once; the oldest is forgotten first. Defaults to 10,000. */
  readonly maxConnections?: number;
  /** How long a connection that has not logged in is kept, by the lines' own times. Defaults to 10 minutes. */
  readonly loginGraceMs?: number;
};

/** Completes results in the order of their lines. One tracker per source. */
export interface ConnectionTracker {
  /**
   * Takes the result of the next line (null for a line that gave none) and returns the results that are complete, in
   * order. A long sudo line is held until the next line shows whether it goes on: see {@link flush}.
   */
  push(result: HostLogResult | null): HostLogResult[];
  /** Returns what is held. Call when no line came for a second, and at the end. */
  flush(): HostLogResult[];
  /** True while a result is held: the line it came from has to be read again by whoever begins anew. */
  readonly isHolding: boolean;
}

type Connection = { peer: HostLogPeer; user: string | null; isLoggedIn: boolean; timeMs: number | null };

/** sudo begins a new line before this many bytes; only lines near it can go on. */
const continuedFromBytes = 850;
const rank: Readonly<Record<HostLogConfidence, number>> = { forgeable: 0, file: 1, trusted: 2 };

/** Creates a tracker without any connection. */
export function createConnectionTracker(options: ConnectionTrackerOptions = {}): ConnectionTracker {
  const { maxConnections = 10_000, loginGraceMs = 600_000 } = options;
  const connections = new Map<string, Connection>();
  /** Peers of open trusted connections by `address port`, to confirm what a user's own child says. */
  const openPeers = new Map<string, HostLogPeer>();
  let held: HostLogResult | null = null;
  let last: HostLogResult | null = null;

  function keyOf(result: HostLogResult, confidence: HostLogConfidence): string {
    return `${confidence} ${result.bootId ?? ''} ${result.host ?? ''} ${result.pid}`;
  }

  function forget(key: string): void {
    const known = connections.get(key);
    if (known === undefined) return;
    connections.delete(key);
    openPeers.delete(`${known.peer.address} ${known.peer.port}`);
  }

  function learn(result: HostLogResult): void {
    const key = keyOf(result, result.confidence);
    if (result.kind === 'connection_open') forget(key);
    const known = connections.get(key);
    // PAM's line has no port: it must not take away the one that is known.
    if (result.peer !== null && result.peerSource === 'line' && (known === undefined || result.peer.port !== null)) {
      const isSame =
        known !== undefined && known.peer.address === result.peer.address && known.peer.port === result.peer.port;
      if (!isSame) {
        forget(key);
        connections.set(key, { peer: result.peer, user: null, isLoggedIn: false, timeMs: result.timeMs });
        if (result.confidence === 'trusted') openPeers.set(`${result.peer.address} ${result.peer.port}`, result.peer);
      }
    }
    const current = connections.get(key);
    if (current !== undefined && result.kind === 'login') current.isLoggedIn = true;
    if (connections.size > maxConnections) {
      const oldest = connections.keys().next().value;
      if (oldest !== undefined) forget(oldest);
    }
  }

  function isFresh(connection: Connection, result: HostLogResult): boolean {
    if (connection.isLoggedIn || connection.timeMs === null || result.timeMs === null) return true;
    const age = result.timeMs - connection.timeMs;
    return age >= -60_000 && age <= loginGraceMs;
  }

  function complete(result: HostLogResult): void {
    if (result.program !== 'sshd' || result.pid === null) return;
    if (result.confidence === 'forgeable') {
      // The user's own child of sshd: what it says stays forgeable, but an address that is connected is no invention.
      const claim = result.claimedPeer;
      const open = claim === null ? undefined : openPeers.get(`${claim.address} ${claim.port}`);
      if (open !== undefined) {
        result.peer = open;
        result.peerSource = 'connection';
      }
      return;
    }
    learn(result);
    const key = keyOf(result, result.confidence);
    const known = connections.get(key) ?? connections.get(keyOf(result, 'trusted'));
    const isConnectionsOwn =
      result.kind !== 'connection_dropped' && result.kind !== 'penalty' && result.kind !== 'throttling';
    if (known !== undefined && isConnectionsOwn && isFresh(known, result) && result.kind !== 'login_timeout') {
      if (result.peer === null || (result.peer.port === null && result.peer.address === known.peer.address)) {
        result.peer = known.peer;
        result.peerSource = 'connection';
      }
    }
    // "Received disconnect" (it has a code) is followed by one more line of the same connection.
    const isLast = result.kind === 'disconnect' && result.detail === null && known?.isLoggedIn !== true;
    const isOver = result.kind === 'pam_session_close' || isLast;
    if (isOver) forget(key);
  }

  function isContinued(first: HostLogResult, next: HostLogResult): boolean {
    return (
      next.kind === 'sudo_continued' &&
      next.user === first.user &&
      next.host === first.host &&
      next.pid === first.pid &&
      next.confidence === first.confidence
    );
  }

  function release(): HostLogResult[] {
    const out = held === null ? [] : [held];
    held = null;
    return out;
  }

  function push(result: HostLogResult | null): HostLogResult[] {
    const before = last;
    last = result;
    // Another program's line may come between sudo's: what is held stays held, for one second of log time.
    if (result === null) return [];
    if (result.kind === 'repeated_last') {
      if (before === null || rank[result.confidence] > rank[before.confidence]) return [];
      last = before;
      return [
        ...release(),
        { ...before, count: result.count, raw: result.raw, timeMs: result.timeMs ?? before.timeMs },
      ];
    }
    if (held !== null && isContinued(held, result)) {
      held = joined(held, result);
      last = held;
      return [];
    }
    complete(result);
    // In the journal each sudo has its own pid, so others may pass; in a file an interleaved line ends the record.
    const out = held !== null && (result.program === 'sudo' || isOlder(held, result)) ? release() : [];
    if (result.program === 'sudo' && result.command !== null && canContinue(result)) {
      out.push(...release());
      held = result;
      return out;
    }
    return [...out, result];
  }

  return {
    push,
    flush: release,
    get isHolding() {
      return held !== null;
    },
  };
}

function isOlder(held: HostLogResult, next: HostLogResult): boolean {
  return held.timeMs === null || next.timeMs === null || next.timeMs - held.timeMs > 1000;
}

function canContinue(result: HostLogResult): boolean {
  return result.kind !== 'sudo_continued' && result.argv === null && utf8Length(result.raw) >= continuedFromBytes;
}

function joined(first: HostLogResult, next: HostLogResult): HostLogResult {
  const rest = next.command ?? '';
  const append = (command: string | null): string | null => (command === null ? null : `${command} ${rest}`);
  return {
    ...first,
    command: append(first.command),
    readings: first.readings?.map((reading) => ({ ...reading, command: append(reading.command) })) ?? null,
    raw: `${first.raw}\n${next.raw}`,
  };
}
