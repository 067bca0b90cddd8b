// Ends reads whose client is gone: a closed connection must not leave a query running.
import type { FastifyRequest } from 'fastify';

/** Aborts when the client closes the connection before the answer is complete. */
export function abortWhenGone(request: FastifyRequest): AbortSignal {
  const controller = new AbortController();
  request.raw.socket.once('close', () => controller.abort());
  return controller.signal;
}
