// The few libc calls that Node lacks: peer credentials of a unix socket and names through NSS.
// The only file that touches `socket._handle.fd`; its test fails loudly on a Node without that field.
import { AppError } from '@dockledger/contract';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
);
const getpwuidR = libc.func(
  'int getpwuid_r(uint32_t uid, _Out_ uint8_t *pwd, _Out_ uint8_t *buf, size_t size, _Out_ uint64_t *result)',
);
const getpwnamR = libc.func(
  'int getpwnam_r(str name, _Out_ uint8_t *pwd, _Out_ uint8_t *buf, size_t size, _Out_ uint64_t *result)',
);
const getgrouplist = libc.func(
  'int getgrouplist(str user, uint32_t group, _Out_ uint32_t *groups, _Inout_ int *count)',
);
const getgrgidR = libc.func(
  'int getgrgid_r(uint32_t gid, _Out_ uint8_t *grp, _Out_ uint8_t *buf, size_t size, _Out_ uint64_t *result)',
);
const getgrnamR = libc.func(
  'int getgrnam_r(str name, _Out_ uint8_t *grp, _Out_ uint8_t *buf, size_t size, _Out_ uint64_t *result)',
);
const closeFd = libc.func('int close(int fd)');
const syscall = libc.func('long syscall(long number, long a, long b, long c, long d)');

const solSocket = 1;
const soPeercred = 17;
const soPeerpidfd = 77;
const pidfdSendSignal = 424;
const erange = 34;

/** Who connected, as the kernel noted at connect(2). `pid` is 0 when the peer lives in a pid namespace that we cannot see. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The descriptor of an accepted socket. Throws `internal` on a Node that hides it, for then nobody can be identified. */
export function descriptorOf(socket: object): number {
  const handle = (socket as { _handle?: { fd?: unknown } | null })._handle;
  const fd = handle?.fd;
  if (typeof fd !== 'number' || fd < 0) {
    throw new AppError(
      'internal',
      'This Node does not tell the descriptor of a socket (socket._handle.fd); use Node 24.',
    );
  }
  return fd;
}

/** SO_PEERCRED of a connected unix socket, or undefined when the kernel has none. */
export function peerCredentials(fd: number): PeerCredentials | undefined {
  const value = Buffer.alloc(12);
  const length = [12];
  if (getsockopt(fd, solSocket, soPeercred, value, length) !== 0) return undefined;
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

/**
 * A pidfd of the peer (Linux 6.5 and later), which a recycled pid cannot fool. Undefined where the kernel has none.
 * The caller closes it with {@link closeDescriptor}.
 */
export function peerPidfd(fd: number): number | undefined {
  const value = Buffer.alloc(4);
  return getsockopt(fd, solSocket, soPeerpidfd, value, [4]) === 0 ? value.readInt32LE(0) : undefined;
}

/** Closes a descriptor that {@link peerPidfd} returned. */
export function closeDescriptor(fd: number): void {
  closeFd(fd);
}

/** True while the process behind a pidfd has not been reaped. */
export function pidfdIsAlive(pidfd: number): boolean {
  return Number(syscall(pidfdSendSignal, pidfd, 0, 0, 0)) === 0;
}

// The strings of struct passwd and struct group lie in the caller's buffer, name first, NUL-terminated, in glibc and musl;
// the struct's own first pointer is the name, so the offset into the buffer is found by decoding it.
const structBytes = 64;

function nssName(
  call: (struct: Buffer, buffer: Buffer, size: number, result: (number | bigint)[]) => number,
): { name: string; struct: Buffer } | undefined {
  for (let size = 4096; size <= 1 << 20; size *= 4) {
    const struct = Buffer.alloc(structBytes);
    const buffer = Buffer.alloc(size);
    const result: (number | bigint)[] = [0];
    const code = call(struct, buffer, size, result);
    if (code === erange) continue;
    if (code !== 0 || Number(result[0] ?? 0) === 0) return undefined;
    const name = koffi.decode(struct, 'const char *') as string | null;
    return name === null ? undefined : { name, struct };
  }
  return undefined;
}

/** Name of a uid through NSS (files, LDAP, sssd, …), or undefined when nobody has it. */
export function userNameOf(uid: number): string | undefined {
  return nssName((struct, buffer, size, result) => Number(getpwuidR(uid, struct, buffer, size, result)))?.name;
}

/** Primary uid and gid of a user name through NSS, or undefined when there is none. */
export function userIdsOf(name: string): { uid: number; gid: number } | undefined {
  const found = nssName((struct, buffer, size, result) => Number(getpwnamR(name, struct, buffer, size, result)));
  // struct passwd: char *pw_name, char *pw_passwd, uid_t pw_uid, gid_t pw_gid.
  return found && { uid: found.struct.readUInt32LE(16), gid: found.struct.readUInt32LE(20) };
}

/** Name of a gid through NSS, or undefined. */
export function groupNameOf(gid: number): string | undefined {
  return nssName((struct, buffer, size, result) => Number(getgrgidR(gid, struct, buffer, size, result)))?.name;
}

/** Gids of all groups that a user is in, its primary group included. */
export function groupIdsOf(user: string, primaryGid: number): readonly number[] {
  for (let room = 64; room <= 65_536; room *= 8) {
    const ids = new Uint32Array(room);
    const count = [room];
    if (Number(getgrouplist(user, primaryGid, ids, count)) >= 0) return Array.from(ids.subarray(0, count[0] ?? 0));
  }
  return [primaryGid];
}

/** Gid of a group by name or number, or undefined when there is none. */
export function groupIdOf(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const found = nssName((struct, buffer, size, result) => Number(getgrnamR(name, struct, buffer, size, result)));
  // struct group: char *gr_name, char *gr_passwd, gid_t gr_gid.
  return found?.struct.readUInt32LE(16);
}
