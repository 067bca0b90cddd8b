// `dockledger up`: Console and Defender on one machine, joined. Each is a process of its own that is restarted when it
// dies, on the ports it had; neither outlives this one.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { AppError, type Endpoints } from '@dockledger/contract';
import { exitCode } from '../exit-code.ts';
import type { OpenProgram, ReadyMessage } from '../program.ts';
import { type EffectiveSettings, toVariable } from '../settings/effective-settings.ts';

const restart = { firstMs: 200, mostMs: 5_000, calmAfterMs: 30_000 };

/** A part that is kept running. */
interface KeptPart {
  /** Resolves with what it listens on, the first time it is ready. */
  readonly ready: Promise<Partial<Endpoints>>;
  close(): Promise<void>;
}

function environmentOf(settings: EffectiveSettings, changes: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env))
    if (!name.startsWith('DOCKLEDGER_')) environment[name] = value;
  const values = new Map(
    [...settings].filter(([, setting]) => setting.origin !== 'default').map(([name, { value }]) => [name, value]),
  );
  for (const [name, value] of Object.entries(changes)) values.set(name, value);
  for (const [name, value] of values)
    environment[toVariable(name)] = Array.isArray(value) ? value.join(',') : String(value);
  // Settings have been read once, by the parent: a file that changed meanwhile must not divide the parts.
  environment['DOCKLEDGER_CONFIG'] = '/dev/null';
  return environment;
}

/** Starts one part and restarts it whenever it dies before `close`. `environment` is asked anew for every start. */
function keepPart(
  name: 'console' | 'defender',
  environment: () => NodeJS.ProcessEnv,
  onReady: (endpoints: Partial<Endpoints>) => void,
): KeptPart {
  let closing = false;
  let child: ChildProcess | undefined;
  let wasReady = false;
  let waitMs = restart.firstMs;
  let timer: NodeJS.Timeout | undefined;
  let ended: () => void = () => {};
  const { promise: ready, resolve, reject } = Promise.withResolvers<Partial<Endpoints>>();
  const main = join(import.meta.dirname, '../main.ts');

  const start = () => {
    const startedAt = Date.now();
    child = fork(main, [name], { env: environment(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.on('message', (message: ReadyMessage) => {
      wasReady = true;
      onReady(message.ready);
      resolve(message.ready);
    });
    child.on('exit', (code, signal) => {
      ended();
      if (closing) return;
      // What it could not start with at first, it cannot start with later: the reason has been printed by the child.
      if (!wasReady && code !== null) {
        reject(
          new AppError('unavailable', `The ${name} could not start; the reason stands above.`, {
            details: { exitCode: code },
          }),
        );
        return;
      }
      if (Date.now() - startedAt > restart.calmAfterMs) waitMs = restart.firstMs;
      console.error(`The ${name} ended (${signal ?? code}) and is started again in ${waitMs} ms.`);
      timer = setTimeout(start, waitMs);
      waitMs = Math.min(restart.mostMs, waitMs * 2);
    });
  };
  start();
  return {
    ready,
    close: async () => {
      closing = true;
      clearTimeout(timer);
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((done) => {
        ended = done;
      });
      child.kill('SIGTERM');
      const hard = setTimeout(() => child?.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(hard);
    },
  };
}

/** Opens both. Prints what a newcomer needs next. Rejects when a part cannot start at all. */
export async function openUp(settings: EffectiveSettings): Promise<OpenProgram> {
  const dataDir = String(settings.get('dataDir')?.value);
  let consoleEndpoints: Partial<Endpoints> = {};
  const consolePart = keepPart(
    'console',
    () =>
      environmentOf(settings, {
        dataDir,
        // After a restart the ports must be the ones that everybody knows by now.
        ...(consoleEndpoints.console != null && { consoleListen: new URL(consoleEndpoints.console).host }),
        ...(consoleEndpoints.defenderChannel != null && {
          defenderChannelListen: new URL(consoleEndpoints.defenderChannel).host,
        }),
      }),
    (endpoints) => {
      consoleEndpoints = endpoints;
    },
  );
  const parts: KeptPart[] = [consolePart];
  const close = async () => {
    // The Defender first: what it still delivers must find the Console alive.
    for (const part of parts.toReversed()) await part.close();
  };
  try {
    await consolePart.ready;
    let tlsProxy: Endpoints['dockerTlsProxy'] | undefined;
    const defenderPart = keepPart(
      'defender',
      () =>
        environmentOf(settings, {
          dataDir,
          consoleUrl: consoleEndpoints.defenderChannel ?? '',
          ...(tlsProxy != null && { proxyTlsListen: new URL(tlsProxy).host }),
        }),
      ({ dockerTlsProxy }) => {
        tlsProxy = dockerTlsProxy;
      },
    );
    parts.push(defenderPart);
    const defenderEndpoints = await defenderPart.ready;
    const endpoints = { ...consoleEndpoints, ...defenderEndpoints };
    printWelcome(dataDir, endpoints);
    return { endpoints, close };
  } catch (error) {
    await close();
    const code = error instanceof AppError ? error.details?.['exitCode'] : undefined;
    return process.exit(typeof code === 'number' ? code : exitCode.failed);
  }
}

function printWelcome(dataDir: string, endpoints: Partial<Endpoints>): void {
  console.log(`
Dockledger is running.
  Page      ${endpoints.console}   (user admin; the password is in ${dataDir}/initial-admin-password)
  Docker    export DOCKER_HOST=${endpoints.dockerProxy}   and then, for instance: docker ps
  CA        ${endpoints.caFile}
  Stop      Ctrl-C; nothing is lost
`);
}
