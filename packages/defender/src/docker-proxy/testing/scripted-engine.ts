// An engine for bytes that dockerd never sends: each request it gets is handed to a script that writes what it likes.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';

/** A request as it arrived. */
export interface SeenRequest {
  readonly head: string;
  /** First line without version. */
  readonly line: string;
  /** Body by Content-Length, or the raw chunked bytes. */
  readonly body: string;
}

/** Answers a request on its connection. Nothing written means no answer. */
export type Script = (request: SeenRequest, socket: Socket) => void;

/** A listening scripted engine. */
export interface ScriptedEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly requests: SeenRequest[];
  readonly sockets: Set<Socket>;
  /** Everything ever received, over all connections. */
  readonly received: () => string;
  script: Script;
}

/** A 200 with a length. */
export function ok(body = 'OK', extra = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;
}

/** Starts one that answers 200 to everything until told otherwise. */
export async function startScriptedEngine(): Promise<ScriptedEngine> {
  const dir = await createTempDir('dls-');
  const socketPath = join(dir.path, 'e.sock');
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const everything: string[] = [];
  const engine: { script: Script } = { script: (_request, socket) => socket.write(ok()) };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let pending = '';
    let isTunnel = false;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      everything.push(chunk.toString('latin1'));
      if (isTunnel) return;
      pending += chunk.toString('latin1');
      for (;;) {
        const headEnd = pending.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const head = pending.slice(0, headEnd + 4);
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
        const isChunked = /\r\ntransfer-encoding: chunked/i.test(head);
        let end = headEnd + 4 + length;
        if (isChunked) {
          const last = pending.indexOf('0\r\n\r\n', headEnd + 4);
          if (last < 0) return;
          end = last + 5;
        }
        if (pending.length < end) return;
        const request = {
          head,
          line: head.slice(0, head.indexOf(' HTTP/1.1')),
          body: pending.slice(headEnd + 4, end),
        };
        pending = pending.slice(end);
        requests.push(request);
        isTunnel = /\r\nupgrade: /i.test(head);
        engine.script(request, socket);
        if (isTunnel) return;
      }
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    socketPath,
    requests,
    sockets,
    received: () => everything.join(''),
    get script() {
      return engine.script;
    },
    set script(script) {
      engine.script = script;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await dir[Symbol.asyncDispose]();
    },
  };
}
