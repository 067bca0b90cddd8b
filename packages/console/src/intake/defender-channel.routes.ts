// The Defender channel: hello, events, rules, status, renewal. Every request names its protocol version and comes over a
// connection whose client certificate names its Defender; what is acknowledged is in the ledger, and so is what was refused.
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import {
  acceptedProtocolVersions,
  type CertificateAnswer,
  channelRoutes,
  defenderHeader,
  type EventsAnswer,
  type HelloAnswer,
  HelloRequest,
  productVersion,
  protocolHeader,
  protocolVersion,
  RenewRequest,
  StatusReport,
} from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { AccessRulesService } from '../access-rules/access-rules-service.ts';
import type { DefenderRegistry } from '../defenders/defender-registry.ts';
import { addEnrolmentRoute, type EnrolmentRouteParts, parseChannelBody } from '../defenders/enrolment.routes.ts';
import type { EnrolmentService, Refusal } from '../defenders/enrolment-service.ts';
import { batchLimits, parseEventBatch } from './event-batch.ts';
import type { Intake } from './intake-service.ts';

/** What {@link addDefenderChannelRoutes} needs. */
export interface DefenderChannelParts {
  readonly intake: Intake;
  readonly rules: AccessRulesService;
  readonly defenders: DefenderRegistry;
  readonly enrolment: EnrolmentService;
  readonly enrolmentRoute: EnrolmentRouteParts;
  /** Told of every request that was refused because of who sent it. */
  readonly onRefused: (refused: RefusedRequest) => void;
  /** The authorities that Defenders are to trust, PEM. */
  readonly caPem: string;
}

/** A request on the channel that was refused because of who sent it. */
export interface RefusedRequest {
  readonly reason: Refusal | 'another-name';
  readonly address: string;
  /** What the certificate says, which nobody vouches for when it is of another CA. */
  readonly subject: string;
  /** The Defender as far as the certificate proves it. */
  readonly defenderId?: string;
  /** The name that the request claimed. */
  readonly claimed: string;
}

const refusalSentences: Readonly<Record<Refusal, string>> = {
  'no-certificate': 'This channel takes requests with a client certificate only. Enrol this Defender.',
  'wrong-ca': 'The client certificate was not made by this Console. Enrol this Defender here.',
  'not-a-defender': 'The client certificate is not that of a Defender.',
  expired: 'The client certificate has expired. Enrol this Defender again.',
  revoked: 'This Defender was revoked. An administrator can enrol it again.',
};

const longestWaitMs = 55_000;
const RulesQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  waitMs: Type.Optional(Type.Integer({ minimum: 0 })),
});

