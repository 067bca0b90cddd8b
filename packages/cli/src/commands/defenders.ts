// `dockledger defender enrol|token|list|revoke|rename`: who may speak to the Console. `enrol` runs on the host that is enrolled,
// the others ask the Console.
import { AppError } from '@dockledger/contract';
import { type DefenderSettingsInput, enrolHost } from '@dockledger/defender';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';

/** The verbs and the options of each, beside those that name the Console. */
export const defenderVerbs: Readonly<Record<string, readonly string[]>> = {
  enrol: ['--token'],
  token: ['--minutes', '--defender', '--name', '--cluster', '--labels'],
  list: [],
  revoke: [],
  rename: [],
};

const path = '/api/dockledger/v1/defenders';
const usages: Readonly<Record<string, string>> = {
  enrol: 'Write `dockledger defender enrol --console https://host:8084 --token T`.',
  token:
    'Write `dockledger defender token [--minutes 60] [--defender ID] [--name NAME] [--cluster C] [--labels key=value,…]`.',
  list: 'Write `dockledger defender list`.',
  revoke: 'Write `dockledger defender revoke ID`; `dockledger defender list` shows the ids.',
  rename: 'Write `dockledger defender rename ID NAME`; `dockledger defender list` shows the ids.',
};

interface Listed {
  readonly defenderId: string;
  readonly name: string;
  readonly host?: { readonly hostname: string };
  readonly isConnected: boolean;
  readonly isRevoked: boolean;
  readonly lastSeenAt: string;
  readonly version?: string;
  readonly backlog?: number;
  readonly conditions: readonly { readonly name: string }[];
}

/** What {@link defenderCommand} is asked. `words` stand behind the verb. */
export interface DefenderRequest {
  readonly verb: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly json: boolean;
  /** Settings of the Defender on this host, for `enrol`. */
  readonly settings: DefenderSettingsInput;
  readonly openConsole: () => Promise<ConsoleClient>;
}

/** Runs one of the verbs. Throws `bad_setting` with its usage. */
export async function defenderCommand(request: DefenderRequest): Promise<number> {
  const { verb, words, options, json } = request;
  const refuse = () => new AppError('bad_setting', usages[verb] ?? '');
  const [id, name, ...surplus] = words;
  const wanted = verb === 'rename' ? 2 : verb === 'revoke' ? 1 : 0;
  if (words.length !== wanted || surplus.length > 0) throw refuse();
  const print = (value: object, line: string) => console.log(json ? JSON.stringify(value) : line);
  switch (verb) {
    case 'enrol': {
      const [consoleUrl, token] = [options.get('--console'), options.get('--token')];
      if (consoleUrl === undefined || token === undefined || !URL.canParse(consoleUrl)) throw refuse();
      const enrolled = await enrolHost(request.settings, { consoleUrl, token });
      const line = `This host is enrolled as Defender ${enrolled.defenderId} at ${enrolled.consoleUrl}. A Defender that runs already uses it after its next start.`;
      print(enrolled, line);
      return exitCode.ok;
    }
    case 'token': {
      const client = await request.openConsole();
      const made = await client.json<{ token: string; expiresAt: string }>(
        `${path}/tokens`,
        'POST',
        toBinding(options),
      );
      const line = `${made.token}\n\nWorks once, until ${made.expiresAt}. On the host:\n  dockledger defender enrol --console https://CONSOLE:8084 --token TOKEN`;
      print(made, line);
      return exitCode.ok;
    }
    case 'list': {
      const { defenders } = await (await request.openConsole()).json<{ defenders: readonly Listed[] }>(path);
      if (json) console.log(JSON.stringify({ defenders }));
      else for (const each of defenders) console.log(toLine(each));
      return exitCode.ok;
    }
    default: {
      const client = await request.openConsole();
      const target = `${path}/${encodeURIComponent(id ?? '')}`;
      const changed =
        verb === 'revoke'
          ? await client.json<object>(`${target}/revoke`, 'POST')
          : await client.json<object>(target, 'PUT', { name });
      print(changed, verb === 'revoke' ? `Defender ${id} is revoked.` : `Defender ${id} is now called ${name}.`);
      return exitCode.ok;
    }
  }
}

function toBinding(options: ReadonlyMap<string, string>): object {
  const minutes = options.get('--minutes');
  if (minutes !== undefined && !/^\d{1,5}$/.test(minutes))
    throw new AppError('bad_setting', `Option --minutes is "${minutes}": write a number of minutes, at most 10080.`);
  const labels = options
    .get('--labels')
    ?.split(',')
    .map((label) => {
      const equals = label.indexOf('=');
      if (equals < 1) throw new AppError('bad_setting', `Option --labels holds "${label}": write key=value,….`);
      return [label.slice(0, equals), label.slice(equals + 1)] as const;
    });
  const [defenderId, name, cluster] = [options.get('--defender'), options.get('--name'), options.get('--cluster')];
  return {
    ...(minutes !== undefined && { validMinutes: Number(minutes) }),
    ...(defenderId !== undefined && { defenderId }),
    ...(name !== undefined && { name }),
    ...(cluster !== undefined && { cluster }),
    ...(labels !== undefined && { labels: Object.fromEntries(labels) }),
  };
}

function toLine(defender: Listed): string {
  const { defenderId, name, host, isConnected, isRevoked, lastSeenAt, version, backlog, conditions } = defender;
  const state = isRevoked ? 'revoked' : isConnected ? 'connected' : `away since ${lastSeenAt}`;
  const troubles = conditions.map((condition) => condition.name).join(',');
  return [
    defenderId,
    name || host?.hostname || '-',
    state,
    version ?? '-',
    `backlog ${backlog ?? '-'}`,
    troubles || 'no conditions',
  ].join('  ');
}
