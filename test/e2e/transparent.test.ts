// The docker command through the guarded socket gives what it gives on the engine's own: same exit code, same output.
// Every scenario runs on both; ids, times and sizes that differ between two direct calls are normalised by name.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTempDir,
  type Dockledger,
  type Engine,
  enginePaths,
  engineUnavailable,
  run,
  startDockledger,
  startEngine,
  startProcess,
  type TempDir,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const why = engineUnavailable();

interface Seen {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs between two direct calls as well. */
function normalise(text: string): string {
  return (
    text
      .replaceAll(/sha256:[0-9a-f]{12,64}/g, 'sha256:ID')
      .replaceAll(/\b[0-9a-f]{64}\b/g, 'ID64')
      .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID12')
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d( \w+)?)?/g, 'TIME')
      .replaceAll(/\b(About|Less than)? ?(an?|\d+) (second|minute|hour)s?( ago)?/g, 'AGE')
      .replaceAll(/\b\d+(\.\d+)?m?s\b/g, 'DURATION')
      .replaceAll(/\r/g, '')
      // Which terminal is free depends on what ran before.
      .replaceAll(/\/dev\/pts\/\d+/g, '/dev/pts/N')
      // The client's own race: it gives up waiting for a container that did not start, and says so or not.
      .replaceAll(/^time="TIME" level=error msg="error waiting for container: context canceled"\n/gm, '')
  );
}

