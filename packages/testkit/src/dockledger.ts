// The whole product as its users start it: `dockledger up` in a temp directory, on free ports, in front of a given engine.
// Everything is asked over its public interfaces: endpoints.json, the HTTPS API, the docker socket.
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { CompatibleRecord, Endpoints, StoredAccessEvent } from '@dockledger/contract';
import { enginePaths } from './engine.ts';
import { run, type StartedProcess, startProcess } from './process.ts';
import { createTempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** An answer of the Console. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json<T = unknown>(): T;
}

/** A running Dockledger. Disposing stops it and removes its data unless the directory was given. */
export interface Dockledger extends AsyncDisposable {
  readonly dataDir: string;
  readonly endpoints: Endpoints;
  readonly password: string;
  /** `DOCKER_HOST` of the guarded socket. */
  readonly dockerHost: string;
  /** Asks the Console as admin (Basic), or as `auth` says; `''` sends none. */
  api(
    path: string,
    options?: { method?: string; body?: string; headers?: Record<string, string>; auth?: string },
  ): Promise<ApiAnswer>;
  /** All compatible records that match the query, oldest first. */
  audits(query?: string): Promise<CompatibleRecord[]>;
  /** All full events that match the native query, oldest first. */
  events(query?: string): Promise<StoredAccessEvent[]>;
  /** Runs the docker client through the guarded socket. */
  docker(...args: string[]): ReturnType<typeof run>;
  /** Pids of the programs below `up`, by name. */
  pids(): Promise<{ console: number[]; defender: number[]; eventEngine: number[] }>;
  readonly up: StartedProcess;
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** Starts `up` again on the same data. */
  start(): Promise<void>;
}

const main = join(import.meta.dirname, '../../cli/src/main.ts');

/** Sends one HTTPS request that trusts only `ca`. */
export function httpsRequest(
  url: string | URL,
  {
    ca,
    method = 'GET',
    headers = {},
    body,
    timeoutMs = 30_000,
  }: { ca: string; method?: string; headers?: Record<string, string>; body?: string | undefined; timeoutMs?: number },
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca, method, headers, timeout: timeoutMs, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          json: <T>() => JSON.parse(text) as T,
        });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Starts `dockledger up`. `settings` are environment names without the prefix, for instance `{ MERGE_WINDOW_MS: '500' }`. */
export async function startDockledger({
  engineHost,
  dataDir,
  settings = {},
  prefix = [],
}: {
  engineHost: string;
  dataDir?: string;
  settings?: Readonly<Record<string, string>>;
  /** Put before the command line, for instance {@link People.prefix}. */
  prefix?: readonly string[];
}): Promise<Dockledger> {
  const own = dataDir === undefined ? await createTempDir('dlk-') : undefined;
  const directory = dataDir ?? own?.path ?? '';
  const password = 'correct horse battery staple 9!';
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env))
    if (!name.startsWith('DOCKLEDGER_')) environment[name] = value;
  Object.assign(environment, {
    DOCKLEDGER_DATA_DIR: directory,
    DOCKLEDGER_CONSOLE_LISTEN: '127.0.0.1:0',
    DOCKLEDGER_DEFENDER_CHANNEL_LISTEN: '127.0.0.1:0',
    DOCKLEDGER_ADMIN_PASSWORD: password,
    DOCKLEDGER_ENGINE: engineHost,
    DOCKLEDGER_HOST_LOGS: 'off',
    DOCKLEDGER_LOG_LEVEL: 'warn',
  });
  for (const [name, value] of Object.entries(settings)) environment[`DOCKLEDGER_${name}`] = value;

  let up: StartedProcess;
  let endpoints: Endpoints;
  let ca = '';
  const start = async () => {
    const line = [...prefix, process.execPath, main, 'up'];
    up = await startProcess(line[0] ?? '', line.slice(1), { env: environment });
    const ready = await until<Endpoints | 'ended' | undefined>(
      'Dockledger is ready',
      async () => {
        if (up.child.exitCode !== null) return 'ended';
        const found = JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8')) as Endpoints;
        return found.pid === up.pid ? found : undefined;
      },
      { withinMs: 60_000, everyMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${up.output().slice(-3000)}`);
    });
    if (ready === 'ended')
      throw new Error(`dockledger up ended with ${up.child.exitCode}: ${up.output().slice(-3000)}`);
    endpoints = ready;
    ca = await readFile(endpoints.caFile ?? '', 'utf8');
  };
  await start();

  const api: Dockledger['api'] = (path, { method = 'GET', body, headers = {}, auth } = {}) => {
    const credentials = auth ?? `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
    return httpsRequest(new URL(path, endpoints.console ?? ''), {
      ca,
      method,
      body,
      headers: {
        ...(credentials !== '' && { authorization: credentials }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const how = await up.end(signal);
    return how;
  };

  return {
    dataDir: directory,
    get endpoints() {
      return endpoints;
    },
    password,
    get dockerHost() {
      return endpoints.dockerProxy ?? '';
    },
    api,
    audits: async (query = '') => {
      const found: CompatibleRecord[] = [];
      for (;;) {
        const answer = await api(
          `/api/v33.01/audits/access?limit=250&offset=${found.length}&sort=time&reverse=false${query === '' ? '' : `&${query}`}`,
        );
        if (answer.status !== 200) throw new Error(`audits/access answered ${answer.status}: ${answer.text}`);
        const page = answer.json<CompatibleRecord[]>();
        found.push(...page);
        if (page.length === 0 || found.length >= Number(answer.headers['total-count'])) return found;
      }
    },
    events: async (query = '') => {
      const found: StoredAccessEvent[] = [];
      let cursor: string | undefined;
      do {
        const answer = await api(
          `/api/dockledger/v1/events?limit=200${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}${query === '' ? '' : `&${query}`}`,
        );
        if (answer.status !== 200) throw new Error(`events answered ${answer.status}: ${answer.text}`);
        const page = answer.json<{ events: StoredAccessEvent[]; nextCursor?: string }>();
        found.push(...page.events);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return found.toReversed();
    },
    docker: (...args) =>
      run(enginePaths.docker, args, {
        env: {
          ...process.env,
          DOCKER_HOST: endpoints.dockerProxy ?? '',
          DOCKER_CONFIG: join(directory, 'docker-config'),
        },
      }),
    pids: () => descendants(up.pid),
    get up() {
      return up;
    },
    output: () => up.output(),
    stop,
    start,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

async function descendants(root: number): Promise<{ console: number[]; defender: number[]; eventEngine: number[] }> {
  const listed = await run('ps', ['-eo', 'pid=,ppid=,args=', '-ww']);
  const rows = listed.stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((row) => row !== null);
  const below = new Set([root]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [, pid, parent] of rows) {
      if (below.has(Number(parent)) && !below.has(Number(pid))) {
        below.add(Number(pid));
        grown = true;
      }
    }
  }
  const pick = (pattern: RegExp) =>
    rows.filter(([, pid, , args]) => below.has(Number(pid)) && pattern.test(args ?? '')).map(([, pid]) => Number(pid));
  return {
    console: pick(/main\.ts console$/),
    defender: pick(/main\.ts defender$/),
    eventEngine: pick(/engine-child\.ts/),
  };
}
