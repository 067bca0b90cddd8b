// Remembers who lately had a connection to a port that root listens on, so that a line in a log file cannot name an address
// that was never there. Ordinary users cannot add to it by connections of their own. Open connections are in /proc/net/tcp
// and tcp6; of those that ended in between the kernel told.
import { readFileSync } from 'node:fs';
import type { HostLogPeer } from '@dockledger/host-logs';
import { type EndedConnections, openEndedConnections } from '../ended-connections.ts';

/** What is known of a peer. */
export type PeerAnswer = 'connected' | 'not-connected' | 'not-known';

/** A watch on the host's connections. Whoever started it closes it. */
export interface ConnectedPeers {
  /** Looks now, so that lines read next are judged by what is there. */
  look(): void;
  /** `not-known` for times before the watch began and where the tables cannot be read. `timeMs` is the line's. */
  ask(peer: HostLogPeer, timeMs: number | null): PeerAnswer;
  close(): void;
}

interface Entry {
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly state: string;
  readonly uid: number;
}

const rememberMs = 15 * 60_000;
const maxRemembered = 50_000;
/** How long nothing is called unconnected after the kernel dropped news of ends. */
const lostMs = 60_000;
const listening = '0A';

/** Starts watching. `everyMs` (default 250) stretches where the tables are long: looking takes at most a fiftieth of the time. */
export function watchConnectedPeers({
  everyMs = 250,
  now = Date.now,
  read = readTables,
  ended = openEndedConnections(),
}: {
  everyMs?: number;
  now?: () => number;
  read?: () => string | undefined;
  /** Undefined: short connections between two looks are missed, and their lines stay claims. */
  ended?: EndedConnections | undefined;
} = {}): ConnectedPeers {
  const seen = new Map<string, number>();
  const ports = new Set<number>();
  const startedAt = now();
  let isReadable = true;
  let lostUntil = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const note = (remote: string, remotePort: number, at: number): void => {
    for (const key of [remote, `${remote} ${remotePort}`]) {
      seen.delete(key);
      seen.set(key, at);
    }
  };

  const look = (): number => {
    const begun = performance.now();
    const at = now();
    // Ended first: what ends in between is then still in the tables.
    const gone = ended?.take() ?? (ended === undefined ? [] : undefined);
    if (gone === undefined) lostUntil = at + lostMs;
    const text = read();
    isReadable = text !== undefined;
    const entries = (text ?? '').split('\n').map(parseEntry);
    for (const entry of entries) if (entry?.state === listening && entry.uid === 0) ports.add(entry.localPort);
    for (const { localPort, remoteAddress, remotePort } of gone ?? [])
      if (ports.has(localPort)) note(canonicalAddress(remoteAddress), remotePort, at);
    for (const entry of entries) {
      if (entry === undefined || entry.state === listening || entry.uid !== 0 || !ports.has(entry.localPort)) continue;
      note(entry.remote, entry.remotePort, at);
    }
    for (const [key, last] of seen) {
      if (at - last <= rememberMs && seen.size <= maxRemembered) break;
      seen.delete(key);
    }
    return performance.now() - begun;
  };
  const run = (): void => {
    const tookMs = look();
    if (!isClosed) timer = setTimeout(run, Math.max(everyMs, tookMs * 50)).unref();
  };
  run();

  return {
    look: () => void look(),
    ask({ address, port }, timeMs) {
      const canonical = canonicalAddress(address);
      if (seen.has(port === null ? canonical : `${canonical} ${port}`)) return 'connected';
      // The stamp in a file has whole seconds; syslogd sets it, not the writer.
      if (!isReadable || now() < lostUntil || (timeMs !== null && timeMs < startedAt - 1000)) return 'not-known';
      return 'not-connected';
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      ended?.close();
    },
  };
}

function readTables(): string | undefined {
  try {
    const ip4 = readFileSync('/proc/net/tcp', 'latin1');
    try {
      return `${ip4}\n${readFileSync('/proc/net/tcp6', 'latin1')}`;
    } catch {
      // A host without IPv6.
      return ip4;
    }
  } catch {
    return undefined;
  }
}

const entryPattern =
  /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) /;

function parseEntry(line: string): Entry | undefined {
  const match = entryPattern.exec(line);
  if (match === null) return undefined;
  const [, localPort = '', remote = '', remotePort = '', state = '', uid = ''] = match;
  return {
    localPort: Number.parseInt(localPort, 16),
    remote: canonicalAddress(addressOf(remote)),
    remotePort: Number.parseInt(remotePort, 16),
    state,
    uid: Number(uid),
  };
}

/** The kernel prints each 32-bit word in the host's byte order: little-endian on every platform that is supported. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  if (bytes.length === 4) return [...bytes].join('.');
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':');
}

/** One spelling per address; IPv4 in IPv6 as IPv4. */
function canonicalAddress(text: string): string {
  const address = text.replace(/%.*$/, '').toLowerCase();
  if (!address.includes(':')) return address;
  try {
    const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
    const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
    if (mapped === null) return host;
    const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  } catch {
    return address;
  }
}
