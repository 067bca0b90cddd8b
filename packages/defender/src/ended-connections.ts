// Hears from the kernel of every TCP connection of this host that ends (NETLINK_SOCK_DIAG's destroy groups), so that also one
// shorter than any look at /proc is known. Needs CAP_NET_ADMIN.
import { closeSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)');
const recv = libc.func('long recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)');

/** A connection that has ended. Addresses as the kernel prints them: dotted, or eight groups of hex. */
export interface EndedConnection {
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** An open ear. Whoever opened it closes it. */
export interface EndedConnections {
  /** What ended since the last call; undefined when the kernel had to drop some. Never waits. */
  take(): readonly EndedConnection[] | undefined;
  close(): void;
}

const netlink = 16;
const rawNonBlocking = 3 | 0x800 | 0x80000;
const sockDiag = 4;
const tcpGroups = 0b101;
const solSocket = 1;
const soRcvbuf = 8;
const dontWait = 0x40;
const enobufs = 105;
const family6 = 10;

/** Undefined where the kernel or missing rights do not allow it. */
export function openEndedConnections(): EndedConnections | undefined {
  const fd = Number(socket(netlink, rawNonBlocking, sockDiag));
  if (fd < 0) return undefined;
  const address = Buffer.alloc(12);
  address.writeUInt16LE(netlink, 0);
  address.writeUInt32LE(tcpGroups, 8);
  if (Number(bind(fd, address, address.length)) !== 0) {
    closeSync(fd);
    return undefined;
  }
  // The kernel takes what its limit allows; a flood between two looks should fit.
  const size = Buffer.alloc(4);
  size.writeUInt32LE(4 * 1024 * 1024);
  setsockopt(fd, solSocket, soRcvbuf, size, size.length);
  const buffer = Buffer.alloc(4096);
  return {
    take() {
      const ended: EndedConnection[] = [];
      for (let hasLost = false; ; ) {
        const length = Number(recv(fd, buffer, buffer.length, dontWait));
        if (length < 0) {
          if (koffi.errno() !== enobufs) return hasLost ? undefined : ended;
          hasLost = true;
        } else if (length >= 88) ended.push(parseMessage(buffer));
      }
    },
    close: () => closeSync(fd),
  };
}

/** One inet_diag_msg behind its netlink header. */
function parseMessage(message: Buffer): EndedConnection {
  const isV6 = message.readUInt8(16) === family6;
  const remote = message.subarray(40, isV6 ? 56 : 44);
  return {
    localPort: message.readUInt16BE(20),
    remoteAddress: isV6
      ? Array.from({ length: 8 }, (_, group) => remote.readUInt16BE(group * 2).toString(16)).join(':')
      : [...remote].join('.'),
    remotePort: message.readUInt16BE(22),
  };
}
