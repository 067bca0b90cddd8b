// Console and Defender as two real programs on data directories of their own, with a network between them that can fail.
// Each is started again when it was killed, on the address it had, as a service manager would.
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoints, StoredAccessEvent } from '@dockledger/contract';
import { httpsRequest, run, type StartedProcess, startProcess, until } from '@dockledger/testkit';
import { startTcpRelay, type TcpRelay } from './tcp-relay.ts';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const password = 'correct horse battery staple 9!';

/** A program that is kept running. */
export interface KeptProgram extends AsyncDisposable {
  readonly pid: number;
  readonly endpoints: Endpoints;
  /** Sends a signal; after SIGKILL it is started again. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  output(): string;
}

/** The two machines. */
export interface TwoMachines extends AsyncDisposable {
  readonly console: KeptProgram;
  readonly defender: KeptProgram;
  readonly relay: TcpRelay;
  /** Path of the guarded socket. */
  readonly proxySocket: string;
  /** Kills the event engine of the Console, when there is one at this moment. */
  killEventEngine(): Promise<void>;
  status(): Promise<{ ledgerSize: number; indexedSize: number }>;
  events(query: string): Promise<StoredAccessEvent[]>;
  /** Runs `dockledger verify` on the Console's directory, the running Console asked. */
  verify(): Promise<Verdict>;
}

/** What `dockledger verify --json` says. */
export interface Verdict {
  readonly ok: boolean;
  readonly size: number;
  readonly gaps: number;
  readonly store: string;
  readonly storeReason: string;
  readonly failures: readonly { readonly code: string; readonly message: string }[];
}

async function keep(name: 'console' | 'defender', dataDir: string, settings: () => Record<string, string>) {
  let current: StartedProcess | undefined;
  let closing = false;
  let output = '';
  const start = async (): Promise<Endpoints> => {
    const environment: NodeJS.ProcessEnv = {};
    for (const [key, value] of Object.entries(process.env))
      if (!key.startsWith('DOCKLEDGER_')) environment[key] = value;
    for (const [key, value] of Object.entries({ ...settings(), DATA_DIR: dataDir, LOG_LEVEL: 'warn' }))
      environment[`DOCKLEDGER_${key}`] = value;
    const started = await startProcess(process.execPath, [main, name], { env: environment });
    current = started;
    const again = async () => {
      const how = await started.exited;
      output += started.output();
      if (closing) return;
      await until(`the ${name} starts again after ${how}`, async () => start().then(() => true), { withinMs: 60_000 });
    };
    again().catch((error: unknown) => {
      output += String(error);
    });
    return until(
      `the ${name} is ready`,
      () => {
        const found = JSON.parse(readFileSync(join(dataDir, 'endpoints.json'), 'utf8')) as Endpoints;
        return found.pid === started.pid ? found : undefined;
      },
      { withinMs: 60_000, everyMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${started.output().slice(-3000)}`);
    });
  };
  const endpoints = await start();
  const program: KeptProgram = {
    get pid() {
      return current?.pid ?? 0;
    },
    endpoints,
    signal: (signal) => {
      current?.child.kill(signal);
    },
    output: () => output + (current?.output() ?? ''),
    [Symbol.asyncDispose]: async () => {
      closing = true;
      current?.child.kill('SIGCONT');
      await current?.end();
    },
  };
  return program;
}

/** Starts both. `directory` gets `console` and `defender`, which may be mounts already. */
export async function startTwoMachines(
  directory: string,
  engineHost: string,
  defenderSettings: Readonly<Record<string, string>> = {},
): Promise<TwoMachines> {
  const stack = new AsyncDisposableStack();
  try {
    const [consoleDir, defenderDir] = [join(directory, 'console'), join(directory, 'defender')];
    for (const path of [consoleDir, defenderDir]) await mkdir(path, { recursive: true });
    let listen = { console: '127.0.0.1:0', channel: '127.0.0.1:0' };
    const console = stack.use(
      await keep('console', consoleDir, () => ({
        CONSOLE_LISTEN: listen.console,
        DEFENDER_CHANNEL_LISTEN: listen.channel,
        ADMIN_PASSWORD: password,
      })),
    );
    const channel = new URL(console.endpoints.defenderChannel ?? '');
    listen = { console: new URL(console.endpoints.console ?? '').host, channel: channel.host };
    const relay = stack.use(await startTcpRelay({ host: channel.hostname, port: Number(channel.port) }));
    const ca = readFileSync(console.endpoints.caFile ?? '', 'utf8');
    const api = (path: string, method = 'GET', body?: string) =>
      httpsRequest(new URL(path, console.endpoints.console ?? ''), {
        ca,
        method,
        body,
        headers: {
          authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
      });
    const made = await api('/api/dockledger/v1/defenders/tokens', 'POST', '{}');
    if (made.status !== 201) throw new Error(`no enrolment token: ${made.status} ${made.text}`);
    const { token } = made.json<{ token: string }>();
    const defender = stack.use(
      await keep('defender', defenderDir, () => ({
        CONSOLE_URL: `https://127.0.0.1:${relay.port}`,
        ENROL_TOKEN: token,
        ENGINE: engineHost,
        HOST_LOGS: 'off',
        ...defenderSettings,
      })),
    );
    const machines: TwoMachines = {
      console,
      defender,
      relay,
      proxySocket: (defender.endpoints.dockerProxy ?? '').replace('unix://', ''),
      killEventEngine: async () => {
        const listed = await run('ps', ['-o', 'pid=,args=', '-ww', '--ppid', String(console.pid)]);
        const pid = Number(/^\s*(\d+) .*engine-child\.ts/m.exec(listed.stdout)?.[1]);
        if (pid > 0) process.kill(pid, 'SIGKILL');
      },
      status: async () => (await api('/api/dockledger/v1/status')).json(),
      events: async (query) => {
        const found: StoredAccessEvent[] = [];
        let cursor: string | undefined;
        do {
          const next = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
          const answer = await api(`/api/dockledger/v1/events?limit=1000&${query}${next}`);
          if (answer.status !== 200) throw new Error(`events answered ${answer.status}: ${answer.text}`);
          const page = answer.json<{ events: StoredAccessEvent[]; nextCursor?: string }>();
          found.push(...page.events);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        return found;
      },
      verify: async () => {
        const { stdout, stderr } = await run(process.execPath, [main, 'verify', '--data-dir', consoleDir, '--json'], {
          env: { ...process.env, DOCKLEDGER_ADMIN_PASSWORD: password },
        });
        const last = stdout.trimEnd().split('\n').at(-1) ?? '';
        if (last === '') throw new Error(`verify printed nothing: ${stderr}`);
        return JSON.parse(last) as Verdict;
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
    return machines;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Two small file systems in memory under a directory, so that a full disk is only theirs. Needs root. */
export async function mountSmallDisks(directory: string): Promise<
  AsyncDisposable & {
    fill(name: 'console' | 'defender'): Promise<void>;
    free(name: 'console' | 'defender'): Promise<void>;
  }
> {
  const sizes = { console: '400m', defender: '64m' } as const;
  const stack = new AsyncDisposableStack();
  for (const [name, size] of Object.entries(sizes)) {
    const path = join(directory, name);
    await mkdir(path, { recursive: true });
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'none', path]);
    if (mounted.code !== 0) throw new Error(`a small disk cannot be mounted: ${mounted.stderr}`);
    stack.defer(async () => {
      await run('umount', ['-l', path]);
    });
  }
  const fillerOf = (name: string) => join(directory, name, 'filler');
  return {
    fill: async (name) => {
      // Until nothing more fits.
      await run('sh', ['-c', 'exec cat /dev/zero > "$0"', fillerOf(name)]);
      await writeFile(`${fillerOf(name)}-2`, Buffer.alloc(4096)).catch(() => undefined);
    },
    free: async (name) => {
      for (const path of [fillerOf(name), `${fillerOf(name)}-2`]) await rm(path, { force: true });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
