// Compresses answers by Accept-Encoding with what Node ships (br, gzip, zstd). Small answers and event streams stay as they are.
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  zstdCompress,
} from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';

const leastBytes = 1024;
const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Encodings this server speaks, in its order of preference. */
const encoders = {
  br: {
    whole: (body: Buffer) => promisify(brotliCompress)(body, quality),
    stream: () => createBrotliCompress(quality),
  },
  gzip: { whole: (body: Buffer) => promisify(gzip)(body), stream: () => createGzip() },
  zstd: { whole: (body: Buffer) => promisify(zstdCompress)(body), stream: () => createZstdCompress() },
} as const;
type Encoding = keyof typeof encoders;

/** The encoding to answer with, or undefined for none. Highest q wins, ties by our order; `*` stands for br. */
export function chooseEncoding(acceptEncoding: string | undefined): Encoding | undefined {
  let best: { readonly name: Encoding; readonly q: number } | undefined;
  const weights = new Map<string, number>();
  for (const part of (acceptEncoding ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1');
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, Number.isFinite(q) ? q : 0);
  }
  for (const name of Object.keys(encoders) as Encoding[]) {
    const q = weights.get(name) ?? weights.get('*') ?? 0;
    if (q > 0 && (best === undefined || q > best.q)) best = { name, q };
  }
  // A client that prefers the plain body says so with a higher q for identity.
  return best !== undefined && (weights.get('identity') ?? 0) > best.q ? undefined : best?.name;
}

/** Adds compression to all routes of the server. */
export function addCompression(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload: unknown) => {
    if (!isCompressible(reply)) return payload;
    void reply.header('vary', 'Accept-Encoding');
    const encoding = chooseEncoding(request.headers['accept-encoding']);
    if (encoding === undefined || request.method === 'HEAD') return payload;
    if (payload instanceof Readable) {
      void reply.header('content-encoding', encoding).removeHeader('content-length');
      // The error, if any, reaches the reply through the destroyed output; nothing is left to do here.
      return pipeline(payload, encoders[encoding].stream(), () => undefined);
    }
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    const body = Buffer.from(payload);
    if (body.length < leastBytes) return payload;
    const compressed = await encoders[encoding].whole(body);
    void reply.header('content-encoding', encoding).header('content-length', compressed.length);
    return compressed;
  });
}

function isCompressible(reply: FastifyReply): boolean {
  if (reply.hasHeader('content-encoding')) return false;
  const type = String(reply.getHeader('content-type') ?? '');
  return /^(?:application\/(?:json|javascript|openapi\+json)|text\/(?!event-stream)|image\/svg)/.test(type);
}
