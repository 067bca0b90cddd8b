// Plain words for action names: `container_exec_create` is "prepare a command in a container". Names without an entry are
// read as noun_verb, so that an action added later still reads well.

/** An action in words: the verb, what it is done to, and the object when the target's own name follows it. */
export interface ActionWords {
  readonly verb: string;
  /** What it is done to when no target is named: `containers`, `a container`. Empty when the verb says it all. */
  readonly object: string;
}

const words: Readonly<Record<string, readonly [string, string]>> = {
  container_archive: ['copy', 'files out of a container'],
  container_archive_head: ['look up', 'a path in a container'],
  container_attach: ['attach to', 'a container'],
  container_attachws: ['attach to', 'a container'],
  container_changes: ['list', 'changed files of a container'],
  container_commit: ['commit', 'a container'],
  container_copyfiles: ['copy', 'files of a container'],
  container_exec_create: ['prepare', 'a command in a container'],
  container_exec_inspect: ['look at', 'a command in a container'],
  container_exec_resize: ['resize', 'the terminal of a command'],
  container_exec_start: ['run', 'a command in a container'],
  container_export: ['export', 'a container'],
  container_extract: ['copy', 'files into a container'],
  container_inspect: ['inspect', 'a container'],
  container_list: ['list', 'containers'],
  container_logs: ['read', 'the logs of a container'],
  container_prune: ['remove', 'all stopped containers'],
  container_resize: ['resize', 'the terminal of a container'],
  container_stats: ['read', 'the statistics of a container'],
  container_top: ['list', 'processes of a container'],
  container_wait: ['wait for', 'a container'],
  image_list: ['list', 'images'],
  image_build: ['build', 'an image'],
  image_create: ['pull', 'an image'],
  image_history: ['read', 'the history of an image'],
  image_inspect: ['inspect', 'an image'],
  image_prune: ['remove', 'unused images'],
  images_search: ['search for', 'images'],
  images_archive: ['save', 'images'],
  images_load: ['load', 'images'],
  docker_check_auth: ['log in', 'to a registry'],
  docker_info: ['read', 'engine information'],
  docker_version: ['read', 'the engine version'],
  docker_ping: ['ping', 'the engine'],
  docker_events: ['follow', 'engine events'],
  system_df: ['read', 'disk usage'],
  swarm_init: ['start', 'a swarm'],
  swarm_join: ['join', 'a swarm'],
  swarm_leave: ['leave', 'the swarm'],
  build_prune: ['remove', 'the build cache'],
  session: ['open', 'a build session'],
  grpc: ['open', 'a build connection'],
  create: ['create', 'a container'],
  unknown: ['call', 'an unknown engine route'],
};

/** The action names that the page offers while typing. */
export const knownActions: readonly string[] = [
  ...Object.keys(words).filter((name) => !['create', 'unknown'].includes(name)),
  ...['create', 'delete', 'kill', 'pause', 'rename', 'restart', 'start', 'stop', 'unpause', 'update'].map(
    (verb) => `container_${verb}`,
  ),
  ...['delete', 'push', 'tag'].map((verb) => `image_${verb}`),
  ...['create', 'inspect', 'list', 'prune', 'remove'].flatMap((verb) => [`network_${verb}`, `volume_${verb}`]),
  'network_connect',
  'network_disconnect',
].toSorted();

const articles = (noun: string) => (/^[aeiou]/u.test(noun) ? `an ${noun}` : `a ${noun}`);

/** The words of an action. Never empty: an unreadable name is its own verb. */
export function toActionWords(api: string): ActionWords {
  const known = Object.hasOwn(words, api) ? words[api] : undefined;
  if (known !== undefined) return { verb: known[0], object: known[1] };
  const match = /^([a-z]+)_([a-z_]+)$/u.exec(api);
  const [, noun = '', verb = ''] = match ?? [];
  if (match === null) return { verb: api, object: '' };
  if (verb === 'list') return { verb, object: `${noun}s` };
  if (verb === 'prune') return { verb: 'remove', object: `unused ${noun}s` };
  return { verb: verb === 'delete' ? 'remove' : verb.replaceAll('_', ' '), object: articles(noun) };
}

const irregular: Readonly<Record<string, string>> = {
  build: 'built',
  read: 'read',
  run: 'ran',
  stop: 'stopped',
  tag: 'tagged',
  commit: 'committed',
  leave: 'left',
  'log in': 'logged in',
};

/** The verb in the past: `listed`, `attached to`, `built`. */
export function toPast(verb: string): string {
  const known = irregular[verb];
  if (known !== undefined) return known;
  const [first = '', ...rest] = verb.split(' ');
  const past = first.endsWith('e')
    ? `${first}d`
    : /[^aeiou]y$/u.test(first)
      ? `${first.slice(0, -1)}ied`
      : `${first}ed`;
  return [past, ...rest].join(' ');
}
