// Binds the guarded socket: never wider than its mode, never over a living one.
// Invariant: a stale socket file is unlinked only after a connect to it was refused.
import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { AppError } from '@dockledger/contract/error-code';

/** Where to accept clients. */
export type ListenAddress =
  | {
      /** At most 107 bytes. The directory must exist. */
      readonly path: string;
      /** Set once, at bind. Defaults to 0o660. */
      readonly mode?: number;
      /** Group id. Defaults to this process's. */
      readonly gid?: number;
    }
  /** A listening descriptor that systemd passed. */
  | { readonly fd: number };

/** The longest path of a unix socket that Linux takes. */
export const maxSocketPathBytes = 107;

/** Resolves when clients can connect. */
export async function listenOnSocket(
  address: ListenAddress,
  onConnection: (socket: Socket) => void,
  maxConnections: number,
): Promise<Server> {
  // Deliberately half-open: `docker run -i` closes its side at end of input and still expects output.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  server.maxConnections = maxConnections;
  if ('fd' in address) {
    await listening(server, () => server.listen({ fd: address.fd, backlog: 1024 }));
    return server;
  }
  const { path, mode = 0o660, gid } = address;
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    throw new AppError(
      'bad_setting',
      `The socket path "${path}" has ${Buffer.byteLength(path)} bytes; Linux takes at most ${maxSocketPathBytes}. Choose a shorter directory.`,
    );
  }
  await removeStaleSocket(path);
  // The file is born without any right and gets its group before its mode.
  const umask = process.umask(0o777);
  try {
    await listening(server, () => {
      server.listen({ path, backlog: 1024 });
      process.umask(umask);
    });
  } finally {
    process.umask(umask);
  }
  if (gid !== undefined) chownSync(path, process.getuid?.() ?? 0, gid);
  chmodSync(path, mode);
  return server;
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new AppError('bad_setting', `"${path}" exists and is not a socket. Remove it or choose another path.`);
  }
  const code = await new Promise<string>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve('connected');
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
  });
  if (code === 'connected') {
    throw new AppError('conflict', `Somebody else listens on "${path}". Is another Defender running?`);
  }
  if (code !== 'ECONNREFUSED') {
    throw new AppError('bad_setting', `The socket "${path}" cannot be tried (${code}).`);
  }
  unlinkSync(path);
}