/** Adds the channel's routes. Call on a server of its own: it takes any content type as bytes. */
export function addDefenderChannelRoutes(
  app: FastifyInstance,
  { intake, rules, defenders, enrolment, enrolmentRoute, onRefused, caPem }: DefenderChannelParts,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    decompress(request, body),
  );
  const closer = new AbortController();
  const closing = closer.signal;
  app.addHook('preClose', async () => closer.abort());
  const connections = new Map<string, Set<TLSSocket>>();
  enrolment.onRevoked((defenderId) => {
    for (const socket of connections.get(defenderId) ?? []) socket.destroy();
  });

  /** Whose connection it is. Asked for every request, as certificates expire and are revoked while connections are open. */
  function requireDefender(request: FastifyRequest): string {
    const certificate = certificateOf(request);
    const admission = enrolment.admit(certificate);
    const refused = { address: request.ip, subject: certificate?.subject ?? '', claimed: claimedDefender(request) };
    if ('refusal' in admission) {
      onRefused({
        ...refused,
        reason: admission.refusal,
        ...(admission.defenderId !== undefined && { defenderId: admission.defenderId }),
      });
      const code = admission.refusal === 'revoked' ? 'defender_revoked' : 'unauthenticated';
      throw new AppError(code, refusalSentences[admission.refusal]);
    }
    const { defenderId } = admission;
    if (refused.claimed !== defenderId) {
      onRefused({ ...refused, reason: 'another-name', defenderId });
      throw new AppError('forbidden', `A Defender speaks for itself only: the certificate is that of ${defenderId}.`);
    }
    remember(connections, defenderId, request.raw.socket);
    return defenderId;
  }

  app.addHook('onRequest', async (request, reply) => {
    if (request.is404 || request.routeOptions.url === channelRoutes.enrol) return;
    let defenderId: string;
    try {
      defenderId = requireDefender(request);
    } catch (error) {
      // Who is refused may come again, but on a new connection, with whatever certificate it has by then.
      void reply.header('connection', 'close');
      throw error;
    }
    requireProtocol(request);
    defenders.seen(defenderId);
  });
  addEnrolmentRoute(app, enrolmentRoute);

  app.post(channelRoutes.renew, async (request): Promise<CertificateAnswer> => {
    const { certificateRequest } = parseChannelBody(RenewRequest, request.body);
    const renewed = await enrolment.renew(claimedDefender(request), certificateRequest);
    return { ...renewed, channelPort: enrolmentRoute.channelPort() };
  });

  app.post(channelRoutes.hello, async (request): Promise<HelloAnswer> => {
    const hello = parseChannelBody(HelloRequest, request.body);
    requireSelf(request, hello.defenderId);
    defenders.hello(hello);
    return {
      protocol: protocolVersion,
      expectedSeq: intake.expectedSeq(hello.defenderId, hello.epoch),
      rulesVersion: rules.current().version,
      consoleVersion: productVersion,
      ca: caPem,
    };
  });

  app.post(channelRoutes.events, { bodyLimit: batchLimits.bytes }, async (request): Promise<EventsAnswer> => {
    const defenderId = claimedDefender(request);
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
    const report = parseChannelBody(StatusReport, request.body);
    requireSelf(request, report.defenderId);
    defenders.status(report);
    return reply.code(204).send();
  });
}

function requireProtocol(request: FastifyRequest): void {
  const version = request.headers[protocolHeader];
  if (acceptedProtocolVersions.includes(Number(version))) return;
  const spoken = acceptedProtocolVersions.join(', ');
  const sentence = `Protocol ${JSON.stringify(version ?? 'none')} is not spoken here; this Console speaks ${spoken}. Bring Defender and Console to the same version.`;
  throw new AppError('protocol_mismatch', sentence, { details: { accepted: [...acceptedProtocolVersions] } });
}

const certificates = new WeakMap<TLSSocket, X509Certificate>();

/** The client's certificate, read once per connection. */
function certificateOf(request: FastifyRequest): X509Certificate | undefined {
  const { socket } = request.raw;
  if (!(socket instanceof TLSSocket)) return undefined;
  const known = certificates.get(socket) ?? socket.getPeerX509Certificate();
  if (known !== undefined) certificates.set(socket, known);
  return known;
}

/** Keeps the connection under its Defender until it ends. */
function remember(connections: Map<string, Set<TLSSocket>>, defenderId: string, socket: unknown): void {
  if (!(socket instanceof TLSSocket)) return;
  const own = connections.get(defenderId) ?? new Set();
  if (own.has(socket)) return;
  own.add(socket);
  connections.set(defenderId, own);
  socket.once('close', () => {
    own.delete(socket);
    if (own.size === 0 && connections.get(defenderId) === own) connections.delete(defenderId);
  });
}

/** The name that the request claims; empty when it claims none that could be one. */
function claimedDefender(request: FastifyRequest): string {
  const id = request.headers[defenderHeader];
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(id) ? id : '';
}

function requireSelf(request: FastifyRequest, defenderId: string): void {
  if (claimedDefender(request) !== defenderId) throw new AppError('forbidden', 'A Defender speaks for itself only.');
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
