// Ends reads whose client is gone: a closed connection must not leave a query running.
import type { FastifyReply } from 'fastify';

/** Aborts when the client closes the connection before the answer is complete. Aborting later, at its end, changes nothing. */
export function abortWhenGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
