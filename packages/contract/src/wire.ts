// Messages between Defender and Console. Every request names the protocol version; both sides refuse what they do not speak.
// Events travel as NDJSON, one access event a line, verbatim bytes that the ledger will prove.
import { type Static, Type } from 'typebox';
import { Finding, Host, Instant } from './access-event.ts';
import { RuleSet } from './access-rule.ts';

/** The protocol spoken by this build. */
export const protocolVersion = 1;

/** Protocol versions that a Console of this build accepts. */
export const acceptedProtocolVersions: readonly number[] = [1];

/** Header that carries {@link protocolVersion}. */
export const protocolHeader = 'dockledger-protocol';

/** Header that names the Defender on every request of the channel. */
export const defenderHeader = 'dockledger-defender';

/** Routes of the Defender channel. */
export const channelRoutes = {
  /** POST {@link HelloRequest} → {@link HelloAnswer}: once per connection start. */
  hello: '/defender/v1/hello',
  /** POST NDJSON of access events of one epoch, dense numbers, gzip allowed → {@link EventsAnswer}; 409 with {@link SequenceMismatch}. */
  events: '/defender/v1/events',
  /** GET ?after=<version>&waitMs=<n> → 200 {@link RuleSet} when newer, else 204 after the wait (long poll). */
  rules: '/defender/v1/rules',
  /** POST {@link StatusReport} → 204. */
  status: '/defender/v1/status',
  /** POST {@link EnrolRequest} → {@link CertificateAnswer}: the only route that takes no client certificate, but a token. */
  enrol: '/defender/v1/enrol',
  /** POST {@link RenewRequest} → {@link CertificateAnswer}. */
  renew: '/defender/v1/renew',
  /** POST {@link ContainersReport} → 204: after each look at what runs, and when the Console was away. */
  containers: '/defender/v1/containers',
} as const;

/** What a Defender says first. */
export const HelloRequest = Type.Object({
  defenderId: Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9_-]+$' }),
  version: Type.String(),
  epoch: Type.Integer({ minimum: 1 }),
  firstSeq: Type.Integer({ minimum: 1, description: 'Oldest number still kept in the spool' }),
  nextSeq: Type.Integer({ minimum: 1, description: 'The number that the next event will get' }),
  host: Host,
  facts: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  sentAt: Type.Integer({ description: 'Milliseconds since 1970, for the clock offset' }),
});
export type HelloRequest = Static<typeof HelloRequest>;

/** What the Console expects next. */
export const HelloAnswer = Type.Object({
  protocol: Type.Integer(),
  expectedSeq: Type.Integer({ minimum: 1, description: 'The next number the Console will accept for this epoch' }),
  rulesVersion: Type.Integer(),
  consoleVersion: Type.String(),
  ca: Type.Optional(
    Type.String({ description: 'Authorities to trust from now on, PEM; more than one while the CA is rotated' }),
  ),
});
export type HelloAnswer = Static<typeof HelloAnswer>;

/** Asks for a first certificate. */
export const EnrolRequest = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 500 }),
  defenderId: HelloRequest.properties.defenderId,
  certificateRequest: Type.String({ maxLength: 10_000, description: 'PKCS#10, PEM; its key never leaves the host' }),
  host: Host,
});
export type EnrolRequest = Static<typeof EnrolRequest>;

/** Asks for the next certificate, over the connection that the present one opened. */
export const RenewRequest = Type.Object({
  certificateRequest: EnrolRequest.properties.certificateRequest,
});
export type RenewRequest = Static<typeof RenewRequest>;

/** A Defender's certificate and whom it may trust. */
export const CertificateAnswer = Type.Object({
  certificate: Type.String({ description: 'PEM' }),
  ca: Type.String({ description: 'Authorities of the Console, PEM, at least one' }),
  channelPort: Type.Integer({ minimum: 1, maximum: 65535, description: 'Port of the Defender channel' }),
  cluster: Type.Optional(Type.String({ description: 'Cluster that the token was made for' })),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type CertificateAnswer = Static<typeof CertificateAnswer>;

/** Acknowledges every event below `expectedSeq`: envelope and payload are fsynced in the ledger. */
export const EventsAnswer = Type.Object({
  expectedSeq: Type.Integer({ minimum: 1 }),
  ledgerSize: Type.Integer({ minimum: 0 }),
});
export type EventsAnswer = Static<typeof EventsAnswer>;

/** Body of a 409: send from `expectedSeq`, or, when `forked`, begin a new epoch. */
export const SequenceMismatch = Type.Object({
  code: Type.Union([Type.Literal('sequence_mismatch'), Type.Literal('forked')]),
  message: Type.String(),
  details: Type.Object({ expectedSeq: Type.Integer({ minimum: 1 }) }),
});
export type SequenceMismatch = Static<typeof SequenceMismatch>;

/** Something a Defender wants an administrator to know, with the command that mends it. */
export const Condition = Type.Object({
  name: Type.String({ description: 'Stable, for programs: engine-unavailable, spool-full, rules-rejected, …' }),
  text: Type.String(),
  fix: Type.Optional(Type.String({ description: 'The command that mends it' })),
  since: Type.String(),
});
export type Condition = Static<typeof Condition>;

/** Sent every few seconds and on every change of condition. */
export const StatusReport = Type.Object({
  defenderId: Type.String(),
  backlog: Type.Integer({ minimum: 0 }),
  oldestUnsentAt: Type.Optional(Type.String()),
  conditions: Type.Array(Condition),
  engine: Type.Object({
    reachable: Type.Boolean(),
    version: Type.Optional(Type.String()),
    apiVersion: Type.Optional(Type.String()),
  }),
  rulesVersion: Type.Integer(),
  sentAt: Type.Integer(),
});
export type StatusReport = Static<typeof StatusReport>;

/** What the compliance rules in force find on one running container. */
export const ContainerFindings = Type.Object({
  containerId: Type.String({ maxLength: 128 }),
  containerName: Type.String({ maxLength: 512, description: 'With its leading slash' }),
  imageName: Type.String({ maxLength: 512 }),
  findings: Type.Array(Finding, { maxItems: 200 }),
});
export type ContainerFindings = Static<typeof ContainerFindings>;

/** One look at everything that runs on a host. Replaces the one before. Nothing is enforced by it. */
export const ContainersReport = Type.Object({
  defenderId: Type.String(),
  checkedAt: Instant,
  running: Type.Integer({ minimum: 0, description: 'Containers that ran' }),
  rulesVersion: Type.Integer(),
  containers: Type.Array(ContainerFindings, {
    maxItems: 2000,
    description: 'Those with findings; the first of them when there are more than fit',
  }),
});
export type ContainersReport = Static<typeof ContainersReport>;

/** Rules as they travel. */
export const RulesAnswer = RuleSet;
