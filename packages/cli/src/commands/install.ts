// `dockledger defender install --take-over | --give-back`: who answers at the well-known Docker socket.
// Invariant: asks the host how the engine is started before anything is changed; what cannot be moved safely is refused.
import { execFile } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '@dockledger/contract';
import { readEndpoints } from '../endpoints-file.ts';
import { exitCode } from '../exit-code.ts';
import type { EffectiveSettings } from '../settings/effective-settings.ts';
import { type EngineConfig, giveBack, type TakeOverOptions, takeOver } from '../take-over/take-over.ts';
import { askUnix } from '../unix-http.ts';

/** Options of the command that take a value. */
export const installOptions: readonly string[] = [
  '--daemon-json',
  '--engine-socket',
  '--restart-engine',
  '--restart-defender',
];

/** What to do. */
export interface InstallRequest {
  readonly dataDir: string;
  readonly settings: EffectiveSettings;
  /** The settings file named with `--config`, if any. */
  readonly settingsFile: string | undefined;
  readonly options: ReadonlyMap<string, string>;
  readonly direction: 'take-over' | 'give-back';
  readonly stopContainers: boolean;
  readonly force: boolean;
}

const wellKnown = '/var/run/docker.sock';

/** Runs a shell line. Throws with its last words when it fails. */
function runLine(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', line], { timeout: 300_000 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new AppError('unavailable', `\`${line}\` failed: ${stderr.trim().slice(-500) || error.message}`));
    });
  });
}

const outputOf = (program: string, words: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, words, { timeout: 30_000 }, (error, stdout) => resolve(error === null ? stdout : ''));
  });

async function findEngineConfig(options: ReadonlyMap<string, string>): Promise<EngineConfig> {
  const named = options.get('--daemon-json');
  if (named === undefined && existsSync('/run/systemd/system')) {
    const unit = await outputOf('systemctl', ['show', '-p', 'ExecStart', '--value', 'docker.service']);
    if (/-H[ =]?fd:\/\/|--host[ =]fd:\/\//.test(unit))
      return { kind: 'socket-unit', path: '/etc/systemd/system/docker.socket.d/50-dockledger.conf' };
    if (/ (?:-H|--host)[ =]/.test(unit)) {
      throw new AppError(
        'bad_setting',
        'docker.service names its socket with -H, which daemon.json may not contradict: take it out with `systemctl edit --full docker.service` first.',
      );
    }
  }
  return { kind: 'daemon-json', path: named ?? '/etc/docker/daemon.json' };
}

async function groupOfSocket(path: string): Promise<string | undefined> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.gid === 0 || (found.mode & 0o020) === 0) return undefined;
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  return groups
    .split('\n')
    .find((line) => line.split(':')[2] === String(found.gid))
    ?.split(':')[0];
}

const resolved = (path: string): string => {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
};

async function refuseToStopContainers(): Promise<void> {
  const info = await askUnix(wellKnown, '/info').catch(() => undefined);
  const facts = (info?.value ?? {}) as { ContainersRunning?: number; LiveRestoreEnabled?: boolean };
  if ((facts.ContainersRunning ?? 0) === 0 || facts.LiveRestoreEnabled === true) return;
  throw new AppError(
    'conflict',
    `The engine has to restart, and ${facts.ContainersRunning} running containers would stop with it. Set "live-restore": true in daemon.json and reload, or add --stop-containers.`,
  );
}

/** Takes over or gives back, and says so. Returns the exit code. */
export async function installCommand(request: InstallRequest): Promise<number> {
  const { dataDir, settings, options } = request;
  if (process.getuid?.() !== 0) throw new AppError('forbidden', 'Only root may move the engine: sudo dockledger …');
  for (const name of ['engine', 'proxyListen']) {
    const origin = settings.get(name)?.origin ?? 'default';
    if (origin.startsWith('--') || origin.startsWith('DOCKLEDGER_')) {
      throw new AppError(
        'bad_setting',
        `Setting ${name} comes from ${origin}, which would win over the settings file: take it away first.`,
      );
    }
  }
  const isSystemd = existsSync('/run/systemd/system');
  const command = (option: string, unit: string): (() => Promise<void>) => {
    const line = options.get(option);
    if (line !== undefined) return () => runLine(line);
    if (isSystemd) return () => runLine(unit);
    throw new AppError('bad_setting', `There is no systemd here: say how to restart with ${option} 'COMMAND'.`);
  };
  const takeOverOptions: TakeOverOptions = {
    dataDir,
    wellKnown,
    enginePath: options.get('--engine-socket') ?? join(dataDir, 'engine/docker.sock'),
    engineConfig: await findEngineConfig(options),
    settingsFile: request.settingsFile ?? '/etc/dockledger/dockledger.yaml',
    group: await groupOfSocket(wellKnown),
    restartEngine: command(
      '--restart-engine',
      'systemctl daemon-reload && systemctl stop docker.service docker.socket && { systemctl start docker.socket || true; } && systemctl start docker.service',
    ),
    restartDefender: command('--restart-defender', 'systemctl restart dockledger-defender'),
    answers: (path) =>
      askUnix(path, '/_ping', { timeoutMs: 5000 }).then(
        // A rule may refuse even that: whoever says so is there.
        ({ status }) => status < 500,
        () => false,
      ),
    isGuarded: async () => {
      const proxy = (await readEndpoints(dataDir))?.dockerProxy?.replace(/^unix:\/\//, '');
      return proxy !== undefined && resolved(proxy) === resolved(wellKnown);
    },
    say: (text) => console.log(text),
  };
  if (request.direction === 'give-back') {
    const done = await giveBack(takeOverOptions, { force: request.force });
    console.log(
      done === 'nothing'
        ? 'There is nothing to give back.'
        : `${wellKnown} leads to the engine again; every file is as it was.`,
    );
    return exitCode.ok;
  }
  if (!request.stopContainers) await refuseToStopContainers();
  const done = await takeOver(takeOverOptions);
  console.log(
    done === 'already'
      ? `The Defender has ${wellKnown} already.`
      : `The Defender answers at ${wellKnown}; the engine is behind it. Give it back with: dockledger defender install --give-back`,
  );
  return exitCode.ok;
}
