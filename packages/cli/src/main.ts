#!/usr/bin/env node
// The `dockledger` command: picks the sub-command, gives it its settings, turns errors into one sentence and an exit code.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ConsoleSettingsInput, openConsole } from '@dockledger/console';
import { AppError, productVersion } from '@dockledger/contract';
import { type DefenderSettingsInput, openDefender } from '@dockledger/defender';
import { backupCommand, backupOptions } from './commands/backup.ts';
import { bypassCommand } from './commands/bypass.ts';
import { configCommand } from './commands/config.ts';
import { defenderCommand, defenderVerbs } from './commands/defenders.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventFilters, eventsCommand } from './commands/events.ts';
import { explainCommand, explainOptions } from './commands/explain.ts';
import { importCommand } from './commands/import.ts';
import { installCommand, installOptions } from './commands/install.ts';
import { ledgerKeyCommand } from './commands/ledger-key.ts';
import { reindexCommand } from './commands/reindex.ts';
import { statusCommand } from './commands/status.ts';
import { openUp } from './commands/up.ts';
import { userCommand, userOptions } from './commands/user.ts';
import { verifyCommand } from './commands/verify.ts';
import type { Credentials } from './console-client.ts';
import { exitCode } from './exit-code.ts';
import { consoleOptions, openNamedConsole } from './named-console.ts';
import { runProgram } from './program.ts';
import { collectSettings, consolePart, defenderPart, readFlags, settingsHelp } from './settings/effective-settings.ts';

const usage = `dockledger ${productVersion}: who did what to Docker, on the record.

Usage: dockledger COMMAND [--setting value]…

  up         Console and Defender on this machine, joined
  console    the Console alone
  defender   the Defender alone
  defender bypass --minutes 10 --reason …   root lifts the rules for some minutes; --end puts them back
  defender enrol --console URL --token T    enrols this host
  defender token · list · revoke ID · rename ID NAME   who may speak to the Console
  defender install --take-over              the Defender answers at the well-known Docker socket; --give-back undoes it
  status     is it ready, and where; exit code 0 only when ready
  doctor     is there a way to the engine past the Defender, and the command that closes it
  events     the trail: --user, --api, --container, --since 10m, --limit 50, --follow, …
  explain    why a docker command is allowed or denied: [--as USER] docker run …, or --event ID
  verify     checks the ledger: --dir DIR or --url URL (--ca PEM), --key VKEY, --since CHECKPOINT,…
  user       certificates for remote Docker access: cert NAME --groups a,b · certs · revoke SERIAL
  backup     control data (users, rules, …) of the running Console: --to FILE
  restore    and back: --from FILE
  reindex    makes the event store agree with the ledger, while reads go on
  rotate-ledger-key, retire-ledger-keys   a new key for checkpoints; the end of the older ones
  import     takes over JSON that the vendor's API gave: --from FILE shows what maps, --apply does it
  config     the effective settings and where each comes from
  help       this text
  version    the version

--json prints one JSON object where there is something to print.
Settings come from flags, DOCKLEDGER_ variables and dockledger.yaml, in that order:
`;

/** Switches that belong to one command. */
const ownSwitches: Readonly<Record<string, readonly string[]>> = {
  events: ['--follow'],
  import: ['--apply'],
  'defender bypass': ['--end'],
  'defender install': ['--take-over', '--give-back', '--stop-containers', '--force'],
};
const switches = new Set(['--json', '--help', '--version', ...Object.values(ownSwitches).flat()]);
/** Options with a value that belong to one command and are no settings. */
const valueOptions: Readonly<Record<string, readonly string[]>> = {
  verify: ['--dir', '--url', '--key', '--since', '--ca'],
  'defender bypass': ['--minutes', '--reason'],
  'defender install': installOptions,
  ...Object.fromEntries(
    Object.entries(defenderVerbs).map(([verb, own]) => [`defender ${verb}`, [...own, ...consoleOptions]]),
  ),
  events: [...Object.keys(eventFilters), ...consoleOptions, '--limit'],
  explain: [...explainOptions, ...consoleOptions],
  user: [...userOptions, ...consoleOptions],
  backup: [...backupOptions, ...consoleOptions],
  restore: [...backupOptions, ...consoleOptions],
  import: ['--from', ...consoleOptions],
};

/** Takes the options of one command out of the words: `--name value` or `--name=value`. */
function takeOptions(
  command: string,
  words: readonly string[],
): { options: ReadonlyMap<string, string>; others: string[] } {
  const known = new Set(valueOptions[command]);
  const options = new Map<string, string>();
  const others: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (!known.has(name)) {
      others.push(word);
      continue;
    }
    const value = equals < 0 ? words[++index] : word.slice(equals + 1);
    if (value === undefined) throw new AppError('bad_setting', `Option ${name} needs a value, for instance ${name}=…`);
    options.set(name, value);
  }
  return { options, others };
}

