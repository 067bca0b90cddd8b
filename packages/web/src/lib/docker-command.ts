// From a docker command line to the calls it makes of the engine, for the test box of the Rules page: the calls that people have in
// mind, not the chatter around them (ping, inspect, wait). Never throws; what is not understood gives no calls.

/** One call of the engine, as a rule sees it. */
export interface DockerCall {
  readonly action: string;
  readonly containerName?: string;
  readonly imageName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Host paths that it mounts. */
  readonly hostPaths?: readonly string[];
}

/** Words of a line as a shell splits them: blanks separate, quotes and backslashes keep together. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)/gsu;
  for (const [word] of line.matchAll(pattern)) {
    words.push(
      word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gsu, (_, double?: string, single?: string, one?: string) =>
        double === undefined ? (single ?? one ?? '') : double.replace(/\\(.)/gsu, '$1'),
      ),
    );
  }
  return words;
}

/** Flags of `run`, `create` and `exec` that stand alone; every other long flag takes a value. */
const aloneFlags = new Set(
  'detach interactive tty rm privileged init read-only publish-all no-healthcheck oom-kill-disable sig-proxy quiet disable-content-trust help all force latest no-trunc follow timestamps details size link volumes'.split(
    ' ',
  ),
);
const aloneLetters = /^-[ditPqafls]+$/u;
const aliases: Readonly<Record<string, string>> = { v: 'volume', l: 'label', e: 'env', p: 'publish' };

interface Arguments {
  /** Words that are no flags, up to and behind the image. */
  readonly names: readonly string[];
  readonly flags: readonly (readonly [string, string])[];
}

function readArguments(words: readonly string[]): Arguments {
  const flags: [string, string][] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return { names: words.slice(at + 1), flags };
    if (!word.startsWith('-') || word === '-') return { names: words.slice(at), flags };
    const [, name = '', value] = /^--?([^=]+)(?:=(.*))?$/su.exec(word) ?? [];
    const isAlone = aloneLetters.test(word) || aloneFlags.has(name);
    if (value !== undefined || isAlone) {
      flags.push([name, value ?? '']);
      continue;
    }
    at += 1;
    flags.push([aliases[name] ?? name, words[at] ?? '']);
  }
  return { names: [], flags };
}

function toMountSource(text: string): string {
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=', 2);
    if ((key === 'source' || key === 'src') && value.startsWith('/')) return value;
  }
  return '';
}

function toHostPaths(flags: Arguments['flags']): string[] {
  const paths = flags.map(([name, value]) => {
    if (name === 'volume') return value.split(':').length > 1 ? (value.split(':')[0] ?? '') : '';
    if (name === 'device') return value.split(':')[0] ?? '';
    return name === 'mount' ? toMountSource(value) : '';
  });
  return paths.filter((path) => path.startsWith('/'));
}

function toLabels(flags: Arguments['flags']): Record<string, string> {
  const labels = flags.filter(([name]) => name === 'label').map(([, value]) => value.split(/=(.*)/su));
  return Object.fromEntries(labels.map(([key = '', value = '']) => [key, value]));
}

function toRunCalls(words: readonly string[], isRun: boolean): DockerCall[] {
  const { names, flags } = readArguments(words);
  const [imageName] = names;
  if (imageName === undefined) return [];
  const name = flags.find(([flag]) => flag === 'name')?.[1];
  const target = { ...(name !== undefined && { containerName: `/${name}` }), imageName, labels: toLabels(flags) };
  const isDetached = flags.some(
    ([flag]) => flag === 'detach' || (/^[a-zA-Z]+$/u.test(flag) && /^[ditP]*d/u.test(flag)),
  );
  return [
    { action: 'container_create', ...target, hostPaths: toHostPaths(flags) },
    ...(isRun && !isDetached ? [{ action: 'container_attach', ...target }] : []),
    ...(isRun ? [{ action: 'container_start', ...target }] : []),
  ];
}

type Target = 'container' | 'image' | 'none';

