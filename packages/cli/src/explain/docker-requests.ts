// The requests that a docker command line sends, in order, as far as rules look at them.
// Invariant: a command that is not known here is an error, never a guess.
import { AppError } from '@dockledger/contract';
import { allOf, type FlagGrammar, isOn, lastOf, type ParsedFlags, parseFlags } from './command-flags.ts';
import { containerFlags, toCreateBody } from './container-create.ts';

/** One request, before it is made canonical. */
export interface DockerRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query, without version. */
  readonly target: string;
  readonly body?: unknown;
  /** The container that the request is about, as named; for exec requests too. */
  readonly container?: string;
  /** The request before in the list makes the container that this one is about. */
  readonly isOfCreated?: true;
}

const element = (name: string) => encodeURIComponent(name);
const imagePath = (name: string) => name.split('/').map(encodeURIComponent).join('/');

const grammar = (switches: string, values = '', mixes = true): FlagGrammar => {
  const short: Record<string, string> = {};
  const names = (list: string) =>
    list.split(' ').flatMap((word) => {
      if (word === '') return [];
      const [name = '', letter] = word.split('|');
      if (letter !== undefined) short[letter] = name;
      return [name];
    });
  return { switches: [...names(switches), 'help'], values: names(values), short, mixes };
};

type Make = (parsed: ParsedFlags, command: string) => readonly DockerRequest[];

function needed(parsed: ParsedFlags, command: string, what: string): readonly string[] {
  if (parsed.rest.length === 0) throw new AppError('bad_setting', `\`docker ${command}\` needs ${what}.`);
  return parsed.rest;
}

/** One request for each container named. */
const eachContainer =
  (method: DockerRequest['method'], suffix: string): Make =>
  (parsed, command) =>
    needed(parsed, command, 'a container').map((container) => ({
      method,
      target: `/containers/${element(container)}${suffix}`,
      container,
    }));

const fixed =
  (method: DockerRequest['method'], target: string): Make =>
  () => [{ method, target }];

const eachNamed =
  (method: DockerRequest['method'], prefix: string, suffix = ''): Make =>
  (parsed, command) =>
    needed(parsed, command, 'a name').map((name) => ({ method, target: `${prefix}/${imagePath(name)}${suffix}` }));

/** `repository[:tag][@digest]` → the query of a pull. */
function pullQuery(image: string): string {
  const at = image.indexOf('@');
  const colon = image.lastIndexOf(':');
  const hasTag = at < 0 && colon > image.lastIndexOf('/');
  const repository = image.slice(0, at >= 0 ? at : hasTag ? colon : undefined);
  const tag = at >= 0 ? image.slice(at + 1) : hasTag ? image.slice(colon + 1) : 'latest';
  return `fromImage=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`;
}

const createRequest: Make = (parsed, command) => {
  const name = lastOf(parsed, 'name');
  return [
    {
      method: 'POST',
      target: `/containers/create${name === undefined ? '' : `?name=${encodeURIComponent(name)}`}`,
      body: toCreateBody(command, parsed),
    },
  ];
};

/** Stands for the id that the engine will give. */
const newId = '0'.repeat(64);

const runRequests: Make = (parsed, command) => [
  ...createRequest(parsed, command),
  ...(isOn(parsed, 'detach')
    ? []
    : [{ method: 'POST', target: `/containers/${newId}/attach?stdout=1&stream=1`, isOfCreated: true } as const]),
  { method: 'POST', target: `/containers/${newId}/start`, isOfCreated: true },
];

const execRequests: Make = (parsed, command) => {
  const [container, ...words] = needed(parsed, command, 'a container');
  const name = container ?? '';
  return [
    {
      method: 'POST',
      target: `/containers/${element(name)}/exec`,
      container: name,
      body: {
        Cmd: words,
        Privileged: isOn(parsed, 'privileged'),
        Tty: isOn(parsed, 'tty'),
        AttachStdin: isOn(parsed, 'interactive'),
        User: lastOf(parsed, 'user') ?? '',
        Env: allOf(parsed, 'env').map((entry) => `${entry.split('=', 1)[0]}=`),
      },
    },
    { method: 'POST', target: `/exec/${newId}/start`, container: name, body: { Detach: isOn(parsed, 'detach') } },
  ];
};