async function main(words: readonly string[]): Promise<number> {
  const [first = 'help', ...afterFirst] = words;
  const verb = afterFirst[0] ?? '';
  const isDouble =
    first === 'defender' && (verb === 'bypass' || verb === 'install' || Object.hasOwn(defenderVerbs, verb));
  const command = isDouble ? `${first} ${verb}` : first;
  const afterCommand = isDouble ? afterFirst.slice(1) : afterFirst;
  // A docker command line has flags of its own: it is taken out before ours are read.
  const lineAt = command === 'explain' ? afterCommand.findIndex((word) => word === 'docker' || word === '--') : -1;
  const line = lineAt < 0 ? [] : afterCommand.slice(afterCommand[lineAt] === '--' ? lineAt + 1 : lineAt);
  const { options, others } = takeOptions(command, lineAt < 0 ? afterCommand : afterCommand.slice(0, lineAt));
  const { settings: flags, file, rest } = readFlags(others, switches);
  if (command === 'help' || command === '--help' || rest.includes('--help')) {
    console.log(usage + settingsHelp());
    return exitCode.ok;
  }
  if (command === 'version' || command === '--version') {
    console.log(productVersion);
    return exitCode.ok;
  }
  const root = join(import.meta.dirname, '../../..');
  const settings = collectSettings({
    flags,
    file,
    environment: process.env,
    checkoutRoot: existsSync(join(root, 'package-lock.json')) ? root : undefined,
  });
  const dataDir = String(settings.get('dataDir')?.value);
  const json = rest.includes('--json');
  const taken = new Set(['--json', ...(ownSwitches[command] ?? [])]);
  const surplus = rest.filter((word) => !taken.has(word));
  const isOfDefenders = isDouble && Object.hasOwn(defenderVerbs, verb);
  if (surplus.length > 0 && command !== 'user' && !isOfDefenders)
    throw new AppError(
      'bad_setting',
      `\`dockledger ${command}\` takes no "${surplus[0]}". \`dockledger help\` lists what it takes.`,
    );
  if (isOfDefenders) {
    return defenderCommand({
      verb,
      words: surplus,
      options,
      json,
      settings: defenderPart(settings) as DefenderSettingsInput,
      openConsole: () => openNamedConsole(dataDir, options, credentialsOf(settings)),
    });
  }
  switch (command) {
    case 'up':
      return runProgram(dataDir, () => openUp(settings));
    case 'console':
      return runProgram(dataDir, () => openConsole(consolePart(settings) as ConsoleSettingsInput));
    case 'defender':
      return runProgram(dataDir, () => openDefender(defenderPart(settings) as DefenderSettingsInput));
    case 'defender bypass':
      return bypassCommand({
        dataDir,
        json,
        minutes: options.get('--minutes'),
        reason: options.get('--reason'),
        end: rest.includes('--end'),
      });
    case 'defender install': {
      const isTakeOver = rest.includes('--take-over');
      if (isTakeOver === rest.includes('--give-back'))
        throw new AppError('bad_setting', 'Say --take-over or --give-back.');
      return installCommand({
        dataDir,
        settings,
        settingsFile: file,
        options,
        direction: isTakeOver ? 'take-over' : 'give-back',
        stopContainers: rest.includes('--stop-containers'),
        force: rest.includes('--force'),
      });
    }
    case 'status':
      return statusCommand(dataDir, json);
    case 'doctor':
      return doctorCommand({
        dataDir,
        json,
        engine: String(settings.get('engine')?.value),
        proxyMode: String(settings.get('proxyMode')?.value),
      });
    case 'events':
      return eventsCommand({
        client: await openNamedConsole(dataDir, options, credentialsOf(settings)),
        filters: options,
        limit: options.get('--limit'),
        isFollowing: rest.includes('--follow'),
        json,
      });
    case 'backup':
    case 'restore':
      return backupCommand({
        verb: command,
        options,
        json,
        openConsole: () => openNamedConsole(dataDir, options, credentialsOf(settings)),
      });
    case 'import':
      return importCommand({
        from: options.get('--from'),
        apply: rest.includes('--apply'),
        json,
        openConsole: () => openNamedConsole(dataDir, options, credentialsOf(settings)),
      });
    case 'explain': {
      const text = (name: string) => {
        const value = settings.get(name)?.value;
        return typeof value === 'string' ? value : '';
      };
      return explainCommand({
        dataDir,
        options,
        line,
        json,
        engine: text('engine'),
        brand: text('brand').replace(/^\[|\]$/g, ''),
        host: { hostname: text('hostname'), cluster: text('cluster'), accountId: text('accountId') },
        openConsole: () => openNamedConsole(dataDir, options, credentialsOf(settings)),
      });
    }
    case 'rotate-ledger-key':
      return ledgerKeyCommand('rotate-key', dataDir, json, credentialsOf(settings));
    case 'retire-ledger-keys':
      return ledgerKeyCommand('retire-old-keys', dataDir, json, credentialsOf(settings));
    case 'reindex':
      return reindexCommand(dataDir, json, credentialsOf(settings));
    case 'verify':
      return verifyCommand({
        dataDir,
        json,
        dir: options.get('--dir'),
        url: options.get('--url'),
        key: options.get('--key'),
        ca: options.get('--ca'),
        // Several checkpoints: separated by commas.
        since: (options.get('--since') ?? '').split(',').filter((file) => file !== ''),
        credentials: credentialsOf(settings),
      });
    case 'user':
      return userCommand({
        words: surplus,
        options,
        json,
        openConsole: () => openNamedConsole(dataDir, options, credentialsOf(settings)),
      });
    case 'config':
      configCommand(settings, json);
      return exitCode.ok;
    default:
      throw new AppError('bad_setting', `There is no command "${command}". \`dockledger help\` lists them.`);
  }
}

/** Who this command is to the Console of this machine. */
function credentialsOf(settings: ReturnType<typeof collectSettings>): Credentials {
  const password = settings.get('adminPassword')?.value;
  return {
    username: String(settings.get('adminUser')?.value),
    ...(typeof password === 'string' && { password }),
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof AppError) {
    console.error(error.message);
    process.exit(error.code === 'bad_setting' ? exitCode.usage : exitCode.failed);
  }
  console.error(
    `dockledger failed: ${error instanceof Error ? (process.env['NODE_DEBUG'] === undefined ? error.message : error.stack) : String(error)}`,
  );
  process.exit(exitCode.failed);
}
