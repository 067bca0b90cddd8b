// The Defender takes the well-known Docker socket from a real engine and gives it back, in a mount namespace where /run is
// a private one, so that no engine of this machine is touched.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTempDir,
  enginePaths,
  engineUnavailable,
  run,
  type StartedProcess,
  startProcess,
  type TempDir,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const daemonJson = '{ "debug" :false,\n"hosts": [ "unix:///var/run/docker.sock" ] }\n';

describe.skipIf(engineUnavailable() !== undefined)('the take-over of a real engine', { timeout: 240_000 }, () => {
  let dir: TempDir;
  let namespace: StartedProcess;
  const at = (name: string) => join(dir.path, name);
  const inside = (...words: string[]) =>
    run('nsenter', ['-t', String(namespace.pid), '-m', '--', ...words], {
      env: environment(),
      timeoutMs: 170_000,
    });
  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    HOME: dir.path,
    DOCKER_CONFIG: dir.path,
  });
  const dockledger = (...words: string[]) =>
    inside(process.execPath, main, ...words, '--config', at('dockledger.yaml'));
  const install = (direction: string, ...words: string[]) =>
    dockledger('defender', 'install', direction, '--daemon-json', at('daemon.json'), ...words);
  const restartEngine = () => ['--restart-engine', `sh ${at('engine.sh')}`];
  const restartDefender = () => ['--restart-defender', `sh ${at('up.sh')}`];
  const docker = (...words: string[]) => inside(enginePaths.docker, ...words);
  const callsOnRecord = async () => {
    const shown = await dockledger('events', '--api', 'container_list', '--json');
    return shown.stdout.split('\n').filter((line) => line !== '').length;
  };
  const expectAsBefore = async () => {
    expect(await readFile(at('daemon.json'), 'utf8')).toBe(daemonJson);
    expect(await readFile(at('dockledger.yaml'), 'utf8')).toBe(settings());
    expect((await docker('ps')).code).toBe(0);
  };
  const settings = () =>
    [
      `dataDir: ${at('dl')}`,
      'consoleListen: 127.0.0.1:0',
      'defenderChannelListen: 127.0.0.1:0',
      'hostLogs: "off"',
      'logLevel: warn',
      'mergeWindowMs: 0',
      '',
    ].join('\n');

  beforeAll(async () => {
    dir = await createTempDir('dlo-');
    await mkdir(at('dl'));
    await writeFile(at('daemon.json'), daemonJson);
    await writeFile(at('dockledger.yaml'), settings());
    // Ends by its pid file, as a service's stop does; waits for the file to go, at most 20 s.
    const gone = (file: string) => `n=0; while [ -e ${file} ] && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.1; done`;
    await writeFile(
      at('engine-stop.sh'),
      `[ -s ${at('d.pid')} ] && kill "$(cat ${at('d.pid')})"; ${gone(at('d.pid'))}; true\n`,
    );
    await writeFile(
      at('engine.sh'),
      `sh ${at('engine-stop.sh')}
setsid ${enginePaths.dockerd} --config-file ${at('daemon.json')} --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --data-root ${at('data')} --exec-root ${at('exec')} --pidfile ${at('d.pid')} >>${at('dockerd.log')} 2>&1 </dev/null &
`,
    );
    await writeFile(
      at('up-stop.sh'),
      `[ -s ${at('up.pid')} ] && kill "$(cat ${at('up.pid')})"; ${gone(at('dl/endpoints.json'))}; true\n`,
    );
    await writeFile(
      at('up.sh'),
      `sh ${at('up-stop.sh')}
setsid ${process.execPath} ${main} up --config ${at('dockledger.yaml')} >>${at('up.log')} 2>&1 </dev/null &
echo $! >${at('up.pid')}
`,
    );
    namespace = await startProcess('unshare', [
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      'mount -t tmpfs tmpfs /run && echo ready && exec sleep 900',
    ]);
    await until('the namespace is made', () => namespace.output().includes('ready'));
    await inside('sh', at('engine.sh'));
    await inside('sh', at('up.sh'));
    await until('the engine answers', async () => (await docker('version')).code === 0, {
      withinMs: 60_000,
      everyMs: 200,
    });
    await until('Dockledger is ready', async () => (await dockledger('status')).code === 0, {
      withinMs: 60_000,
      everyMs: 200,
    });
  });
  afterAll(async () => {
    if (namespace !== undefined) {
      await inside('sh', at('up-stop.sh'));
      await inside('sh', at('engine-stop.sh'));
      await namespace.end('SIGKILL');
    }
    await dir?.[Symbol.asyncDispose]();
  });

  it('undoes everything by itself when the Defender does not come up', async () => {
    const result = await install('--take-over', ...restartEngine(), '--restart-defender', 'false');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('undone');
    await expectAsBefore();
  });

  it('takes over so that a plain docker command goes through the Defender, and gives back byte for byte', async () => {
    const before = await callsOnRecord();
    const taken = await install('--take-over', ...restartEngine(), ...restartDefender());
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    expect((await docker('ps')).code).toBe(0);
    await until('the call is on record', async () => (await callsOnRecord()) > before, {
      withinMs: 60_000,
      everyMs: 300,
    });
    const doctor = JSON.parse((await dockledger('doctor', '--json')).stdout) as { findings: { name: string }[] };
    expect(doctor.findings.map(({ name }) => name)).not.toContain('unguarded-engine-socket');

    const given = await install('--give-back', ...restartEngine(), ...restartDefender());
    expect(given, given.stderr).toMatchObject({ code: 0 });
    await expectAsBefore();
  });

  it('leaves Docker reachable when it is killed in the middle, and gives back from there', async () => {
    // The command kills the one that runs it: as if the power had gone before the engine came back.
    const cut = await install('--take-over', '--restart-engine', 'kill -9 $PPID', ...restartDefender());
    expect(cut.code).toBe('SIGKILL');
    await inside('sh', at('engine.sh'));
    await inside('sh', at('up.sh'));
    await until('docker works after the next start', async () => (await docker('ps')).code === 0, {
      withinMs: 60_000,
      everyMs: 200,
    });
    const given = await install('--give-back', ...restartEngine(), ...restartDefender());
    expect(given, given.stderr).toMatchObject({ code: 0 });
    await expectAsBefore();
  });
});
