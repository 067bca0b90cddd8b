// The one door for a Defender that has no certificate yet: a token for a certificate. Served on the Defender channel and on the
// API's address, since people know the latter.
import { type CertificateAnswer, channelRoutes, EnrolRequest } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { parseBoundedJson } from '../http/bounded-json.ts';
import type { EnrolmentService } from './enrolment-service.ts';

/** What {@link addEnrolmentRoute} needs. */
export interface EnrolmentRouteParts {
  readonly enrolment: EnrolmentService;
  /** Port of the Defender channel, known once it listens. */
  readonly channelPort: () => number;
  /** Told of every attempt; `refusal` is the sentence it was refused with. */
  readonly onEnrolment: (attempt: {
    readonly defenderId: string;
    readonly hostname: string;
    readonly address: string;
    readonly refusal?: string;
  }) => void;
}

/** Adds the route. It is open: the token is its proof. */
export function addEnrolmentRoute(
  app: FastifyInstance,
  { enrolment, channelPort, onEnrolment }: EnrolmentRouteParts,
): void {
  app.post(
    channelRoutes.enrol,
    { config: { access: 'open' }, bodyLimit: 65_536 },
    async (request): Promise<CertificateAnswer> => {
      const body = parseChannelBody(EnrolRequest, request.body);
      const attempt = { defenderId: body.defenderId, hostname: body.host.hostname, address: request.ip };
      try {
        const answer = await enrolment.enrol(body);
        onEnrolment(attempt);
        return { ...answer, channelPort: channelPort() };
      } catch (error) {
        if (error instanceof AppError) onEnrolment({ ...attempt, refusal: error.message });
        throw error;
      }
    },
  );
}

/** A message of the channel, from its bytes or from what a JSON parser made of them. Throws `bad_request` that says where it is wrong. */
export function parseChannelBody<T extends TSchema>(schema: T, body: unknown): Static<T> {
  const parsed = Buffer.isBuffer(body) ? parseBoundedJson(body.toString('utf8')) : body;
  if (Value.Check(schema, parsed)) return parsed;
  const [first] = Value.Errors(schema, parsed);
  throw new AppError(
    'bad_request',
    `The message is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
  );
}
