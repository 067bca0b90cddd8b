// A network that fails on demand: a TCP relay between Defender and Console that can go silent, cut every connection, or crawl.
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How the network is. `silent`: connections are taken and nothing passes. `slow`: a kilobyte a second each way. */
export type NetworkState = 'well' | 'silent' | 'slow';

/** A running relay. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  state: NetworkState;
  /** Resets every open connection. */
  cut(): void;
}

/** Starts a relay on a free port of the loopback to `target`. */
export async function startTcpRelay(target: { readonly host: string; readonly port: number }): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const remote = connect(target.port, target.host);
    for (const socket of [client, remote]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        remote.destroy();
      });
    }
    void pass(client, remote);
    void pass(remote, client);
  });
  async function pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; ) {
          while (relay.state === 'silent' && !to.destroyed) await delay(20);
          const piece = chunk.subarray(at, relay.state === 'slow' ? at + 100 : chunk.length);
          if (relay.state === 'slow') await delay(100);
          to.write(piece);
          at += piece.length;
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const relay: TcpRelay = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    state: 'well',
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      relay.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