/** Commands that make one call (or these calls) for each name: actions, and what the names name. */
const simple: Readonly<Record<string, readonly [string, Target]>> = {
  ps: ['container_list', 'none'],
  images: ['image_list', 'none'],
  info: ['docker_info', 'none'],
  version: ['docker_version', 'none'],
  events: ['docker_events', 'none'],
  login: ['docker_check_auth', 'none'],
  search: ['images_search', 'none'],
  build: ['image_build', 'none'],
  load: ['images_load', 'none'],
  pull: ['image_create', 'image'],
  push: ['image_push', 'image'],
  save: ['images_archive', 'image'],
  history: ['image_history', 'image'],
  rmi: ['image_delete', 'image'],
  rm: ['container_delete', 'container'],
  inspect: ['container_inspect', 'container'],
  diff: ['container_changes', 'container'],
  export: ['container_export', 'container'],
  commit: ['container_commit', 'container'],
  ...Object.fromEntries(
    [
      'start',
      'stop',
      'restart',
      'kill',
      'pause',
      'unpause',
      'rename',
      'update',
      'logs',
      'top',
      'stats',
      'attach',
      'wait',
    ].map((verb) => [verb, [`container_${verb}`, 'container'] as const]),
  ),
};

const groups: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  container: { ls: 'ps', list: 'ps' },
  image: { ls: 'images', list: 'images', rm: 'rmi', remove: 'rmi' },
};

const nouns = new Set('volume network swarm service node secret config plugin system builder'.split(' '));

function toNounCall(noun: string, verb: string): DockerCall[] {
  if (verb === '') return [];
  if (noun === 'system')
    return verb === 'prune' ? toPruneCalls() : [{ action: `docker_${verb === 'df' ? 'disk_usage' : verb}` }];
  if (noun === 'builder') return [{ action: `build_${verb}` }];
  const names: Readonly<Record<string, string>> = { ls: 'list', rm: 'remove', logs: 'logs', scale: 'update' };
  return [{ action: `${noun}_${names[verb] ?? verb}` }];
}

function toPruneCalls(): DockerCall[] {
  return ['container', 'network', 'image', 'build'].map((noun) => ({ action: `${noun}_prune` }));
}

function toCopyCalls(names: readonly string[]): DockerCall[] {
  const [from = '', to = ''] = names;
  const split = (text: string) => (text.includes(':') && !text.startsWith('/') ? text.slice(0, text.indexOf(':')) : '');
  if (split(from) !== '') return [{ action: 'container_archive', containerName: `/${split(from)}` }];
  return split(to) === '' ? [] : [{ action: 'container_extract', containerName: `/${split(to)}` }];
}

function toCalls(verb: string, words: readonly string[]): DockerCall[] {
  if (verb === 'run' || verb === 'create') return toRunCalls(words, verb === 'run');
  const { names } = readArguments(words);
  const [first = ''] = names;
  if (verb === 'exec') {
    if (first === '') return [];
    const containerName = `/${first}`;
    return ['container_exec_create', 'container_exec_start'].map((action) => ({ action, containerName }));
  }
  if (verb === 'cp') return toCopyCalls(names);
  if (verb === 'tag') return first === '' ? [] : [{ action: 'image_tag', imageName: first }];
  const known = Object.hasOwn(simple, verb) ? simple[verb] : undefined;
  if (known === undefined) return [];
  const [action, target] = known;
  if (target === 'none') return [{ action }];
  return [...new Set(names)]
    .slice(0, 20)
    .map((name) => (target === 'image' ? { action, imageName: name } : { action, containerName: `/${name}` }));
}

/** The calls that a docker command makes of the engine, in order. Empty for what is no docker command. */
export function parseDockerCommand(line: string): readonly DockerCall[] {
  const words = splitWords(line.trim().replace(/^[$#]\s+/u, ''));
  const start = words.findIndex((word) => word === 'docker' || word.endsWith('/docker'));
  if (start === -1) return [];
  const { names } = readArguments(words.slice(start + 1));
  const [first = '', second = '', ...rest] = names;
  if (nouns.has(first)) return toNounCall(first, second);
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group === undefined) return toCalls(first, names.slice(1));
  return second === 'prune' ? [{ action: `${first}_prune` }] : toCalls(group[second] ?? second, rest);
}
