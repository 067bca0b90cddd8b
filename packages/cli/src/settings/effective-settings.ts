// Where settings come from: flag `--name`, environment DOCKLEDGER_NAME, file dockledger.yaml, default; in that order of precedence.
// One schema per program gives names, types and defaults; an unknown or bad setting stops the start.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConsoleSettings } from '@dockledger/console';
import { AppError } from '@dockledger/contract';
import { DefenderSettings } from '@dockledger/defender';
import type { TSchema } from 'typebox';
import { parse } from 'yaml';

/** One setting's value and the place that it came from, for `dockledger config`. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: unknown;
  /** `--flag`, `DOCKLEDGER_NAME`, the file's path, or `default`. */
  readonly origin: string;
}

/** All settings by name, those of Console and Defender together. */
export type EffectiveSettings = ReadonlyMap<string, EffectiveSetting>;

const schemas: Readonly<Record<string, TSchema>> = { ...DefenderSettings.properties, ...ConsoleSettings.properties };
const consoleNames = new Set(Object.keys(ConsoleSettings.properties));
const defenderNames = new Set(Object.keys(DefenderSettings.properties));

/** `proxyListen` → `--proxy-listen` */
export const toFlag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** `proxyListen` → `DOCKLEDGER_PROXY_LISTEN` */
export const toVariable = (name: string): string =>
  `DOCKLEDGER_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

const byFlag = new Map(Object.keys(schemas).map((name) => [toFlag(name), name]));
const byVariable = new Map(Object.keys(schemas).map((name) => [toVariable(name), name]));

/** The variable that names the settings file; the only DOCKLEDGER_ variable that is no setting. */
const fileVariable = 'DOCKLEDGER_CONFIG';

function describe(schema: TSchema): { type: string; description: string; fallback: unknown } {
  const { type, description, default: fallback } = schema as { type?: string; description?: string; default?: unknown };
  return { type: type ?? 'string', description: description ?? '', fallback };
}

function convert(name: string, text: string, origin: string): unknown {
  const { type, description } = describe(schemas[name] ?? {});
  if (type === 'integer' || type === 'number') {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) {
      throw new AppError('bad_setting', `Setting ${name} (${origin}) is "${text}": write a number. ${description}.`);
    }
    return value;
  }
  if (type === 'boolean') {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    if (/^(false|0|no|off)$/i.test(text)) return false;
    throw new AppError('bad_setting', `Setting ${name} (${origin}) is "${text}": write true or false. ${description}.`);
  }
  if (type === 'array')
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  return text;
}

/** Splits words into settings and what remains. `--name value` and `--name=value` are the same. Throws on unknown flags. */
export function readFlags(
  words: readonly string[],
  knownOthers: ReadonlySet<string>,
): { settings: Map<string, string>; file: string | undefined; rest: string[] } {
  const settings = new Map<string, string>();
  const rest: string[] = [];
  let file: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const name = byFlag.get(flag);
    if (name === undefined && flag !== '--config') {
      if (word.startsWith('--') && !knownOthers.has(flag)) {
        throw new AppError('bad_setting', `There is no option ${flag}. \`dockledger help\` lists them.`);
      }
      rest.push(word);
      continue;
    }
    const value = equals < 0 ? words[++index] : word.slice(equals + 1);
    if (value === undefined) throw new AppError('bad_setting', `Option ${flag} needs a value, for instance ${flag}=…`);
    if (name === undefined) file = value;
    else settings.set(name, value);
  }
  return { settings, file, rest };
}

function readSettingsFile(path: string): Map<string, unknown> {
  let document: unknown;
  try {
    document = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new AppError(
      'bad_setting',
      `The settings file ${path} cannot be read: ${(error as Error).message.split('\n')[0]}.`,
    );
  }
  if (document === null || document === undefined) return new Map();
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new AppError('bad_setting', `The settings file ${path} must hold "name: value" lines.`);
  }
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(document)) {
    if (schemas[key] === undefined) {
      throw new AppError(
        'bad_setting',
        `The settings file ${path} names "${key}", which is no setting. Known: ${Object.keys(schemas).join(', ')}.`,
      );
    }
    found.set(
      key,
      typeof value === 'string' && describe(schemas[key]).type !== 'string' ? convert(key, value, path) : value,
    );
  }
  return found;
}

/** Puts all sources together. `checkoutRoot` is set when the program runs from a checkout: its data then lie in `.dockledger` there. */
export function collectSettings({
  flags,
  file,
  environment,
  checkoutRoot,
  directory = process.cwd(),
}: {
  flags: ReadonlyMap<string, string>;
  file: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  checkoutRoot: string | undefined;
  directory?: string;
}): EffectiveSettings {
  const settings = new Map<string, EffectiveSetting>();
  for (const [name, schema] of Object.entries(schemas)) {
    const { fallback } = describe(schema);
    if (fallback !== undefined) settings.set(name, { name, value: fallback, origin: 'default' });
  }
  const dataDir = checkoutRoot === undefined ? '/var/lib/dockledger' : join(checkoutRoot, '.dockledger');
  settings.set('dataDir', { name: 'dataDir', value: dataDir, origin: 'default' });

  const named = file ?? environment[fileVariable];
  const path =
    named ??
    [join(directory, 'dockledger.yaml'), '/etc/dockledger/dockledger.yaml'].find((candidate) => existsSync(candidate));
  if (path !== undefined)
    for (const [name, value] of readSettingsFile(path)) settings.set(name, { name, value, origin: path });

  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('DOCKLEDGER_') || variable === fileVariable || text === undefined) continue;
    const name = byVariable.get(variable);
    if (name === undefined) {
      throw new AppError(
        'bad_setting',
        `The environment sets ${variable}, which is no setting. Known: ${[...byVariable.keys()].join(', ')}.`,
      );
    }
    settings.set(name, { name, value: convert(name, text, variable), origin: variable });
  }
  for (const [name, text] of flags)
    settings.set(name, { name, value: convert(name, text, toFlag(name)), origin: toFlag(name) });
  return settings;
}

const pick = (settings: EffectiveSettings, names: ReadonlySet<string>): Record<string, unknown> =>
  Object.fromEntries([...settings].filter(([name]) => names.has(name)).map(([name, setting]) => [name, setting.value]));

/** The part that the Console's own schema checks. */
export const consolePart = (settings: EffectiveSettings): Record<string, unknown> => pick(settings, consoleNames);

/** The part that the Defender's own schema checks. */
export const defenderPart = (settings: EffectiveSettings): Record<string, unknown> => pick(settings, defenderNames);

/** Lines of `dockledger help` about settings: flag, variable, default and meaning. */
export function settingsHelp(): string {
  return Object.entries(schemas)
    .map(([name, schema]) => {
      const { description, fallback } = describe(schema);
      return `  ${toFlag(name)} (${toVariable(name)})${fallback === undefined ? '' : `, default ${JSON.stringify(fallback)}`}\n      ${description}`;
    })
    .join('\n');
}
