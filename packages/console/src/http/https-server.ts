// Makes the fastify server that both listeners share: HTTPS only, explicit limits, one error form, nothing dropped in silence.
// Routes are added by the features; app.ts decides who listens where.
import type { Socket } from 'node:net';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { ServerCredentials } from '../ca/certificate-authority.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { addCompression } from './compression.ts';
import { addErrorAnswers, type Fallback } from './error-answers.ts';

/** A server of this Console, before it listens. */
export type ConsoleServer = FastifyInstance;

/** What differs between the listeners. */
export interface HttpsServerOptions {
  readonly credentials: ServerCredentials;
  readonly logger: FastifyBaseLogger;
  /** Addresses or networks whose X-Forwarded-For is believed. Empty: none. */
  readonly trustedProxies: readonly string[];
  /** Largest request body in bytes. */
  readonly bodyLimitBytes: number;
  /** Time for a whole request to arrive, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Answers GETs that no route takes, for instance the page. */
  readonly fallback?: Fallback;
  /**
   * Authorities (PEM) that clients are asked for a certificate of. The routes decide what comes of a connection without one,
   * or with a bad one, so that it can be put on record.
   */
  readonly clientCa?: string;
}

/** Request line and headers together, bytes. Enough for long filters; what is over gets 431. */
export const maxHeadBytes = 65_536;

/** Creates the server. The caller adds routes, listens and closes it. */
export function createHttpsServer(options: HttpsServerOptions): ConsoleServer {
  const app = Fastify({
    https: {
      cert: options.credentials.cert,
      key: options.credentials.key,
      minVersion: 'TLSv1.2',
      maxHeaderSize: maxHeadBytes,
      ...(options.clientCa !== undefined && { requestCert: true, rejectUnauthorized: false, ca: options.clientCa }),
    },
    loggerInstance: options.logger,
    // One line per request would drown what matters; failures are logged by the error handler.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => crypto.randomUUID(),
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: options.requestTimeoutMs,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 300, caseSensitive: true, ignoreTrailingSlash: true },
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Answers are built by our own typed mapping; a second, schema-driven writer would only reorder or drop fields.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.server.headersTimeout = 20_000;
  app.server.maxHeadersCount = 100;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^application\/json(?:;.*)?$/i,
    { parseAs: 'string' },
    async (_request: unknown, body: string) => parseBoundedJson(body),
  );
  addErrorAnswers(app, options.fallback);
  app.addHook('onRequest', async (_request, reply) => {
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });
  addCompression(app);
  return app;
}

const drainBrokenMs = 2000;

/** Answers what never became a request: broken HTTP, a head that is too large or too slow. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, sentence] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', `Request line and headers are larger than ${maxHeadBytes} bytes.`]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request did not arrive in time.']
        : ['400 Bad Request', 'This is not a valid HTTP/1.1 request.'];
  // The path is not known here, so the body serves readers of both error forms.
  const body = JSON.stringify({ err: sentence, code: 'bad_request', message: sentence });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // The client may still be sending. Closing now would reset the connection and take our answer with it, so what comes is
  // read and thrown away for a moment.
  socket.removeAllListeners('data');
  socket.on('data', () => undefined);
  const drained = setTimeout(() => socket.destroy(), drainBrokenMs);
  socket.once('close', () => clearTimeout(drained));
}