const copyRequest: Make = (parsed, command) => {
  const [from = '', to = ''] = needed(parsed, command, 'a source and a destination');
  const inside = (text: string) => /^([^/.][^:]*):(.*)$/.exec(text);
  const source = inside(from);
  const [, container = '', path = ''] = source ?? inside(to) ?? [];
  if (container === '') throw new AppError('bad_setting', `\`docker ${command}\` needs CONTAINER:PATH on one side.`);
  const target = `/containers/${element(container)}/archive?path=${encodeURIComponent(path)}`;
  return [{ method: source === null ? 'PUT' : 'GET', target, container }];
};

const buildRequest: Make = (parsed) => {
  const tags = allOf(parsed, 'tag').map((tag) => `t=${encodeURIComponent(tag)}&`);
  // Today's client builds with BuildKit: a session beside the build.
  return [
    { method: 'POST', target: '/session' },
    { method: 'POST', target: `/build?${tags.join('')}version=2` },
  ];
};

const tagRequest: Make = (parsed, command) => {
  const [from = '', to = ''] = needed(parsed, command, 'two names');
  const colon = to.lastIndexOf(':') > to.lastIndexOf('/') ? to.lastIndexOf(':') : to.length;
  const query = `repo=${encodeURIComponent(to.slice(0, colon))}&tag=${encodeURIComponent(to.slice(colon + 1) || 'latest')}`;
  return [{ method: 'POST', target: `/images/${imagePath(from)}/tag?${query}` }];
};

const networkMember =
  (verb: 'connect' | 'disconnect'): Make =>
  (parsed, command) => {
    const [network = '', container = ''] = needed(parsed, command, 'a network and a container');
    return [
      { method: 'POST', target: `/networks/${element(network)}/${verb}`, body: { Container: container }, container },
    ];
  };

const listFlags = grammar('all|a quiet|q no-trunc latest|l size|s digests', 'filter|f format last|n');

