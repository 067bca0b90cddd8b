// The compatible record: the 17 fields of the Compute API's audit object, in its wire order, as a view of an access event.
// Empty strings stay, `labels` goes when empty, and nothing else is ever added.
import { type Static, Type } from 'typebox';
import type { StoredAccessEvent } from './access-event.ts';

/** One audit as `GET /api/v…/audits/access` answers it. Key order is wire order. */
export const CompatibleRecord = Type.Object(
  {
    containerName: Type.String(),
    imageName: Type.String(),
    user: Type.String(),
    type: Type.String(),
    time: Type.String({ format: 'date-time' }),
    hostname: Type.String(),
    fqdn: Type.String(),
    sourceIP: Type.String(),
    allow: Type.Boolean(),
    ruleName: Type.String(),
    api: Type.String(),
    msg: Type.String(),
    collections: Type.Array(Type.String()),
    accountID: Type.String(),
    cluster: Type.String(),
    namespace: Type.String(),
    labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
);
export type CompatibleRecord = Static<typeof CompatibleRecord>;

/** The fields in wire order; also the columns of the CSV. */
export const compatibleFields = Object.keys(CompatibleRecord.properties) as readonly (keyof CompatibleRecord)[];

/** The event as the compatible API shows it. The text of a merged row ends in `(×N)`. */
export function toCompatibleRecord(event: StoredAccessEvent): CompatibleRecord {
  const { target, actor, host, decision } = event;
  const labels = target.labels ?? {};
  return {
    containerName: target.containerName ?? '',
    imageName: target.imageName ?? '',
    user: actor.user,
    type: event.type,
    time: event.time,
    hostname: host.hostname,
    fqdn: host.fqdn,
    sourceIP: actor.sourceIP ?? '',
    allow: decision.effect === 'allow',
    ruleName: decision.rule,
    api: event.api,
    msg: event.count > 1 ? `${decision.text}${decision.text === '' ? '' : ' '}(×${event.count})` : decision.text,
    collections: [...event.collections],
    accountID: host.accountID,
    cluster: host.cluster,
    namespace: target.namespace ?? '',
    ...(Object.keys(labels).length > 0 && { labels: { ...labels } }),
  };
}
