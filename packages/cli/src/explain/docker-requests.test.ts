import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { canonicaliseBody, classify, parseTarget } from '@dockledger/rules';
import { createTempDir, enginePaths, run } from '@dockledger/testkit';
import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DockerRequest, toDockerRequests } from './docker-requests.ts';

const words = (line: string) => line.split(' ');
const actionsOf = (line: string) =>
  toDockerRequests(words(line)).map(({ method, target }) => {
    const parsed = parseTarget(target);
    return parsed.kind === 'target' ? classify(method, parsed.path).action : parsed.reason;
  });

describe('a docker command line', () => {
  it.each([
    ['docker run -d alpine', ['container_create', 'container_start']],
    ['docker run --rm -it alpine sh -c true', ['container_create', 'container_attach', 'container_start']],
    ['docker container run -d alpine', ['container_create', 'container_start']],
    ['docker exec -it web sh -l', ['container_exec_create', 'container_exec_start']],
    ['docker ps -a', ['container_list']],
    ['docker container ls -q', ['container_list']],
    ['docker stop web db', ['container_stop', 'container_stop']],
    ['docker rm -fv web', ['container_delete']],
    ['docker cp web:/etc/passwd .', ['container_archive']],
    ['docker pull alpine:3', ['image_create']],
    ['docker image rm alpine', ['image_delete']],
    ['docker build -t app .', ['buildkit_session', 'image_build']],
    ['docker --log-level debug volume create data', ['volume_create']],
    ['docker network connect net web', ['network_connect']],
    ['docker swarm init', ['swarm_init']],
  ])('%s becomes %j', (line, actions) => {
    expect(actionsOf(line)).toEqual(actions);
  });

  it('hands every flag behind the image to the container', () => {
    expect(toDockerRequests(words('run -d alpine ls --privileged'))[0]?.body).toMatchObject({
      Cmd: ['ls', '--privileged'],
      HostConfig: { Privileged: false },
    });
  });

  it('keeps values of the environment out', () => {
    const text = JSON.stringify(toDockerRequests(words('run -e TOKEN=s3cret --env B=s3cret alpine')));
    expect(text).not.toContain('s3cret');
    expect(text).toContain('TOKEN');
  });

  it.each([
    'docker run --privilegde alpine',
    'docker frobnicate',
    'docker constructor',
    'docker run',
    'docker run -v',
    'docker container run -Z x',
  ])('refuses %s with a sentence', (line) => {
    expect(() => toDockerRequests(words(line))).toThrow(/`docker |needs a value/);
  });

  it('never throws anything but a sentence', () => {
    const word = oneof(
      constantFrom(
        'run',
        'exec',
        'cp',
        '-v',
        '--mount',
        'type=bind,src=/',
        '-p',
        '80:80',
        '--',
        '-',
        '-e=',
        '--cpus',
        'x',
      ),
      string({ maxLength: 12 }),
    );
    assert(
      property(array(word, { maxLength: 8 }), (line) => {
        try {
          for (const { target } of toDockerRequests(line)) expect(parseTarget(target).kind).toMatch(/target|refusal/);
        } catch (error) {
          expect(error).toMatchObject({ name: 'AppError', code: 'bad_setting' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Runs the real client against a server that only listens, and answers what it was asked to create. */
async function askRealClient(line: readonly string[]): Promise<{ target: string; body: unknown }> {
  await using dir = await createTempDir('dlx-');
  let create: { target: string; body: unknown } | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('api-version', '1.41');
      response.setHeader('ostype', 'linux');
      response.setHeader('content-type', 'application/json');
      if (request.url?.includes('/containers/create') !== true) {
        response.end(request.url?.includes('_ping') === true ? 'OK' : '{}');
        return;
      }
      create = { target: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) };
      response.statusCode = 201;
      response.end(JSON.stringify({ Id: 'a'.repeat(64), Warnings: [] }));
    });
  });
  const socket = join(dir.path, 'd.sock');
  await new Promise<void>((done) => server.listen(socket, done));
  const result = await run(enginePaths.docker, line, {
    env: { PATH: process.env['PATH'], DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: dir.path, HOME: dir.path },
  });
  await new Promise((done) => server.close(done));
  if (create === undefined) throw new Error(`the client asked for nothing: ${result.stderr}`);
  return create;
}

const canonical = (body: unknown): unknown => {
  const read = canonicaliseBody('container_create', new TextEncoder().encode(JSON.stringify(body)));
  return read.kind === 'body' ? JSON.parse(read.text === '' ? 'null' : read.text) : read.reason;
};

/** True when everything that is set in `ours` is the same in `theirs`. */
function differences(ours: unknown, theirs: unknown, path = ''): string[] {
  if (typeof ours !== 'object' || ours === null || Array.isArray(ours))
    return JSON.stringify(ours) === JSON.stringify(theirs)
      ? []
      : [`${path}: ${JSON.stringify(ours)} ≠ ${JSON.stringify(theirs)}`];
  return Object.entries(ours).flatMap(([key, value]) => {
    const other = (theirs as Record<string, unknown> | null | undefined)?.[key];
    const isNothing = value === false || value === '' || value === 0 || JSON.stringify(value) === '{}';
    return isNothing && (other === undefined || other === null) ? [] : differences(value, other, `${path}/${key}`);
  });
}

describe.skipIf(!existsSync(enginePaths.docker))("the body of a create, beside the real client's", () => {
  it.each([
    'create alpine',
    'create --privileged --name web alpine:latest sleep 5',
    'create -v /etc:/host:ro -v data:/data -v /anon --volumes-from db alpine',
    'create --mount type=bind,source=/,target=/host,readonly --mount type=volume,src=v,dst=/v alpine',
    'create --cap-add ALL --cap-drop=NET_RAW --security-opt seccomp=unconfined alpine',
    'create --network host --pid host --ipc=host --uts host --userns host alpine',
    'create -p 8080:80 -p 127.0.0.1:53:53/udp -P alpine',
    'create --device /dev/sda:/dev/xvda:rw --device /dev/null alpine',
    'create -m 512m --cpus 1.5 --pids-limit 100 --restart on-failure:5 --read-only alpine',
    'create -u 1000:1000 -l a=b --label c=d -w /srv -h host --entrypoint /bin/sh alpine -c id',
    'create --tmpfs /run:rw,size=64m --ulimit nofile=1024:2048 --sysctl net.core.somaxconn=1024 alpine',
    'create -it --init --group-add 999 --add-host a:1.2.3.4 --cgroup-parent /x --no-healthcheck alpine',
  ])('docker %s: all that is judged is the same', async (line) => {
    const theirs = await askRealClient(words(line));
    const [ours] = toDockerRequests(words(line)) as [DockerRequest];
    expect(differences(canonical(ours.body), canonical(theirs.body))).toEqual([]);
  });
});