/** Every command known: its flags and its requests. `container ls` and `ps` are the same. */
const commands: Readonly<Record<string, readonly [FlagGrammar, Make]>> = {
  run: [containerFlags, runRequests],
  create: [containerFlags, createRequest],
  exec: [
    grammar('detach|d interactive|i privileged tty|t', 'env|e env-file user|u workdir|w detach-keys', false),
    execRequests,
  ],
  ps: [listFlags, fixed('GET', '/containers/json')],
  start: [grammar('attach|a interactive|i', 'detach-keys checkpoint'), eachContainer('POST', '/start')],
  stop: [grammar('', 'time|t timeout signal|s'), eachContainer('POST', '/stop')],
  restart: [grammar('', 'time|t timeout signal|s'), eachContainer('POST', '/restart')],
  kill: [grammar('', 'signal|s'), eachContainer('POST', '/kill')],
  pause: [grammar(''), eachContainer('POST', '/pause')],
  unpause: [grammar(''), eachContainer('POST', '/unpause')],
  wait: [grammar(''), eachContainer('POST', '/wait')],
  attach: [grammar('no-stdin sig-proxy', 'detach-keys'), eachContainer('POST', '/attach?stream=1')],
  rm: [grammar('force|f link|l volumes|v'), eachContainer('DELETE', '')],
  logs: [
    grammar('details follow|f timestamps|t', 'since until tail|n'),
    eachContainer('GET', '/logs?stdout=1&stderr=1'),
  ],
  inspect: [grammar('size|s', 'format|f type'), eachContainer('GET', '/json')],
  top: [
    grammar('', '', false),
    (parsed, command) =>
      needed(parsed, command, 'a container')
        .slice(0, 1)
        .map((container) => ({ method: 'GET', target: `/containers/${element(container)}/top`, container })),
  ],
  stats: [grammar('all|a no-stream no-trunc', 'format'), eachContainer('GET', '/stats')],
  diff: [grammar(''), eachContainer('GET', '/changes')],
  export: [grammar('', 'output|o'), eachContainer('GET', '/export')],
  rename: [
    grammar(''),
    (parsed, command) => {
      const [container = '', name = ''] = needed(parsed, command, 'a container and a name');
      return [
        {
          method: 'POST',
          target: `/containers/${element(container)}/rename?name=${encodeURIComponent(name)}`,
          container,
        },
      ];
    },
  ],
  commit: [
    grammar('pause|p', 'author|a change|c message|m'),
    (parsed, command) => {
      const [container = '', repository = ''] = needed(parsed, command, 'a container');
      const query = `container=${encodeURIComponent(container)}&repo=${encodeURIComponent(repository)}`;
      return [{ method: 'POST', target: `/commit?${query}`, container }];
    },
  ],
  cp: [grammar('archive|a follow-link|L quiet|q'), copyRequest],
  pull: [
    grammar('all-tags|a disable-content-trust quiet|q', 'platform'),
    (parsed, command) =>
      needed(parsed, command, 'an image').map((image) => ({
        method: 'POST',
        target: `/images/create?${pullQuery(image)}`,
      })),
  ],
  push: [grammar('all-tags|a disable-content-trust quiet|q', 'platform'), eachNamed('POST', '/images', '/push')],
  build: [
    grammar(
      'force-rm load no-cache pull push quiet|q rm squash',
      'add-host build-arg file|f label network output|o platform progress secret ssh tag|t target',
    ),
    buildRequest,
  ],
  images: [listFlags, fixed('GET', '/images/json')],
  rmi: [grammar('force|f no-prune'), eachNamed('DELETE', '/images')],
  tag: [grammar(''), tagRequest],
  history: [
    grammar('human|H no-trunc quiet|q', 'format'),
    (parsed, command) => eachNamed('GET', '/images', '/history')(parsed, command),
  ],
  save: [
    grammar('', 'output|o platform'),
    (parsed, command) => {
      const names = needed(parsed, command, 'an image').map((name) => `names=${encodeURIComponent(name)}`);
      return [{ method: 'GET', target: `/images/get?${names.join('&')}` }];
    },
  ],
  load: [grammar('quiet|q', 'input|i platform'), fixed('POST', '/images/load')],
  import: [grammar('', 'change|c message|m platform'), fixed('POST', '/images/create?fromSrc=-')],
  search: [grammar('no-trunc', 'filter|f format limit'), fixed('GET', '/images/search')],
  login: [grammar('password-stdin', 'username|u password|p'), fixed('POST', '/auth')],
  info: [grammar('', 'format|f'), fixed('GET', '/info')],
  version: [grammar('', 'format|f'), fixed('GET', '/version')],
  events: [grammar('', 'filter|f format since until'), fixed('GET', '/events')],
  'image inspect': [grammar('', 'format|f'), eachNamed('GET', '/images', '/json')],
  'volume ls': [grammar('quiet|q', 'filter|f format'), fixed('GET', '/volumes')],
  'volume create': [
    grammar('', 'driver|d label opt|o name'),
    (parsed) => {
      const options = allOf(parsed, 'opt').map((entry) => {
        const equals = entry.indexOf('=');
        return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
      });
      const body = {
        Name: parsed.rest[0] ?? '',
        Driver: lastOf(parsed, 'driver') ?? 'local',
        DriverOpts: Object.fromEntries(options) as unknown,
      };
      return [{ method: 'POST', target: '/volumes/create', body }];
    },
  ],
  'volume inspect': [grammar('', 'format|f'), eachNamed('GET', '/volumes')],
  'volume rm': [grammar('force|f'), eachNamed('DELETE', '/volumes')],
  'volume prune': [grammar('all|a force|f', 'filter'), fixed('POST', '/volumes/prune')],
  'network ls': [grammar('no-trunc quiet|q', 'filter|f format'), fixed('GET', '/networks')],
  'network create': [
    grammar('attachable ingress internal ipv6', 'driver|d label opt|o subnet gateway ip-range scope'),
    (parsed) => [
      {
        method: 'POST',
        target: '/networks/create',
        body: { Name: parsed.rest[0] ?? '', Driver: lastOf(parsed, 'driver') ?? 'bridge' },
      },
    ],
  ],
  'network inspect': [grammar('verbose|v', 'format|f'), eachNamed('GET', '/networks')],
  'network rm': [grammar('force|f'), eachNamed('DELETE', '/networks')],
  'network prune': [grammar('force|f', 'filter'), fixed('POST', '/networks/prune')],
  'network connect': [grammar('', 'alias ip ip6 link driver-opt'), networkMember('connect')],
  'network disconnect': [grammar('force|f'), networkMember('disconnect')],
  'container prune': [grammar('force|f', 'filter'), fixed('POST', '/containers/prune')],
  'image prune': [grammar('all|a force|f', 'filter'), fixed('POST', '/images/prune')],
  'system df': [grammar('verbose|v', 'format'), fixed('GET', '/system/df')],
  'system info': [grammar('', 'format|f'), fixed('GET', '/info')],
  'swarm init': [
    grammar('force-new-cluster', 'advertise-addr listen-addr'),
    () => [{ method: 'POST', target: '/swarm/init', body: {} }],
  ],
  'swarm leave': [grammar('force|f'), fixed('POST', '/swarm/leave')],
  'node ls': [grammar('quiet|q', 'filter|f format'), fixed('GET', '/nodes')],
  'service ls': [grammar('quiet|q', 'filter|f format'), fixed('GET', '/services')],
  'service rm': [grammar(''), eachNamed('DELETE', '/services')],
  'secret ls': [grammar('quiet|q', 'filter|f format'), fixed('GET', '/secrets')],
  'secret rm': [grammar(''), eachNamed('DELETE', '/secrets')],
  'plugin ls': [grammar('no-trunc quiet|q', 'filter|f format'), fixed('GET', '/plugins')],
  'plugin enable': [grammar('', 'timeout'), eachNamed('POST', '/plugins', '/enable')],
  'plugin disable': [grammar('force|f'), eachNamed('POST', '/plugins', '/disable')],
};

