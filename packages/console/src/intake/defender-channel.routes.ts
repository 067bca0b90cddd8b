// The Defender channel: hello, events, rules, status. Every request names its protocol version and its Defender and proves
// that it may speak; what is acknowledged is in the ledger.
import { createHash, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import {
  acceptedProtocolVersions,
  channelRoutes,
  defenderHeader,
  type EventsAnswer,
  type HelloAnswer,
  HelloRequest,
  productVersion,
  protocolHeader,
  protocolVersion,
  StatusReport,
} from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { AccessRulesService } from '../access-rules/access-rules-service.ts';
import type { DefenderRegistry } from '../defenders/defender-registry.ts';
import { parseBoundedJson } from '../http/bounded-json.ts';
import { batchLimits, parseEventBatch } from './event-batch.ts';
import type { Intake } from './intake-service.ts';

/** What {@link addDefenderChannelRoutes} needs. */
export interface DefenderChannelParts {
  readonly intake: Intake;
  readonly rules: AccessRulesService;
  readonly defenders: DefenderRegistry;
  /** The secret that Defenders of this Console share. */
  readonly secret: string;
}

const longestWaitMs = 55_000;
const RulesQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  waitMs: Type.Optional(Type.Integer({ minimum: 0 })),
});

/** Adds the channel's routes. Call on a server of its own: it takes any content type as bytes. */
export function addDefenderChannelRoutes(
  app: FastifyInstance,
  { intake, rules, defenders, secret }: DefenderChannelParts,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    decompress(request, body),
  );
  const expected = digest(secret);
  const closer = new AbortController();
  const closing = closer.signal;
  app.addHook('preClose', async () => closer.abort());
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(token), expected))
      throw new AppError('unauthenticated', 'This Defender is not enrolled with this Console.');
    const version = request.headers[protocolHeader];
    if (!acceptedProtocolVersions.includes(Number(version))) {
      const spoken = acceptedProtocolVersions.join(', ');
      const sentence = `Protocol ${JSON.stringify(version ?? 'none')} is not spoken here; this Console speaks ${spoken}. Bring Defender and Console to the same version.`;
      throw new AppError('protocol_mismatch', sentence, { details: { accepted: [...acceptedProtocolVersions] } });
    }
    defenders.seen(defenderOf(request));
  });

  app.post(channelRoutes.hello, async (request): Promise<HelloAnswer> => {
    const hello = parseBody(HelloRequest, request.body);
    requireSelf(request, hello.defenderId);
    defenders.hello(hello);
    return {
      protocol: protocolVersion,
      expectedSeq: intake.expectedSeq(hello.defenderId, hello.epoch),
      rulesVersion: rules.current().version,
      consoleVersion: productVersion,
    };
  });

  app.post(channelRoutes.events, { bodyLimit: batchLimits.bytes }, async (request): Promise<EventsAnswer> => {
    const defenderId = defenderOf(request);
    const batch = parseEventBatch(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), defenderId);
    const answer = await intake.accept(batch);
    defenders.accepted(defenderId, batch.length);
    return answer;
  });

  app.get(channelRoutes.rules, { schema: { querystring: RulesQuery } }, async (request, reply) => {
    const { after = 0, waitMs = 0 } = request.query as Static<typeof RulesQuery>;
    const gone = new AbortController();
    const giveUp = () => gone.abort();
    const timer = setTimeout(giveUp, Math.min(waitMs, longestWaitMs));
    reply.raw.once('close', giveUp);
    closing.addEventListener('abort', giveUp);
    try {
      const newer = await rules.newerThan(after, gone.signal);
      return newer ?? (await reply.code(204).send());
    } finally {
      clearTimeout(timer);
      closing.removeEventListener('abort', giveUp);
    }
  });

  app.post(channelRoutes.status, async (request, reply) => {
    const report = parseBody(StatusReport, request.body);
    requireSelf(request, report.defenderId);
    defenders.status(report);
    return reply.code(204).send();
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function defenderOf(request: FastifyRequest): string {
  const id = request.headers[defenderHeader];
  if (typeof id === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(id)) return id;
  throw new AppError(
    'bad_request',
    `The header ${defenderHeader} must name the Defender: letters, digits, - and _, at most 100.`,
  );
}

function requireSelf(request: FastifyRequest, defenderId: string): void {
  if (defenderOf(request) !== defenderId) throw new AppError('forbidden', 'A Defender speaks for itself only.');
}

function parseBody<T extends TSchema>(schema: T, body: unknown): Static<T> {
  const parsed = parseBoundedJson(Buffer.isBuffer(body) ? body.toString('utf8') : '');
  if (Value.Check(schema, parsed)) return parsed;
  const [first] = Value.Errors(schema, parsed);
  throw new AppError(
    'bad_request',
    `The message is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
  );
}

async function decompress(request: FastifyRequest, body: Buffer): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip')
    throw new AppError('unsupported_media_type', `Content-Encoding ${encoding} is not taken here; use gzip.`);
  try {
    return await promisify(gunzip)(body, { maxOutputLength: batchLimits.bytes });
  } catch (error) {
    const tooLarge =
      error instanceof RangeError ||
      (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE');
    if (tooLarge) throw new AppError('too_large', `The body is larger than ${batchLimits.bytes} bytes when unpacked.`);
    throw new AppError('bad_request', 'The body is not valid gzip.', { cause: error });
  }
}
