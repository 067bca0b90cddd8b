// The Defender's settings as one schema: the command line maps flags, environment and dockledger.yaml onto it.
// Defaults live here and nowhere else; a bad setting stops the start with its name, its value and what is allowed.
import { AppError } from '@dockledger/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** Everything that can be set on a Defender. `dataDir` is the only one without a default. */
export const DefenderSettings = Type.Object(
  {
    dataDir: Type.String({ minLength: 1, description: 'Directory of all state, made with mode 0700 when missing' }),
    engine: Type.String({
      default: 'unix:///var/run/docker.sock',
      description: 'Where the Docker engine listens: unix:///path',
    }),
    proxyListen: Type.Optional(
      Type.String({
        description: 'Where the docker command connects: unix:///path. Defaults to <dataDir>/run/docker.sock',
      }),
    ),
    proxyMode: Type.String({
      pattern: '^0?[0-7]{3}$',
      default: '0660',
      description: "Mode of the proxy's socket, octal",
    }),
    proxyGroup: Type.String({
      default: '',
      description: "Group name or gid of the proxy's socket; empty for the Defender's own",
    }),
    consoleUrl: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "The Console's Defender channel, https://host:8084; several separated by commas, the first that answers is used. Defaults to the one that enrolled this Defender",
      }),
    ),
    enrolToken: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Enrolment token, used when this Defender is not enrolled yet; needs consoleUrl',
      }),
    ),
    labels: Type.Array(Type.String({ pattern: '^[^=]+=.*$' }), {
      default: [],
      description: 'Labels of this host, key=value, shown with the Defender',
    }),
    proxyTlsListen: Type.String({
      default: '',
      maxLength: 300,
      description:
        'Address of the Docker proxy for remote clients with personal certificates, host:port, usually port 9998; empty for none',
    }),
    proxyTlsNames: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      default: [],
      maxItems: 30,
      description: 'Further names and addresses under which remote clients reach this host',
    }),
    authzPluginListen: Type.String({
      default: '',
      maxLength: 300,
      description:
        'Socket of the authorization plugin for the engine, for instance unix:///run/docker/plugins/dockledger.sock, or systemd:NAME for a socket unit; empty for none',
    }),
    brand: Type.String({
      default: '[Dockledger]',
      maxLength: 64,
      description: 'Prefix of refusals; [Twistlock] or [Prisma Cloud] for parsers that expect those',
    }),
    cluster: Type.String({ default: '', maxLength: 256, description: 'Cluster this host belongs to' }),
    accountId: Type.String({ default: '', maxLength: 256, description: 'Cloud account this host belongs to' }),
    hostname: Type.String({ default: '', maxLength: 253, description: "Name in events; empty for the host's own" }),
    mergeWindowMs: Type.Integer({
      default: 10_000,
      minimum: 0,
      maximum: 3_600_000,
      description: 'Identical reads within this time become one event with a count; 0 keeps each',
    }),
    durability: Type.Union([Type.Literal('standard'), Type.Literal('strict')], {
      default: 'standard',
      description:
        'strict: records are fsynced before a state-changing call is forwarded, not only before it is answered',
    }),
    spoolMaxBytes: Type.Integer({
      default: 1_073_741_824,
      minimum: 1_048_576,
      description: 'Size limit of the spool, bytes',
    }),
    spoolFull: Type.Union([Type.Literal('refuse-writes'), Type.Literal('allow-with-gap')], {
      default: 'refuse-writes',
      description: 'When the spool is full: refuse state-changing calls, or let them pass and record a gap',
    }),
    hostLogs: Type.String({ default: 'auto', description: 'auto, journal, file:PATH,… or off' }),
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
export type DefenderSettings = Static<typeof DefenderSettings>;

/** Settings as written by a person: every one with a default may be left out. */
export type DefenderSettingsInput = Pick<DefenderSettings, 'dataDir'> & Partial<DefenderSettings>;

/** Fills in defaults and checks. Throws `bad_setting` that names the setting, the value and what is allowed. */
export function parseDefenderSettings(input: DefenderSettingsInput): DefenderSettings {
  const filled = Value.Default(DefenderSettings, structuredClone(input));
  if (!Value.Check(DefenderSettings, filled)) {
    const [first] = Value.Errors(DefenderSettings, filled);
    const name = first?.instancePath.slice(1).split('/')[0] ?? '';
    // A token that is not allowed is still a secret.
    const value: unknown = name === 'enrolToken' ? '***' : Reflect.get(filled as object, name);
    throw new AppError(
      'bad_setting',
      `Setting ${name} is ${JSON.stringify(value)}, which is not allowed: ${first?.message ?? 'invalid'}.`,
    );
  }
  return filled;
}

/** Longest path that a unix socket may have on Linux, in bytes. */
const socketPathLimit = 107;

/** Path of a `unix://` address. Throws `bad_setting` that names the setting. */
export function parseUnixAddress(setting: string, value: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(value)?.[1];
  if (path === undefined) {
    throw new AppError(
      'bad_setting',
      `Setting ${setting} is "${value}": write unix:// and an absolute path, for instance unix:///run/dockledger/docker.sock.`,
    );
  }
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > socketPathLimit) {
    throw new AppError(
      'bad_setting',
      `Setting ${setting}: the socket path ${path} has ${bytes} bytes, and Linux allows ${socketPathLimit}. Choose a shorter directory.`,
    );
  }
  return path;
}

/** Host and port of `host:port` or `[v6]:port`. Throws `bad_setting` that names the setting. */
export function parseTcpAddress(setting: string, value: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new AppError('bad_setting', `Setting ${setting} is "${value}": write host:port, for instance 0.0.0.0:9998.`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
