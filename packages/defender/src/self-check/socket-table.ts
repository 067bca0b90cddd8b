// What listens on this host, as /proc tells: unix and TCP sockets, and which of them a process holds.
// Invariant: reads only; what vanishes or cannot be read meanwhile is left out.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A socket that accepts connections. */
export interface ListeningSocket {
  readonly inode: string;
  /** Of a unix socket: the path as it was bound. Abstract names begin with `@`. */
  readonly path?: string;
  /** Of a TCP socket. */
  readonly address?: string;
  readonly port?: number;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const acceptsConnections = 0x10000;

/** Listening unix sockets out of /proc/net/unix. Sockets without a name are left out. */
export function parseUnixTable(text: string): ListeningSocket[] {
  return text.split('\n').flatMap((line): ListeningSocket[] => {
    const found = /^\S+: \S+ \S+ ([0-9A-F]+) \S+ \S+ +(\d+) (.+)$/.exec(line);
    if (found === null || (Number.parseInt(found[1] ?? '0', 16) & acceptsConnections) === 0) return [];
    return [{ inode: found[2] ?? '', path: found[3] ?? '' }];
  });
}

/** An address as the kernel prints it: words of four bytes, each in the order of the host. */
function toAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const words = Array.from({ length: 8 }, (_, at) => Number.parseInt(`${bytes[2 * at]}${bytes[2 * at + 1]}`, 16));
  return words.every((word) => word === 0) ? '::' : words.map((word) => word.toString(16)).join(':');
}

/** Listening TCP sockets out of /proc/net/tcp or /proc/net/tcp6. */
export function parseTcpTable(text: string): ListeningSocket[] {
  return text.split('\n').flatMap((line): ListeningSocket[] => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    const found = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local);
    // 0A is TCP_LISTEN.
    if (found === null || state !== '0A' || inode === undefined) return [];
    return [{ inode, address: toAddress(found[1] ?? ''), port: Number.parseInt(found[2] ?? '0', 16) }];
  });
}

/** Everything that listens in the network namespace of `/proc/self`, or of `pid`. */
export function loadListeners(procRoot: string, pid: number | 'self' = 'self'): ListeningSocket[] {
  const net = join(procRoot, String(pid), 'net');
  return [
    ...parseUnixTable(read(join(net, 'unix'))),
    ...parseTcpTable(read(join(net, 'tcp'))),
    ...parseTcpTable(read(join(net, 'tcp6'))),
  ];
}

/** Inodes of the sockets that a process holds. Empty when it may not be looked at. */
export function socketsOf(procRoot: string, pid: number): ReadonlySet<string> {
  const directory = join(procRoot, String(pid), 'fd');
  const inodes = new Set<string>();
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return inodes;
  }
  for (const name of names) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(directory, name)))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  return inodes;
}

/** Pids of running programs of that name, lowest first. */
export function pidsOf(procRoot: string, program: string): number[] {
  let names: string[] = [];
  try {
    names = readdirSync(procRoot);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name) && read(join(procRoot, name, 'comm')).trim() === program)
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** The words that a process was started with. */
export function argumentsOf(procRoot: string, pid: number): string[] {
  return read(join(procRoot, String(pid), 'cmdline'))
    .split('\0')
    .slice(0, -1);
}
