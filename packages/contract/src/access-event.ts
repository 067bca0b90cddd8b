// The access event: what happened, who did it, on what, and what was decided. Defined once for all programs.
// The Defender makes it, the ledger keeps its bytes verbatim, the Console adds what only it knows (StoredAccessEvent).
import { type Static, Type } from 'typebox';

const text = (description: string) => Type.String({ description });
const optionalText = (description: string) => Type.Optional(Type.String({ description }));

/** RFC 3339 in UTC with exactly three digits of milliseconds, for instance `2026-11-23T15:04:05.006Z`. */
export const Instant = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, three digits of milliseconds',
});

/** Kinds of access event. `docker`, `sshd`, `sudo` and `kubernetes` are the compatible API's; the others are seen natively only. */
export const EventType = Type.Union([
  Type.Literal('docker'),
  Type.Literal('sshd'),
  Type.Literal('sudo'),
  Type.Literal('kubernetes'),
  Type.Literal('gap'),
  Type.Literal('outcome'),
  Type.Literal('condition'),
  Type.Literal('console'),
  Type.Literal('tombstone'),
]);
export type EventType = Static<typeof EventType>;

/** The event types that the compatible routes show unless `type=` names others. */
export const compatibleEventTypes: readonly EventType[] = ['docker', 'sshd', 'sudo', 'kubernetes'];

/** A compliance check that the request did not pass, or an alert rule that would have refused it. */
export const Finding = Type.Object({
  check: Type.Optional(
    Type.Integer({ description: 'CIS number without the dot, for instance 54; absent for access rules' }),
  ),
  rule: text('The rule that found it'),
  effect: Type.Union([Type.Literal('alert'), Type.Literal('deny')]),
  text: text('One sentence for people'),
});
export type Finding = Static<typeof Finding>;

/** What the judge said. `effect` is the verdict on this call; alerts are findings beside an allow. */
export const EventDecision = Type.Object({
  effect: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
  rule: text('Name of the rule that decided; empty when none was asked'),
  reason: text(
    'Why, for programs: rule, no-rule-matched, compliance, malformed, certificate, engine-unavailable, spool-full, judge-error, host-log',
  ),
  text: text('The sentence that the client saw, or the sentence that says what happened; becomes `msg`'),
  findings: Type.Array(Finding),
});
export type EventDecision = Static<typeof EventDecision>;

/** What came of it. For Docker calls `status` is the HTTP status of the engine's (or the guard's) answer head. */
export const EventOutcome = Type.Object({
  state: Type.Union([
    Type.Literal('done'),
    Type.Literal('pending'),
    Type.Literal('unknown'),
    Type.Literal('refused'),
    Type.Literal('failed'),
  ]),
  status: Type.Optional(Type.Integer({ minimum: 0, maximum: 999 })),
  error: optionalText('Why it failed, when it did'),
});
export type EventOutcome = Static<typeof EventOutcome>;

/** Who did it. `user` is the person; `uid` and `effectiveUser` say with whose rights. */
export const Actor = Type.Object({
  user: text(
    'The person: login user if set, else nearest non-root ancestor, else the peer; certificate name over TLS; empty if unknown',
  ),
  userSource: Type.Union(
    [
      Type.Literal('login'),
      Type.Literal('ancestor'),
      Type.Literal('peer'),
      Type.Literal('container'),
      Type.Literal('certificate'),
      Type.Literal('log'),
      Type.Literal('unknown'),
    ],
    { description: 'How the person was found' },
  ),
  uid: Type.Optional(Type.Integer({ minimum: 0, description: 'Effective uid of the peer process' })),
  effectiveUser: optionalText('Name of `uid`, for instance root through sudo'),
  loginUser: optionalText('Name of the login uid'),
  loginUid: Type.Optional(Type.Integer({ minimum: 0 })),
  pid: Type.Optional(Type.Integer({ minimum: 0 })),
  exe: optionalText('Path of the peer executable'),
  commandLine: optionalText('The peer process command line, secrets redacted'),
  containerId: optionalText('Set when the caller runs inside a container'),
  containerName: optionalText('Name of that container, with its slash'),
  certificate: optionalText('Subject of the client certificate'),
  groups: Type.Optional(Type.Array(Type.String())),
  sessionId: optionalText('Audit session or sshd ancestor this call belongs to'),
  sourceIP: optionalText('Remote address; empty for local callers'),
  sourcePort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65535 })),
});
export type Actor = Static<typeof Actor>;

