import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, type TempDir } from '@dockledger/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  giveBack,
  PowerCut,
  type TakeOverOptions,
  takeOver,
  takeOverJournal,
  withHost,
  withSockets,
} from './take-over.ts';

const daemonJson = '{\n    "hosts" : ["unix:///var/run/docker.sock"],\n\t"debug": true }';
const settingsText = '# ours\nlogLevel: warn\nengine: unix:///var/run/docker.sock\n';

describe('the take-over of the well-known socket', () => {
  let dir: TempDir;
  let at: (name: string) => string;
  /** Where the simulated programs listen since their last start. */
  let engineAt: string;
  let defender: { engine: string; listen: string };
  let fails: 'engine' | 'defender' | undefined;

  const readSettings = async () => {
    const parsed = parse(await readFile(at('dockledger.yaml'), 'utf8')) as { engine?: string; proxyListen?: string };
    return {
      engine: parsed.engine?.slice(7) ?? '',
      listen: parsed.proxyListen?.slice(7) ?? at('elsewhere.sock'),
    };
  };
  const readHost = async () => {
    const parsed = JSON.parse(await readFile(at('daemon.json'), 'utf8').catch(() => '{}')) as { hosts?: string[] };
    const host = parsed.hosts?.[0]?.slice(7) ?? at('well-known.sock');
    return host === '/var/run/docker.sock' ? at('well-known.sock') : host;
  };
  /** Whether a client at that socket reaches the engine, by either way. */
  const answers = async (path: string) =>
    engineAt === path || (defender.listen === path && (defender.engine === engineAt || defender.engine === ''));
  const boot = async () => {
    engineAt = await readHost();
    defender = await readSettings();
  };
  const options = (onStep?: (step: string) => void): TakeOverOptions => ({
    dataDir: at('data'),
    wellKnown: at('well-known.sock'),
    enginePath: at('data/engine/docker.sock'),
    engineConfig: { kind: 'daemon-json', path: at('daemon.json') },
    settingsFile: at('dockledger.yaml'),
    group: 'docker',
    restartEngine: async () => {
      const moves = (await readHost()) !== at('well-known.sock');
      if (fails === 'engine' && moves) throw new Error('dockerd does not start');
      engineAt = await readHost();
    },
    restartDefender: async () => {
      const moves = (await readSettings()).listen === at('well-known.sock');
      if (fails === 'defender' && moves) throw new Error('the Defender does not start');
      defender = await readSettings();
    },
    answers,
    isGuarded: async () => defender.listen === at('well-known.sock') && engineAt !== at('well-known.sock'),
    say: () => {},
    withinMs: 50,
    ...(onStep !== undefined && { onStep }),
  });
  const expectAsBefore = async () => {
    expect(await readFile(at('daemon.json'), 'utf8')).toBe(daemonJson);
    expect((await stat(at('daemon.json'))).mode & 0o777).toBe(0o640);
    expect(await readFile(at('dockledger.yaml'), 'utf8')).toBe(settingsText);
    await expect(stat(takeOverJournal(at('data')))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(engineAt).toBe(at('well-known.sock'));
  };

  beforeEach(async () => {
    dir = await createTempDir('dlt-');
    at = (name) => join(dir.path, name);
    fails = undefined;
    await mkdir(at('data'));
    await writeFile(at('daemon.json'), daemonJson);
    await chmod(at('daemon.json'), 0o640);
    await writeFile(at('dockledger.yaml'), settingsText);
    await boot();
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  it('moves the engine, takes its place, and gives back byte for byte', async () => {
    expect(await takeOver(options())).toBe('taken-over');
    expect(engineAt).toBe(at('data/engine/docker.sock'));
    expect(defender).toEqual({ engine: engineAt, listen: at('well-known.sock') });
    expect(JSON.parse(await readFile(at('daemon.json'), 'utf8'))).toMatchObject({ debug: true });
    expect(parse(await readFile(at('dockledger.yaml'), 'utf8'))).toMatchObject({
      logLevel: 'warn',
      proxyGroup: 'docker',
    });
    expect(await takeOver(options())).toBe('already');
    expect(await giveBack(options(), { force: false })).toBe('given-back');
    await expectAsBefore();
    expect(await giveBack(options(), { force: false })).toBe('nothing');
  });

  it.each(['engine', 'defender'] as const)('undoes everything by itself when the %s does not come up', async (part) => {
    fails = part;
    await expect(takeOver(options())).rejects.toMatchObject({ code: 'unavailable' });
    await expectAsBefore();
  });

  it('removes files and directories that were not there before', async () => {
    const deep = { kind: 'socket-unit', path: at('etc/systemd/docker.socket.d/50.conf') } as const;
    fails = 'defender';
    await expect(takeOver({ ...options(), engineConfig: deep, withinMs: 10 })).rejects.toThrow();
    await expect(stat(at('etc'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expectAsBefore();
  });

  it('leaves Docker reachable when the power is cut after any step, and ends well from there', async () => {
    const steps: string[] = [];
    await takeOver(options((step) => steps.push(step)));
    await giveBack(
      options((step) => steps.push(step)),
      { force: false },
    );
    expect(steps.length).toBeGreaterThan(8);

    for (const [cutAt] of steps.entries()) {
      let done = 0;
      const cut = options(() => {
        if (done++ === cutAt) throw new PowerCut();
      });
      const run = async () => {
        await takeOver(cut);
        await giveBack(cut, { force: false });
      };
      await expect(run()).rejects.toThrow(PowerCut);
      await boot();
      expect(await answers(at('well-known.sock')), `after "${steps[cutAt]}"`).toBe(true);
      // Whoever comes next may want either.
      if (cutAt % 2 === 0) expect(await takeOver(options())).toBe('taken-over');
      await giveBack(options(), { force: false });
      await expectAsBefore();
    }
  });

  it('does not lose what an administrator edited since', async () => {
    await takeOver(options());
    await writeFile(at('daemon.json'), '{"hosts": ["unix:///mine"]}');
    await expect(giveBack(options(), { force: false })).rejects.toMatchObject({ code: 'conflict' });
    expect(await readFile(at('daemon.json'), 'utf8')).toContain('mine');
    await giveBack(options(), { force: true });
    await expectAsBefore();
  });

  it('changes nothing when no engine answers, or when daemon.json cannot be read', async () => {
    engineAt = at('gone.sock');
    defender = { engine: at('x'), listen: at('y') };
    await expect(takeOver(options())).rejects.toMatchObject({ code: 'engine_unavailable' });
    expect(() => withHost('{"hosts": [', '/etc/docker/daemon.json', '/a', '/b')).toThrow('not valid JSON');
  });
});

describe('what is written', () => {
  it('keeps hosts that are not the well-known socket', () => {
    const text = withHost('{"hosts": ["fd://", "tcp://127.0.0.1:2376"]}', 'x', '/var/run/docker.sock', '/e.sock');
    expect(JSON.parse(text)).toEqual({ hosts: ['unix:///e.sock', 'tcp://127.0.0.1:2376'] });
  });

  it('keeps a group that was chosen', () => {
    expect(withSockets('proxyGroup: devs\n', '/w', '/e', 'docker')).toBe(
      'proxyGroup: devs\nengine: unix:///e\nproxyListen: unix:///w\n',
    );
  });
});