/** The long spelling of a command, where the short one is in the table. */
const aliases: Readonly<Record<string, string>> = {
  'container ls': 'ps',
  'container list': 'ps',
  'container ps': 'ps',
  'image ls': 'images',
  'image list': 'images',
  'image rm': 'rmi',
  'image remove': 'rmi',
  'volume list': 'volume ls',
  'volume remove': 'volume rm',
  'network list': 'network ls',
  'network remove': 'network rm',
  'builder build': 'build',
  'buildx build': 'build',
};
const groups: ReadonlySet<string> = new Set([
  'container',
  'image',
  'volume',
  'network',
  'system',
  'swarm',
  'node',
  'service',
  'secret',
  'plugin',
  'builder',
  'buildx',
]);

const globalFlags = grammar(
  'debug|D tls tlsverify version',
  'config context|c host|H log-level|l tlscacert tlscert tlskey',
  false,
);

/** Words come from people: `constructor` is no command. */
const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** The requests of one command line; the leading word `docker` may be left out. Throws `bad_setting` with a sentence. */
export function toDockerRequests(words: readonly string[]): readonly DockerRequest[] {
  const { rest } = parseFlags('', words[0] === 'docker' ? words.slice(1) : words, globalFlags);
  const [first = '', second = ''] = rest;
  const isGroup = groups.has(first);
  const long = isGroup ? `${first} ${second}` : first;
  const inner = first === 'container' || first === 'image' ? second : long;
  const name = own(aliases, long) ?? (own(commands, long) === undefined ? inner : long);
  const known = own(commands, name);
  if (known === undefined || name === '') {
    throw new AppError(
      'bad_setting',
      `\`docker ${long}\` is not known here. Known: ${Object.keys(commands).join(', ')}.`,
    );
  }
  const [flags, make] = known;
  return make(parseFlags(name, rest.slice(isGroup ? 2 : 1), flags), name);
}