/** On what. Names keep Docker's leading slash. */
export const Target = Type.Object({
  kind: Type.Optional(
    Type.Union([
      Type.Literal('container'),
      Type.Literal('exec'),
      Type.Literal('image'),
      Type.Literal('volume'),
      Type.Literal('network'),
      Type.Literal('plugin'),
      Type.Literal('secret'),
      Type.Literal('config'),
      Type.Literal('service'),
      Type.Literal('node'),
      Type.Literal('task'),
      Type.Literal('swarm'),
      Type.Literal('system'),
      Type.Literal('other'),
    ]),
  ),
  containerId: optionalText('Full id'),
  containerName: optionalText('With its leading slash'),
  imageName: optionalText('As the request or the container names it, for instance alpine:latest'),
  imageId: optionalText('Digest, sha256:…'),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  namespace: optionalText('Kubernetes namespace label, when there is one'),
  other: optionalText('Name of a target that is neither container nor image: volume, network, exec id, …'),
});
export type Target = Static<typeof Target>;

/** The request as judged. Never holds secrets. */
export const EventRequest = Type.Object({
  method: text('HTTP method'),
  route: text('Route template, for instance /containers/{name}/start'),
  target: Type.Optional(Type.String({ description: 'Canonical path and query, redacted' })),
  apiVersion: optionalText('From the path, for instance 1.41; absent when the client sent none'),
  summary: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Facts of the body, redacted' })),
});
export type EventRequest = Static<typeof EventRequest>;

/** The host it happened on. */
export const Host = Type.Object({
  hostname: text('Short or full name as the host calls itself'),
  fqdn: text('Fully qualified name; empty if unknown'),
  cluster: text('Cluster setting; empty if none'),
  accountID: text('Cloud account setting; empty if none'),
  machineId: optionalText('/etc/machine-id'),
  bootId: optionalText('/proc/sys/kernel/random/boot_id'),
});
export type Host = Static<typeof Host>;

/** One access event as a Defender makes and sends it. Its JSON bytes are what the ledger proves. */
export const AccessEvent = Type.Object({
  v: Type.Literal(1),
  id: Type.String({ minLength: 1, maxLength: 200, description: '<defenderId>.<epoch>.<seq>' }),
  defenderId: Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9_-]+$' }),
  epoch: Type.Integer({ minimum: 1, description: 'Begins anew when numbering is lost or forked' }),
  seq: Type.Integer({ minimum: 1, description: 'Dense from 1 within the epoch' }),
  type: EventType,
  api: text('Action name; `create` for compliance blocks; command line for sudo'),
  time: Instant,
  lastTime: Type.Optional(Instant),
  count: Type.Integer({ minimum: 1, description: 'How many identical calls this row stands for. Defaults to 1' }),
  decision: EventDecision,
  outcome: EventOutcome,
  actor: Actor,
  target: Target,
  request: Type.Optional(EventRequest),
  host: Host,
  provenance: Type.Union([
    Type.Literal('proxy'),
    Type.Literal('plugin'),
    Type.Literal('journal'),
    Type.Literal('file'),
    Type.Literal('defender'),
    Type.Literal('console'),
  ]),
  confidence: Type.Optional(Type.Union([Type.Literal('trusted'), Type.Literal('file'), Type.Literal('forgeable')])),
  raw: optionalText('Host-log line as read'),
  ofEvent: optionalText('For type outcome and tombstone: the id of the event it speaks of'),
  details: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'Facts of one type: sshd, sudo, gap, …' }),
  ),
});
export type AccessEvent = Static<typeof AccessEvent>;

/** An access event as the Console keeps it: with what only the Console knows. */
export const StoredAccessEvent = Type.Interface([AccessEvent], {
  ledgerIndex: Type.Integer({ minimum: 0, description: 'Position in the ledger' }),
  receivedAt: Instant,
  collections: Type.Array(Type.String(), { description: 'Names of the collections it fell into when it was accepted' }),
});
export type StoredAccessEvent = Static<typeof StoredAccessEvent>;

/** Makes the id of an event from its number. */
export function toEventId(defenderId: string, epoch: number, seq: number): string {
  return `${defenderId}.${epoch}.${seq}`;
}

/** Milliseconds since 1970 to an {@link Instant}. */
export function toInstant(ms: number): string {
  return new Date(ms).toISOString();
}
