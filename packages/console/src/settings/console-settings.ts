// The Console's settings as one schema: the command line maps flags, environment and dockledger.yaml onto it.
// Defaults live here and nowhere else; an unknown or bad setting stops the start with its name, its value and what is allowed.
import { AppError } from '@dockledger/contract/error-code';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const address = (description: string, byDefault: string) =>
  Type.String({ minLength: 1, maxLength: 300, default: byDefault, description });

/** Everything that can be set on a Console. `dataDir` is the only one without a default. */
export const ConsoleSettings = Type.Object(
  {
    dataDir: Type.String({ minLength: 1, description: 'Directory of all state, made with mode 0700 when missing' }),
    consoleListen: address(
      'Address of the HTTPS API and the page, host:port; port 0 takes a free one',
      '127.0.0.1:8083',
    ),
    defenderChannelListen: address(
      'Address of the Defender channel, host:port; port 0 takes a free one',
      '127.0.0.1:8084',
    ),
    adminUser: Type.String({
      minLength: 1,
      maxLength: 256,
      pattern: '^[^:\\u0000-\\u001f]+$',
      default: 'admin',
      description: 'Name of the first administrator; only looked at when the control store is new',
    }),
    adminPassword: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1024, description: 'Generated at first start when unset' }),
    ),
    eventStore: Type.String({
      minLength: 1,
      default: 'embedded',
      description: '`embedded`, `memory` or a ClickHouse URL',
    }),
    controlStore: Type.String({ minLength: 1, default: 'sqlite', description: '`sqlite` or a PostgreSQL URL' }),
    sessionMinutes: Type.Integer({ minimum: 1, maximum: 71_580, default: 30, description: 'Lifetime of a sign-in' }),
    userCertificateDays: Type.Integer({
      minimum: 1,
      maximum: 3650,
      default: 365,
      description: "Validity of people's certificates for remote Docker access",
    }),
    hostNames: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      default: [],
      description: "Further names and addresses that the Console's certificate covers",
    }),
    tlsCertificateFile: Type.Optional(Type.String({ minLength: 1, description: 'Own server certificate chain, PEM' })),
    tlsKeyFile: Type.Optional(Type.String({ minLength: 1, description: 'Key of the own server certificate, PEM' })),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Addresses or networks whose X-Forwarded-For is believed',
    }),
    defenderSilentMinutes: Type.Integer({
      minimum: 1,
      maximum: 10_080,
      default: 5,
      description: 'A Defender that is not heard for this long shows the condition silent',
    }),
    retentionDays: Type.Integer({
      minimum: 0,
      maximum: 36_500,
      default: 0,
      description: 'Days after which events expire; 0 keeps them. Envelopes and proofs always stay',
    }),
    retentionDaysByType: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      default: [],
      description: 'Other days for some types, for instance sshd=90; 0 keeps them',
    }),
    retentionMaxMegabytes: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'Oldest events expire when their compressed content takes more than this; 0 is no limit',
    }),
    ledgerHeads: Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), {
      default: [],
      description:
        'Where checkpoints are sent to be kept: file:/path, syslog:host:port, webhook:https://…, witness:https://… (another Console: https://host:8083/witness)',
    }),
    ledgerHeadsEverySeconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: 60,
      description: 'How often a new checkpoint is sent to them',
    }),
    ledgerHeadsCaFile: Type.Optional(
      Type.String({ minLength: 1, description: 'Authorities trusted for webhooks and witnesses, PEM' }),
    ),
    witnessedLedgers: Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), {
      default: [],
      description: 'Keys (vkey) of ledgers that this Console is a witness of',
    }),
    webRoot: Type.Optional(
      Type.String({ minLength: 1, description: 'Directory of the built page. Defaults to packages/web/dist' }),
    ),
    logLevel: Type.Union(
      [
        Type.Literal('error'),
        Type.Literal('warn'),
        Type.Literal('info'),
        Type.Literal('debug'),
        Type.Literal('silent'),
      ],
      { default: 'info', description: 'Least severe level that is logged' },
    ),
  },
  { additionalProperties: false },
);
export type ConsoleSettings = Static<typeof ConsoleSettings>;

/** Settings as written by a person: every one with a default may be left out. */
export type ConsoleSettingsInput = Pick<ConsoleSettings, 'dataDir'> & Partial<ConsoleSettings>;

/** Fills in defaults and checks. Throws `bad_setting` that names the setting, the value and what is allowed. */
export function parseConsoleSettings(input: ConsoleSettingsInput): ConsoleSettings {
  const filled = Value.Default(ConsoleSettings, structuredClone(input));
  if (!Value.Check(ConsoleSettings, filled)) {
    const [first] = Value.Errors(ConsoleSettings, filled);
    const name = first?.instancePath.slice(1) ?? '';
    const value: unknown =
      name === '' || name === 'adminPassword' ? undefined : Reflect.get(filled as object, name.split('/')[0] ?? '');
    const shown = value === undefined ? '' : ` is ${JSON.stringify(value)}, which`;
    throw new AppError(
      'bad_setting',
      `Setting ${name === '' ? '' : name}${shown} is not allowed: ${first?.message ?? 'invalid'}.`,
    );
  }
  if ((filled.tlsCertificateFile === undefined) !== (filled.tlsKeyFile === undefined)) {
    throw new AppError('bad_setting', 'Settings tlsCertificateFile and tlsKeyFile belong together: give both or none.');
  }
  return filled;
}

/** Parses `host:port` or `[v6]:port`. Throws `bad_setting` that names the setting. */
export function parseListenAddress(setting: string, value: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new AppError(
      'bad_setting',
      `Setting ${setting} is "${value}": write host:port, for instance 127.0.0.1:8083 or [::1]:8083.`,
    );
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
