// A way between Defender and Console that can be cut as a firewall cuts it: connections stay open and nothing comes through.
import { connect, createServer, type Socket } from 'node:net';

/** See the head of the file. */
export interface CuttableNetwork extends AsyncDisposable {
  /** What the Defender connects to. */
  readonly url: string;
  /** Nothing comes through from now on; new connections are accepted and stay silent. */
  cut(): void;
  /** Ends the silent connections and lets new ones through. */
  mend(): void;
}

/** Opens a way to `target` (https://host:port). */
export async function openCuttableNetwork(target: string): Promise<CuttableNetwork> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((near) => {
    keep(near);
    if (isCut) return;
    const far = connect({ host: hostname, port: Number(port) });
    keep(far);
    const pass = (from: Socket, to: Socket) => {
      from.on('data', (chunk) => {
        if (!isCut) to.write(chunk);
      });
      from.on('close', () => {
        if (!isCut) to.destroy();
      });
    };
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
