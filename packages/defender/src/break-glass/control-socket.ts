// The Defender's control socket: what root on this host may ask of a running Defender.
// Invariant: only root, or the Defender's own user, and nobody inside a container, is answered; the file's mode says the same.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { type Actor, AppError, type Condition, isAppError } from '@dockledger/contract';
import type { Caller, Identifier } from '../ports.ts';
import type { Bypass } from './bypass.ts';

/** Where the socket of a Defender with this data directory is. */
export const controlSocketPath = (dataDir: string): string => join(dataDir, 'control.sock');

/** What the socket leads to. */
export interface ControlSocketOptions {
  readonly identifier: Identifier;
  readonly bypass: Bypass;
  readonly conditions: () => readonly Condition[];
  /** Looks for doors anew. */
  readonly look: () => Promise<void>;
  /** Binds and accepts, mode 0600. */
  readonly listen: (onConnection: (socket: Socket) => void) => Promise<Server>;
}

const mostBodyBytes = 64 * 1024;

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = chunk as Buffer;
    bytes += part.length;
    if (bytes > mostBodyBytes) throw new AppError('too_large', `The body is larger than ${mostBodyBytes} bytes.`);
    chunks.push(part);
  }
  if (bytes === 0) return {};
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new AppError('bad_request', 'The body is not a JSON object.');
}

function requireRoot({ actor }: Caller): Actor {
  const own = process.getuid?.();
  if (actor.containerId !== undefined || (actor.uid !== 0 && actor.uid !== own) || actor.uid === undefined)
    throw new AppError('forbidden', 'Only root on this host, outside of containers, may ask this of the Defender.');
  return actor;
}

/** Opens the socket. The caller closes the server that it answers. */
export async function openControlSocket(options: ControlSocketOptions): Promise<{ close(): Promise<void> }> {
  const callers = new WeakMap<Socket, Caller | Promise<Caller>>();
  const report = () => {
    const bypass = options.bypass.current();
    return { conditions: options.conditions(), bypass: bypass ?? null };
  };
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const caller = await callers.get(request.socket);
    if (caller === undefined) throw new AppError('forbidden', 'The caller is not known.');
    const by = requireRoot(caller);
    switch (`${request.method} ${request.url}`) {
      case 'GET /v1/status':
        return report();
      case 'POST /v1/look':
        await options.look();
        return report();
      case 'POST /v1/bypass': {
        const { minutes, reason } = await readBody(request);
        await options.bypass.start({ minutes, reason, by });
        return report();
      }
      case 'DELETE /v1/bypass':
        await options.bypass.end(by);
        return report();
      default:
        throw new AppError('not_found', `${request.method} ${request.url} is not answered here.`);
    }
  };
  const send = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const http = createServer((request, response) => {
    answer(request).then(
      (body) => send(response, 200, body),
      (error: unknown) => {
        const known = isAppError(error) ? error : new AppError('internal', 'The Defender could not do this.');
        send(response, known.status, { code: known.code, message: known.message });
      },
    );
  });
  const sockets = new Set<Socket>();
  const server = await options.listen((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    callers.set(socket, options.identifier.identify(socket));
    http.emit('connection', socket);
  });
  return {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