describe.skipIf(why !== undefined)('the docker command through the Defender', () => {
  let engine: Engine;
  let dockledger: Dockledger;
  let dir: TempDir;
  const hosts = () => [engine.host, dockledger.dockerHost] as const;

  beforeAll(async () => {
    dir = await createTempDir();
    // A terminal whose input stays open: at its end `script` would type an end-of-file into the session, sooner or later.
    await run('mkfifo', [join(dir.path, 'tty-input')]);
    engine = await startEngine();
    await engine.importBusybox();
    dockledger = await startDockledger({ engineHost: engine.host });
  });
  afterAll(async () => {
    await dockledger?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Runs docker (or a shell line using `$D`) against one host. */
  const sh = (host: string, line: string, input?: string | Uint8Array): Promise<Seen> =>
    run('sh', ['-c', line], {
      env: {
        ...process.env,
        DOCKER_HOST: host,
        DOCKER_CONFIG: join(dir.path, 'config'),
        D: enginePaths.docker,
        TMPD: dir.path,
      },
      ...(input !== undefined && { input }),
      timeoutMs: 60_000,
    });

  /** Runs the same line on both and expects the same. `cleanUp` runs after each, on the engine itself. */
  async function same(
    line: string,
    { input, cleanUp, sorted = false }: { input?: string | Uint8Array; cleanUp?: string; sorted?: boolean } = {},
  ): Promise<Seen> {
    const seen: Seen[] = [];
    for (const host of hosts()) {
      const result = await sh(host, line, input);
      const order = (text: string) => (sorted ? text.split('\n').sort().join('\n') : text);
      seen.push({
        code: result.code,
        stdout: order(normalise(result.stdout)),
        stderr: order(normalise(result.stderr)),
      });
      if (cleanUp !== undefined) await sh(engine.host, cleanUp);
    }
    const [direct, guarded] = seen;
    expect(guarded).toEqual(direct);
    if (direct === undefined) throw new Error('nothing ran');
    return direct;
  }

  it.each([
    ['version', '$D version'],
    [
      'info',
      "$D info --format '{{.ServerVersion}} {{.Driver}} {{.Name}} {{.NCPU}} {{.MemTotal}} {{.CgroupVersion}} {{.Images}}'",
    ],
    ['images', '$D images'],
    ['history', '$D history busybox:test'],
    ['an object that does not exist', '$D inspect nope'],
    ['a container that does not exist', '$D start nope'],
    ['a command that does not exist in the image', '$D run --rm --network none busybox:test /no/such'],
    ['run', '$D run --rm --network none busybox:test echo hello'],
    ['run that fails with its own exit code', '$D run --rm --network none busybox:test sh -c "echo err >&2; exit 42"'],
    ['run -i with stdin', 'echo from-stdin | $D run --rm -i --network none busybox:test cat'],
    [
      'run -it',
      'script -qec "$D run --rm -it --network none busybox:test sh -c \'tty; stty size; echo done\'" /dev/null <> $TMPD/tty-input',
    ],
    ['system df', "$D system df --format '{{.Type}} {{.TotalCount}}'"],
    ['login that is refused', '$D login -u a -p b 127.0.0.1:1 2>&1 | sed "s/dial.*//"'],
    ['search without a network', '$D search --limit 1 zzz 2>&1 | head -c 20'],
    [
      'volume',
      '$D volume create v1 && $D volume ls && $D volume inspect v1 --format "{{.Name}} {{.Driver}}" && $D volume rm v1',
    ],
    ['network', '$D network ls --format "{{.Name}} {{.Driver}}" && $D network inspect none --format "{{.Name}}"'],
    ['events of the past', '$D events --since 1 --until 2; echo none'],
    ['prune', '$D container prune -f && $D image prune -f && $D volume prune -f'],
    ['plugin and swarm questions', '$D plugin ls; $D node ls; $D service ls; $D secret ls'],
  ])('answers %s alike', async (_, line) => {
    const seen = await same(line);
    expect(seen.stdout + seen.stderr).not.toBe('');
  });

  it('passes one megabyte in and out of run -i unharmed', async () => {
    const input = new Uint8Array(1_000_000).map((_, index) => (index * 7 + (index >> 8)) & 0xff);
    const seen = await same('$D run --rm -i --network none busybox:test md5sum', { input });
    expect(seen.code).toBe(0);
    for (const host of hosts()) {
      const echoed = await run(enginePaths.docker, ['run', '--rm', '-i', '--network', 'none', 'busybox:test', 'cat'], {
        env: { ...process.env, DOCKER_HOST: host },
        input,
      });
      expect(Buffer.compare(echoed.stdoutBytes, input)).toBe(0);
    }
  });

  it('passes eight megabytes out of a run unharmed', async () => {
    const seen = await same(
      '$D run --rm --network none busybox:test sh -c "yes 0123456789abcde | head -c 8388608" | md5sum',
    );
    expect(seen.stdout).toMatch(/^[0-9a-f]{32}/);
  });

  it('keeps half-close: exec -i sees the end of its input and still answers', async () => {
    await sh(engine.host, '$D run -d --name half --network none busybox:test sleep 600');
    const seen = await same('printf "b\\na\\n" | timeout 20 $D exec -i half sh -c "sort; echo after-end"');
    expect(seen.stdout).toBe('a\nb\nafter-end\n');
    await same('script -qec "$D exec -it half sh -c \'tty\'" /dev/null <> $TMPD/tty-input');
    await same('$D exec half sh -c "exit 3"');
    await same('$D top half -o pid,comm | tail -n 1 | tr -s " " | cut -d " " -f 2');
    await same("$D stats --no-stream --format '{{.Name}} {{.PIDs}}' half");
    await sh(engine.host, '$D rm -f half');
  });

  it('attaches, with and without stdin', async () => {
    const make = '$D create -i --name att --network none busybox:test sh -c "read line; echo got \\$line" >/dev/null';
    const seen = await same(`${make} && $D start att >/dev/null && echo word | timeout 20 $D attach att`, {
      cleanUp: '$D rm -f att',
    });
    expect(seen.stdout).toContain('got word');
    const silent = await same(
      '$D run -d --name att --network none busybox:test sh -c "while [ ! -e /go ]; do sleep 0.05; done; echo seen" >/dev/null; timeout 20 $D attach --no-stdin att & p=$!; until $D top att >/dev/null; do :; done; sleep 0.3; $D exec att touch /go; wait $p',
      { cleanUp: '$D rm -f att' },
    );
    expect(silent.stdout).toContain('seen');
  });

  it('follows logs to their end', async () => {
    const seen = await same(
      '$D run -d --name lg --network none busybox:test sh -c "for i in 1 2 3; do echo line \\$i; sleep 0.2; done" >/dev/null; timeout 20 $D logs -f lg',
      { cleanUp: '$D rm -f lg' },
    );
    expect(seen.stdout).toBe('line 1\nline 2\nline 3\n');
  });

  it('streams events while they happen', async () => {
    for (const host of hosts()) {
      await using events = await startProcess(
        enginePaths.docker,
        ['events', '--format', '{{.Action}}', '--filter', 'container=ev'],
        { env: { ...process.env, DOCKER_HOST: host } },
      );
      await until(
        'the events of a run arrive',
        async () => {
          if (!events.output().includes('die'))
            await sh(engine.host, '$D run --rm --name ev --network none busybox:test true');
          return events.output().includes('create') && events.output().includes('die');
        },
        { withinMs: 20_000, everyMs: 200 },
      );
    }
  });

  it('copies both ways', async () => {
    await writeFile(join(dir.path, 'in.txt'), 'payload');
    const seen = await same(
      '$D create --name cp1 --network none busybox:test true >/dev/null && $D cp $TMPD/in.txt cp1:/in.txt && rm -f $TMPD/out.txt && $D cp cp1:/in.txt $TMPD/out.txt && cat $TMPD/out.txt && $D cp cp1:/nope $TMPD/x; $D diff cp1',
      { cleanUp: '$D rm -f cp1' },
    );
    expect(seen.stdout).toContain('payload');
  });

  it('waits, kills, pauses, renames, commits, updates, exports', async () => {
    const seen = await same(
      `$D run -d --name lc --network none busybox:test sleep 600 >/dev/null
       $D pause lc && $D unpause lc && $D rename lc lc2 && $D update --restart no lc2
       ( $D wait lc2 & w=$!; sleep 0.3; $D kill -s KILL lc2; wait $w ) | sort
       $D commit -m m -c 'ENV A=1' lc2 made:1 | cut -c1-6
       $D inspect --format '{{.Config.Env}}' made:1
       $D export lc2 | tar -t | head -n 3
       $D restart -t 0 lc2 && $D stop -t 0 lc2 && $D port lc2; $D rm lc2`,
      { cleanUp: '$D rm -f lc lc2; $D rmi -f made:1' },
    );
    expect(seen.stdout).toContain('137');
    expect(seen.stdout).toContain('A=1');
  });

  it('saves, loads, tags and imports images', async () => {
    const seen = await same(
      '$D tag busybox:test saved:1 && $D save saved:1 -o $TMPD/s.tar && $D rmi saved:1 >/dev/null && $D load -q -i $TMPD/s.tar && $D import $TMPD/s.tar imp:1 | cut -c1-6; $D rmi imp:1 saved:1 >/dev/null',
    );
    expect(seen.stdout).toContain('saved:1');
  });

  it('builds with the classic builder and with BuildKit', async () => {
    await mkdir(join(dir.path, 'ctx'), { recursive: true });
    await writeFile(
      join(dir.path, 'ctx/Dockerfile'),
      'FROM busybox:test\nARG WHO\nCOPY f /f\nLABEL who=$WHO\nCMD ["cat", "/f"]\n',
    );
    await writeFile(join(dir.path, 'ctx/f'), 'built\n');
    const classic = await same(
      'DOCKER_BUILDKIT=0 $D build -q --no-cache --build-arg WHO=me -t b:0 $TMPD/ctx 2>/dev/null | cut -c1-6; $D run --rm --network none b:0',
      { cleanUp: '$D rmi -f b:0' },
    );
    expect(classic.stdout).toContain('built');
    const buildkit = await same(
      'DOCKER_BUILDKIT=1 $D build -q --no-cache --build-arg WHO=me -t b:1 $TMPD/ctx 2>/dev/null | cut -c1-6; $D run --rm --network none b:1',
      { cleanUp: '$D rmi -f b:1' },
    );
    expect(buildkit.stdout).toContain('built');
  });

  it('pushes to and pulls from a registry, twenty pulls at once', async (context) => {
    if ((await run('which', ['docker-registry'])).code !== 0) context.skip('docker-registry is not installed');
    await using registryDir = await createTempDir();
    // Port 0 is printed by the registry itself.
    await writeFile(
      join(registryDir.path, 'config.yml'),
      `version: 0.1\nlog: {level: info, formatter: json}\nstorage: {filesystem: {rootdirectory: ${registryDir.path}/data}}\nhttp: {addr: "127.0.0.1:0"}\n`,
    );
    await using registry = await startProcess('docker-registry', ['serve', join(registryDir.path, 'config.yml')]);
    const address = await until('the registry listens', async () => {
      const inode = await run('sh', [
        '-c',
        `ls -l /proc/${registry.pid}/fd 2>/dev/null | grep -o 'socket:\\[[0-9]*\\]' | tr -dc '0-9\\n'`,
      ]);
      const tcp = await readFile('/proc/net/tcp', 'utf8');
      for (const line of tcp.split('\n')) {
        const fields = line.trim().split(/\s+/);
        if (fields[3] === '0A' && inode.stdout.split('\n').includes(fields[9] ?? 'none')) {
          return `127.0.0.1:${Number.parseInt((fields[1] ?? '').split(':')[1] ?? '', 16)}`;
        }
      }
      return undefined;
    });
    const seen = await same(
      `$D tag busybox:test ${address}/bb:1 && $D push -q ${address}/bb:1 && $D rmi ${address}/bb:1 >/dev/null && $D pull -q ${address}/bb:1 && $D pull -q ${address}/nope:1`,
    );
    expect(seen.stdout).toContain(`${address}/bb:1`);
    await sh(
      engine.host,
      `for i in $(seq 20); do $D tag busybox:test ${address}/p$i:1; $D push -q ${address}/p$i:1; $D rmi ${address}/p$i:1; done`,
    );
    const pulls = await Promise.all(
      Array.from({ length: 20 }, (_, index) => sh(dockledger.dockerHost, `$D pull -q ${address}/p${index + 1}:1`)),
    );
    expect(pulls.map((pull) => pull.code)).toEqual(Array.from({ length: 20 }, () => 0));
  });

  it('survives a client that vanishes in the middle of a stream', async () => {
    const stream = await startProcess(
      enginePaths.docker,
      ['run', '--rm', '--name', 'gone', '--network', 'none', 'busybox:test', 'sh', '-c', 'yes'],
      {
        env: { ...process.env, DOCKER_HOST: dockledger.dockerHost },
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    );
    await until('the container runs', async () => (await sh(engine.host, '$D top gone')).code === 0);
    await stream.end('SIGKILL');
    await sh(engine.host, '$D kill gone');
    expect((await dockledger.docker('version')).code).toBe(0);
  });

  it('goes on after the engine was restarted under it', async () => {
    expect((await dockledger.docker('ps')).code).toBe(0);
    await engine.stop();
    const refused = await dockledger.docker('ps');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/engine/i);
    await engine.start();
    expect((await dockledger.docker('ps')).code).toBe(0);
  });
});
