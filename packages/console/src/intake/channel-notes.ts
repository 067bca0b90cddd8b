// The sentences under which the Defender channel's refusals and enrolments go on record.
import type { EnrolmentRouteParts } from '../defenders/enrolment.routes.ts';
import type { ChannelNote } from '../defenders/refusal-log.ts';
import type { RefusedRequest } from './defender-channel.routes.ts';

/** The record of a request that was refused because of who sent it. */
export function toRefusalNote({ reason, address, subject, defenderId = '', claimed }: RefusedRequest): ChannelNote {
  const who = defenderId === '' ? 'Somebody' : `Defender ${defenderId}`;
  const texts: Readonly<Record<RefusedRequest['reason'], string>> = {
    'no-certificate': `${who} at ${address} spoke on the Defender channel without a certificate`,
    'wrong-ca': `${who} at ${address} showed a certificate of another authority on the Defender channel`,
    'not-a-defender': `${who} at ${address} showed a certificate on the Defender channel that is not a Defender's`,
    expired: `${who} at ${address} showed an expired certificate on the Defender channel`,
    revoked: `${who} at ${address} is revoked and spoke on the Defender channel`,
    'another-name': `${who} at ${address} spoke in the name of another`,
  };
  const details = { claimed, subject: subject.slice(0, 300) };
  return { api: 'defender_refused', reason, text: texts[reason], address, defenderId, details };
}

/** The record of an enrolment, or of one that was refused. */
export function toEnrolmentNote({
  defenderId,
  hostname,
  address,
  refusal,
}: Parameters<EnrolmentRouteParts['onEnrolment']>[0]): ChannelNote {
  if (refusal === undefined) {
    const text = `Defender ${defenderId} on ${hostname} was enrolled`;
    return { api: 'defender_enrolled', reason: 'enrolled', text, address, defenderId, details: { hostname } };
  }
  const text = `An enrolment from ${address} was refused: ${refusal}`;
  const details = { claimed: defenderId, hostname };
  return { api: 'defender_refused', reason: 'token-refused', text, address, defenderId: '', details };
}
