// Every trick of the threat list against a real engine: the verdict, the recorded name of the call, and the invariant
// that what reached the engine is what was allowed. Numbers are those of docs/threat-model.md.
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessRule, ComplianceRule, StoredAccessEvent } from '@dockledger/contract';
import { engineUnavailable } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Attempt, type GuardedEngine, startGuardedEngine } from './guarded-engine.ts';

const why = engineUnavailable();
const allowAll: AccessRule = { name: 'Default - allow all', effect: 'allow' };
const noCreate: AccessRule = { name: 'no create', effect: 'deny', action: ['container_create'] };
const blockIds = [51, 52, 53, 54, 55, 59, 514, 515, 516, 517, 519, 520, 521, 522, 523, 524, 530, 531];
const block: ComplianceRule = {
  name: 'block',
  condition: { vulnerabilities: blockIds.map((id) => ({ id, block: true })) },
};
const json = 'Content-Type: application/json\r\n';

/** One request that asks to close. */
function request(line: string, body = '', fields = json): string {
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${line} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n${body === '' ? '' : fields}${length}\r\n${body}`;
}

const create = (body: unknown, query = '') =>
  request(`POST /v1.41/containers/create${query}`, typeof body === 'string' ? body : JSON.stringify(body));
const withHost = (host: Record<string, unknown>) => create({ Image: 'busybox:test', Cmd: ['true'], HostConfig: host });

describe.skipIf(why !== undefined)('threats', () => {
  let guarded: GuardedEngine;
  const attempt = (bytes: string | Buffer, isEnough?: (text: string) => boolean) => guarded.send(bytes, isEnough);

  beforeAll(async () => {
    guarded = await startGuardedEngine();
  });
  afterAll(async () => {
    await guarded?.[Symbol.asyncDispose]();
  });

  /** Expects refusals: the statuses given, nothing at the engine, and as many events of that api, none of them allowed. */
  async function refused(
    requests: readonly (string | Buffer)[],
    status: number,
    api: string,
  ): Promise<StoredAccessEvent[]> {
    const attempts: Attempt[] = [];
    for (const bytes of requests) attempts.push(await attempt(bytes));
    expect(attempts.map(({ statuses, reached }) => ({ statuses, reached }))).toEqual(
      attempts.map(() => ({ statuses: [status], reached: [] })),
    );
    const first = attempts[0] as Attempt;
    const events = await guarded.events(first, api, attempts.length);
    expect(events.map(({ decision }) => decision.effect)).toEqual(attempts.map(() => 'deny'));
    return events;
  }

  /** Expects one allowed call that reached the engine once. */
  async function allowed(bytes: string | Buffer, status: number, api: string): Promise<StoredAccessEvent> {
    const { statuses, reached, from } = await attempt(bytes);
    expect({ statuses, reached: reached.length }).toEqual({ statuses: [status], reached: 1 });
    const [event] = await guarded.events({ from }, api);
    expect(event?.decision.effect).toBe('allow');
    return event as StoredAccessEvent;
  }

  describe('in path, query and method', () => {
    const body = '{"Image":"busybox:test"}';
    const post = (target: string) => request(`POST ${target}`, body);

    beforeAll(async () => {
      await guarded.setCompliance([]);
      await guarded.setRules([noCreate, allowAll]);
    });

    it.each([
      ['T-01', ['/v1.41/%63ontainers/%63reate', '/v1.41/containers/creat%65']],
      ['T-02', ['/v1.41/containers%2Fcreate', '/v1.41/containers%2fcreate']],
      ['T-03', ['http://whatever/v1.41/containers/create', 'https://x:1/v1.41/containers/create']],
      [
        'T-05',
        ['/containers/create', '/v1.12/containers/create', '/v1.41.0/containers/create', '/v01.41/containers/create'],
      ],
      ['T-09', ['/v1.41/containers/create?aaa=/start', '/v1.41/containers/create?x=/auth']],
    ])('%s is a create, however it is spelled', async (_number, targets) => {
      const events = await refused(targets.map(post), 403, 'container_create');
      for (const event of events) expect(event.decision.rule).toBe('no create');
    });

    it.each([
      [
        'T-04',
        [
          '//v1.41/containers/create',
          '/v1.41//containers/create',
          '/v1.41/images/../containers/create',
          '/v1.41/images/%2e%2e/containers/create',
          '/v1.41/./containers/create',
        ],
      ],
      [
        'T-05',
        ['/v.1.41/containers/create', '/v1.410/containers/create', '/v1/containers/create', '/v2/containers/create'],
      ],
      ['T-06', ['/v1.41/containers/create#x', '/v1.41\\containers\\create']],
      [
        'T-07',
        [
          '/v1.41/containers/%00/start',
          '/v1.41/containers/a%0ab/start',
          '/v1.41/containers/a%0d/start',
          '/v1.41/containers/%09/start',
        ],
      ],
      [
        'T-10',
        [
          '/v1.41/images/create?fromImage=a&fromImage=b',
          '/v1.41/images/create?a=1;fromImage=b',
          '/v1.41/images/create?fromImage=%zz',
        ],
      ],
    ])('%s is refused as malformed', async (_number, targets) => {
      const attempts: Attempt[] = [];
      for (const target of targets) attempts.push(await attempt(post(target)));
      expect(attempts.map(({ statuses, reached }) => ({ statuses, reached }))).toEqual(
        targets.map(() => ({ statuses: [400], reached: [] })),
      );
      const events = await guarded.events(attempts[0] as Attempt, '', targets.length);
      expect(events.map(({ decision }) => decision)).toEqual(
        targets.map(() => expect.objectContaining({ effect: 'deny', reason: 'malformed' })),
      );
    });

    it('T-06 is no route: only a rule for everything covers it', async () => {
      await guarded.setRules([{ name: 'containers', effect: 'allow', action: ['container_*'] }]);
      const targets = ['/V1.41/containers/create', '/v1.41/Containers/Create', '/v1.41/containers/create/'];
      await refused(targets.map(post), 403, 'unknown');
      await guarded.setRules([noCreate, allowAll]);
    });

    it('T-07 is decoded once: an inspect of what is called %2e', async () => {
      const event = await allowed(request('GET /v1.41/containers/%252e/json'), 404, 'container_inspect');
      expect(event.target.other).toBe('%2e');
    });

    it('T-08 hits the route that the engine hits, names with slashes included', async () => {
      await guarded.setRules([
        { name: 'no exec', effect: 'deny', action: ['container_exec_create'] },
        { name: 'no start', effect: 'deny', action: ['container_start'] },
        allowAll,
      ]);
      const exec = '{"Cmd":["true"]}';
      await refused(
        [request('POST /v1.41/containers/build/exec', exec), request('POST /v1.41/containers/json/exec', exec)],
        403,
        'container_exec_create',
      );
      await refused([request('POST /v1.41/containers/a/exec/start')], 403, 'container_start');
      await guarded.setRules([noCreate, allowAll]);
    });

    it('T-11 has the method of its first line', async () => {
      await refused(
        [request('POST /v1.41/containers/create', body, `${json}X-HTTP-Method-Override: GET\r\n`)],
        403,
        'container_create',
      );
      await refused([request('get /v1.41/info'), request('TRACE /v1.41/info')], 405, 'unknown');
      await allowed(request('OPTIONS /v1.41/containers/create'), 200, 'docker_options');
      await allowed(request('HEAD /v1.41/info'), 404, 'unknown');
    });
  });

  describe('by name', () => {
    beforeAll(async () => {
      await guarded.dockledger.api('/api/v1/collections', {
        method: 'POST',
        body: JSON.stringify({ name: 'vault', containers: ['vault'] }),
      });
      await guarded.dockledger.api('/api/v1/collections', {
        method: 'POST',
        body: JSON.stringify({ name: 'trusted', containers: ['trusted*'] }),
      });
      await guarded.dockledger.api('/api/v1/collections', {
        method: 'POST',
        body: JSON.stringify({ name: 'own images', images: ['registry.example/own/*', 'busybox:test'] }),
      });
      await guarded.setCompliance([]);
      await guarded.engine.docker('create', '--name', 'vault', '--network', 'none', 'busybox:test', 'true');
    });
    afterAll(async () => {
      await guarded.engine.docker('rm', '-f', 'vault');
    });

    it('T-12 is one container by id, prefix and name; what cannot be found is refused with it', async () => {
      await guarded.setRules([
        { name: 'sealed', effect: 'deny', action: ['container_start', 'container_delete'], collections: ['vault'] },
        allowAll,
      ]);
      const id = (await guarded.engine.docker('inspect', '--format', '{{.Id}}', 'vault')).stdout.trim();
      const events = await refused(
        [id, id.slice(0, 12), 'vault', 'nowhere'].map((name) => request(`POST /v1.41/containers/${name}/start`)),
        403,
        'container_start',
      );
      expect(events.map(({ target }) => target.containerName ?? '')).toEqual(['/vault', '/vault', '/vault', '']);
    });

    it('T-13 is judged by what is renamed and tagged, and both names are on record', async () => {
      await guarded.setRules([
        { name: 'trusted ones', effect: 'allow', action: ['container_*'], collections: ['trusted'] },
        { name: 'own ones', effect: 'allow', action: ['image_tag'], collections: ['own images'] },
      ]);
      const [rename] = await refused(
        [request('POST /v1.41/containers/vault/rename?name=trusted-1')],
        403,
        'container_rename',
      );
      expect(rename?.target).toMatchObject({ containerName: '/vault', other: 'trusted-1' });
      const [tag] = await refused(
        [request('POST /v1.41/images/evil/tag?repo=registry.example/own/app')],
        403,
        'image_tag',
      );
      expect(tag?.target).toMatchObject({ imageName: 'evil', other: 'registry.example/own/app' });
    });

    it('T-14 is not implied by read-only: what takes out contents, secrets and memory', async () => {
      await guarded.setRules([{ name: 'readers', effect: 'allow', condition: { readonly: true } }]);
      const reads: Readonly<Record<string, string>> = {
        '/containers/vault/attach/ws?stdin=1': 'container_attachws',
        '/containers/vault/archive?path=/etc/shadow': 'container_archive',
        '/containers/vault/export': 'container_export',
        '/images/get?names=busybox:test': 'images_archive',
        '/swarm/unlockkey': 'swarm_unlock_key',
        '/configs/x': 'config_inspect',
        '/debug/pprof/heap': 'debug_pprof_lookup',
      };
      for (const [target, api] of Object.entries(reads)) await refused([request(`GET /v1.41${target}`)], 403, api);
      await allowed(request('GET /v1.41/containers/json'), 200, 'container_list');
    });

    it('T-53 is refused at start when another made the exec, and judged by its container', async () => {
      await guarded.setRules([
        { name: 'sealed', effect: 'deny', action: ['container_exec_start'], collections: ['vault'] },
        allowAll,
      ]);
      await guarded.engine.docker('rm', '-f', 'vault');
      await guarded.engine.docker('run', '-d', '--name', 'vault', '--network', 'none', 'busybox:test', 'sleep', '600');
      const made = await attempt(request('POST /v1.41/containers/vault/exec', '{"Cmd":["true"]}'));
      const id = /"Id":"([0-9a-f]+)"/.exec(made.text)?.[1] ?? '';
      const [event] = await refused([request(`POST /v1.41/exec/${id}/start`, '{}')], 403, 'container_exec_start');
      expect(event?.target).toMatchObject({ containerName: '/vault', other: id });
    });
  });

  describe('in the body of a create', () => {
    beforeAll(async () => {
      await guarded.setRules([allowAll]);
      await guarded.setCompliance([block]);
    });

    const image = '"Image":"busybox:test","Cmd":["true"]';
    const malformed: Readonly<Record<string, readonly string[]>> = {
      'T-20': [
        `{${image},"Privileged":true}`,
        `{${image},"Binds":["/:/host"],"NetworkMode":"host","PidMode":"host","CapAdd":["ALL"]}`,
        `{${image},"Privileged":true,"HostConfig":null}`,
        `{${image},"HostConfig":{},"Memory":8000000,"VolumeDriver":"x"}`,
      ],
      'T-24': [`{${image},"HostConfig":{"Privileged":true,"Privileged":null}}`],
      'T-25': [`{${image},"HostConfig":{"Privileged":true,"Privileged":false}}`],
      'T-26': [
        `{${image},"HostConfig":{"Privileged":true},"HostConfig":{"Memory":8000000}}`,
        `{${image},"hostconfig":{"Memory":8000000},"HostConfig":{"Privileged":true}}`,
        `{${image},"HostConfig":{"Privileged":true},"HostConfig":null}`,
      ],
      'T-27': [
        `{${image},"NetworkingConfig":{"EndpointsConfig":{}},"networkingconfig":{}}`,
        `{${image},"HostConfig":{"Binds":["/:/h"],"binds":[]}}`,
      ],
      'T-28': [`{${image},"HostConfig":{"Privileged":true}}{"HostConfig":{}}`, `{${image}} x`, `\u{feff}{${image}}`],
      'T-29': [
        `{${image},"HostConfig":{"Privileged":1}}`,
        `{${image},"HostConfig":{"Binds":"/:/h"}}`,
        `{${image},"x":${'['.repeat(5000)}${']'.repeat(5000)}}`,
        `{${image},"HostConfig":{${Array.from({ length: 300_000 }, (_, n) => `"k${n}":1`).join(',')}}}`,
      ],
    };
    it.each(Object.entries(malformed))('%s is refused as malformed', async (_number, bodies) => {
      await refused(
        bodies.map((body) => create(body)),
        400,
        'container_create',
      );
    });

    it('T-28 is refused as malformed with a key that is no UTF-8', async () => {
      const bytes = Buffer.concat([Buffer.from(`{${image},"Privileged`), Buffer.from([0xff]), Buffer.from('":true}')]);
      const head = request('POST /v1.41/containers/create', 'x'.repeat(bytes.length)).slice(0, -bytes.length);
      await refused([Buffer.concat([Buffer.from(head), bytes])], 400, 'container_create');
    });

    const blocked: Readonly<Record<string, readonly string[]>> = {
      'T-21': [`{"image":"busybox:test","hostconfig":{"privileged":true}}`],
      'T-22': [
        `{${image},"Ho\\u017ftConfig":{"Privileged":true}}`,
        `{${image},"HoſtConfig":{"Privileged":true}}`,
        `{${image},"HostConfig":{"Networ\\u212aMode":"host"}}`,
      ],
      'T-23': [
        `{${image},"HostConfig":{"\\u0050rivileged":true}}`,
        `{${image},"HostConfig":{"NetworkMode":"h\\u006fst"}}`,
      ],
    };
    it.each(Object.entries(blocked))('%s is what the engine reads, and blocked', async (_number, bodies) => {
      const events = await refused(
        bodies.map((body) => create(body)),
        403,
        'create',
      );
      for (const event of events) expect(event.decision.rule).toBe('block');
    });

    it('T-30 is judged up to 4 MiB, however padded, and refused above', async () => {
      const padded = `{${image},"HostConfig":{"Privileged":true}}`.padEnd(1024 * 1024 + 1, ' ');
      const label = `{${image},"Labels":{"a":"${'x'.repeat(3 * 1024 * 1024)}"},"HostConfig":{"Privileged":true}}`;
      await refused([create(padded), create(label)], 403, 'create');
      await refused([create(`{${image}}`.padEnd(4 * 1024 * 1024 + 1, ' '))], 413, 'container_create');
    });

    const chunked = (body: string, extension = '') =>
      `POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n${json}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n\r\n`;

    it('T-31 is judged in chunks as in one piece', async () => {
      await refused([chunked(`{${image},"HostConfig":{"Privileged":true}}`)], 403, 'create');
    });

    it('T-32 has no body when its length is 0: what follows is no part of it', async () => {
      const body = `{${image},"HostConfig":{"Privileged":true}}`;
      const head = `POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\n${json}Content-Length: 0\r\n\r\n`;
      const { statuses, reached } = await attempt(head + body);
      expect({ first: statuses[0], reached }).toEqual({ first: 400, reached: [] });
    });

    it('T-33 is judged under any media type', async () => {
      const body = `{${image},"HostConfig":{"Privileged":true}}`;
      const types = [
        'APPLICATION/JSON ; charset=utf-16',
        'text/json',
        'application/json; a=1; a=2',
        'application/json; =',
      ];
      await refused(
        [...types.map((type) => `Content-Type: ${type}\r\n`), ''].map((fields) =>
          request('POST /v1.41/containers/create', body, fields),
        ),
        403,
        'create',
      );
    });

    it('T-34 is judged for services without a media type too', async () => {
      const spec = {
        TaskTemplate: {
          ContainerSpec: {
            Image: 'busybox:test',
            Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }],
            CapabilityAdd: ['ALL'],
          },
        },
      };
      await refused(
        ['Content-Type: text/plain\r\n', ''].map((fields) =>
          request('POST /v1.41/services/create', JSON.stringify(spec), fields),
        ),
        403,
        'create',
      );
      const before = guarded.engineBytes().length;
      await allowed(
        request('POST /v1.41/secrets/create', '{"Name":"s","Data":"eA=="}', 'Content-Type: text/plain\r\n'),
        503,
        'secret_create',
      );
      expect(guarded.engineBytes().slice(before)).toMatch(/secrets\/create[^]*Content-Type: application\/json\r\n/);
    });

    it('T-35 is refused: a start with a body', async () => {
      await refused(
        [
          request('POST /v1.23/containers/c/start', '{"Privileged":true,"Binds":["/:/host"],"NetworkMode":"none"}'),
          request('POST /v1.41/containers/c/start', '{"Binds":["/:/host"]}'),
        ],
        400,
        'container_start',
      );
    });

    const forms: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
      'T-36': [
        { Privileged: true },
        ...['ALL', 'all', 'CAP_SYS_ADMIN', 'cap_sys_admin', 'sys_admin'].map((name) => ({ CapAdd: [name] })),
      ],
      'T-37': [
        { NetworkMode: 'host' },
        { PidMode: 'host' },
        { IpcMode: 'host' },
        { UTSMode: 'host' },
        { UsernsMode: 'host' },
      ],
      'T-38': [
        { Binds: ['/:/host'] },
        { Binds: ['/etc:/etc:rw,rshared'] },
        { Mounts: [{ Type: 'bind', Source: '/etc', Target: '/e' }] },
        { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] },
        { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] },
        { DeviceCgroupRules: ['b *:* rwm'] },
      ],
      'T-39': [
        { Binds: ['/var/run/../../run/docker.sock:/s'] },
        { Binds: ['//run//docker.sock:/s'] },
        { Binds: ['/run/./:/r'] },
        { Binds: ['/var:/v'] },
        { Binds: ['/proc/1/root/etc:/e'] },
      ],
      'T-40': [
        '/run/docker.sock',
        '/run/docker/plugins',
        '/etc/docker',
        '/usr/lib/docker/plugins',
        '/run/containerd',
        '/run/podman/podman.sock',
        '/run/crio/crio.sock',
        '/var/lib/docker',
        '/var/lib/containerd',
        '/var/lib/kubelet',
        '/proc',
        '/sys',
        '/dev',
        '/boot',
        '/etc',
        '/root',
        '/home/alice/.ssh',
        '/run/systemd',
        '/run/dbus',
        '/var/log/audit',
        '/var/lib/dockledger',
      ].map((path) => ({ Binds: [`${path}:/x:ro`] })),
      'T-41': [
        { type: 'none', o: 'bind', device: '/' },
        { type: 'none', o: 'ro,rbind', device: '/etc' },
        { type: 'ext4', device: '/dev/vda' },
        { type: 'overlay', device: 'overlay', o: 'lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w' },
      ].map((Options) => ({
        Mounts: [{ Type: 'volume', Target: '/x', VolumeOptions: { DriverConfig: { Name: 'local', Options } } }],
      })),
      'T-42': [
        'seccomp=unconfined',
        'seccomp:unconfined',
        'apparmor:unconfined',
        'apparmor=unconfined',
        'label:disable',
        'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
      ].map((option) => ({ SecurityOpt: [option] })),
      'T-42, unmasked,': [{ MaskedPaths: [] }, { ReadonlyPaths: [] }],
      'T-43': [{ CgroupParent: '/' }, { RestartPolicy: { Name: 'always' } }],
    };
    it.each(Object.entries(forms))('%s is blocked in every form', async (_number, hosts) => {
      await refused(hosts.map(withHost), 403, 'create');
    });

    it('T-37 has modes that are case-sensitive, as at the engine', async () => {
      const event = await allowed(withHost({ NetworkMode: 'HOST' }), 201, 'container_create');
      expect(event.decision.findings).toEqual([]);
    });

    it('T-38 takes over no mounts that it could not make itself', async () => {
      await guarded.engine.docker(
        'create',
        '--name',
        'donor',
        '--network',
        'none',
        '-v',
        '/etc:/e',
        'busybox:test',
        'true',
      );
      await refused([withHost({ VolumesFrom: ['donor'] }), withHost({ VolumesFrom: ['donor:ro'] })], 403, 'create');
      await guarded.engine.docker('rm', '-f', 'donor');
    });

    it('T-39 follows symlinks of the host', async () => {
      const link = join(guarded.engine.dir, 'link');
      await mkdir(join(guarded.engine.dir, 'plain'), { recursive: true });
      await symlink('/etc', link);
      await refused([withHost({ Binds: [`${link}:/x`] }), withHost({ Binds: [`${link}/new:/x`] })], 403, 'create');
      await rm(link);
    });

    it('T-40 includes our own socket and state, and the engine behind us', async () => {
      const own = [guarded.dockledger.dataDir, guarded.dockledger.dockerHost.replace('unix://', '')];
      await refused(
        own.map((path) => withHost({ Binds: [`${path}:/x`] })),
        403,
        'create',
      );
    });

    it('T-41 sees through a named volume that is a bind in disguise, made before or now', async () => {
      const options = { Driver: 'local', DriverOpts: { type: 'none', o: 'bind', device: '/etc' } };
      await refused([request('POST /v1.41/volumes/create', JSON.stringify({ Name: 'v1', ...options }))], 403, 'create');
      await refused(
        [
          request(
            'POST /v1.41/volumes/create',
            JSON.stringify({ name: 'v1', driver: 'local', driveropts: options.DriverOpts }),
          ),
        ],
        403,
        'create',
      );
      await guarded.engine.docker('volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', 'device=/etc', 'v1');
      await refused(
        [withHost({ Binds: ['v1:/s'] }), withHost({ Mounts: [{ Type: 'volume', Source: 'v1', Target: '/s' }] })],
        403,
        'create',
      );
      await guarded.engine.docker('volume', 'rm', 'v1');
    });

    it('T-36 is blocked for execs: privileged, and root in every spelling', async () => {
      await guarded.engine.docker('run', '-d', '--name', 'web', '--network', 'none', 'busybox:test', 'sleep', '600');
      const bodies = [{ Privileged: true }, ...['0', '00', 'root', '0:0', 'root:root'].map((User) => ({ User }))];
      await refused(
        bodies.map((body) => request('POST /v1.41/containers/web/exec', JSON.stringify({ Cmd: ['true'], ...body }))),
        403,
        'create',
      );
    });

    it('T-51 is blocked for updates', async () => {
      const bodies = [
        { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] },
        { RestartPolicy: { Name: 'always' } },
      ];
      await refused(
        bodies.map((body) => request('POST /v1.41/containers/web/update', JSON.stringify(body))),
        403,
        'create',
      );
      await allowed(
        request('POST /v1.41/containers/web/update', '{"Memory":16777216,"MemorySwap":-1}'),
        200,
        'container_update',
      );
    });

    it('T-56 is blocked for builds that leave their network or cgroup', async () => {
      await refused(
        ['networkmode=host', 'cgroupparent=/'].map((query) =>
          request(`POST /v1.41/build?${query}`, 'tar', 'Content-Type: application/x-tar\r\n'),
        ),
        403,
        'create',
      );
    });

    it('T-58 is blocked for services: mounts, capabilities, the host network by either list', async () => {
      const container = { Image: 'busybox:test' };
      const specs = [
        { TaskTemplate: { ContainerSpec: { ...container, CapabilityAdd: ['CAP_SYS_ADMIN'] } } },
        { TaskTemplate: { ContainerSpec: { ...container, Privileges: { SELinuxContext: { Disable: true } } } } },
        { TaskTemplate: { ContainerSpec: container, Networks: [{ Target: 'host' }] } },
        { TaskTemplate: { ContainerSpec: container }, Networks: [{ Target: 'host' }] },
      ];
      await refused(
        specs.flatMap((spec) => [
          request('POST /v1.41/services/create', JSON.stringify(spec)),
          request('POST /v1.41/services/s/update?version=1', JSON.stringify(spec)),
        ]),
        403,
        'create',
      );
    });
  });

  describe('at other endpoints', () => {
    beforeAll(async () => {
      await guarded.setCompliance([]);
    });

    it('T-50 is refused: a form body that would override the query', async () => {
      await guarded.setRules([allowAll]);
      const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
      await refused(
        [request('POST /v1.41/containers/web/rename?name=good', 'name=evil', form)],
        400,
        'container_rename',
      );
      await refused(
        [
          request('POST /v1.41/images/create?fromImage=allowed/ok&tag=1', 'fromImage=evil/bad&tag=9', form),
          request(
            'POST /v1.41/images/create?fromImage=a',
            'fromImage=b',
            'Content-Type: Multipart/Form-Data ; boundary=x\r\n',
          ),
        ],
        400,
        'image_create',
      );
      expect((await guarded.engine.docker('inspect', 'evil')).code).not.toBe(0);
    });

    const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      'T-52': { 'PUT /v1.41/containers/web/archive?path=/': 'container_extract' },
      'T-54': { 'POST /v1.41/commit?container=web&changes=USER%20root': 'container_commit' },
      'T-56': { 'POST /v1.41/build?networkmode=host&cgroupparent=x': 'image_build' },
      'T-58': {
        'POST /v1.41/swarm/init': 'swarm_init',
        'POST /v1.41/swarm/join': 'swarm_join',
        'POST /v1.41/swarm/update?version=1&rotateWorkerToken=1': 'swarm_update',
        'POST /v1.41/swarm/leave?force=1': 'swarm_leave',
        'POST /v1.41/nodes/x/update?version=1': 'node_update',
        'POST /v1.41/secrets/create': 'secret_create',
        'POST /v1.41/configs/create': 'config_create',
        'PUT /v1.41/volumes/x': 'volume_update',
      },
      'T-59': {
        'POST /v1.41/plugins/pull?remote=evil/plugin': 'plugin_pull',
        'POST /v1.41/plugins/create?name=x': 'plugin_create',
        'POST /v1.41/plugins/x/set': 'plugin_set',
        'POST /v1.41/plugins/x/upgrade?remote=x': 'plugin_upgrade',
        'POST /v1.41/plugins/x/enable': 'plugin_enable',
        'POST /v1.41/plugins/dockledger/disable?force=1': 'plugin_disable',
        'DELETE /v1.41/plugins/dockledger': 'plugin_remove',
      },
    };
    it.each(Object.entries(own))('%s has a name of its own that a rule can refuse', async (_number, calls) => {
      await guarded.setRules([{ name: 'no others', effect: 'deny', action: ['*', '-container_top'] }]);
      for (const [line, api] of Object.entries(calls)) {
        const takesTar = /archive|build|plugins\/create/.test(line);
        const list = /plugins\/(pull|x\/set|x\/upgrade)/.test(line) ? '[]' : '{}';
        await refused(
          [request(line, takesTar ? 'not a tar' : list, takesTar ? 'Content-Type: application/x-tar\r\n' : json)],
          403,
          api,
        );
      }
    });

    it('T-55 is judged by the name that an image gets, and a load by none', async () => {
      await guarded.setRules([{ name: 'own ones', effect: 'allow', action: ['image*'], collections: ['own images'] }]);
      await refused(
        [
          request('POST /v1.41/images/create?fromImage=evil/bad&tag=1'),
          request('POST /v1.41/images/create?fromSrc=-&repo=evil/bad', 'tar', 'Content-Type: text/plain\r\n'),
          request('POST /v1.41/images/create?fromSrc=http://evil.invalid/x.tar&repo=evil/bad'),
        ],
        403,
        'image_create',
      );
      await refused(
        [request('POST /v1.41/images/load', 'tar', 'Content-Type: application/x-tar\r\n')],
        403,
        'images_load',
      );
      await refused(
        [request('POST /v1.41/build?t=evil/bad', 'tar', 'Content-Type: application/x-tar\r\n')],
        403,
        'image_build',
      );
      await refused(
        [request('POST /v1.41/build?t=busybox:test&t=evil/bad', 'tar', 'Content-Type: application/x-tar\r\n')],
        403,
        'image_build',
      );
    });

    it('T-57 keeps registry credentials out of the record, and refuses what is no base64', async () => {
      await guarded.setRules([allowAll]);
      const secret = Buffer.from('{"username":"u","password":"hunter2-hunter2"}').toString('base64');
      const pull = 'GET /v1.41/distribution/registry.invalid/x/json';
      const { from } = await attempt(
        `${pull} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nX-Registry-Auth: ${secret}\r\n\r\n`,
      );
      const events = await guarded.events({ from }, 'distribution_inspect');
      expect(JSON.stringify(events)).not.toContain(secret);
      await refused(
        [`${pull} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nX-Registry-Auth: {"username":"u"}\r\n\r\n`],
        400,
        'distribution_inspect',
      );
    });
  });

  describe('in transport', () => {
    beforeAll(async () => {
      await guarded.setCompliance([]);
      await guarded.setRules([{ name: 'no info', effect: 'deny', action: ['docker_info'] }, allowAll]);
    });
    const info = 'GET /v1.41/info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n';

    it('T-70 is refused: HTTP/2 without an upgrade, in which native gRPC would come', async () => {
      await refused(['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'], 505, 'unknown');
    });

    it('T-71 is a call of its own: the tunnels of BuildKit', async () => {
      await guarded.setRules([{ name: 'no tunnels', effect: 'deny', action: ['buildkit_*'] }, allowAll]);
      const open = (path: string) => `POST ${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
      for (const [path, api] of [
        ['/session', 'buildkit_session'],
        ['/v1.41/grpc', 'buildkit_grpc'],
      ] as const) {
        const { statuses, reached, from } = await attempt(open(path), (text) => text.includes('\r\n\r\n'));
        expect({ statuses, reached }).toEqual({ statuses: [403], reached: [] });
        expect((await guarded.events({ from }, api))[0]?.decision.rule).toBe('no tunnels');
      }
      await guarded.setRules([{ name: 'no info', effect: 'deny', action: ['docker_info'] }, allowAll]);
    });

    it('T-72 tunnels only after the engine agreed: what follows is a request of its own', async () => {
      const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
      const ping = await attempt(`GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\n${upgrade}\r\n${info}`);
      expect(ping).toMatchObject({ statuses: [200, 403], reached: ['GET /v1.41/_ping'] });
      const exec = await attempt(
        `POST /v1.41/exec/nope/start HTTP/1.1\r\nHost: docker\r\n${upgrade}${json}Content-Length: 2\r\n\r\n{}${info}`,
      );
      expect(exec).toMatchObject({ statuses: [404, 403], reached: ['POST /v1.41/exec/nope/start'] });
    });

    it('T-73 is a tunnel without Upgrade too, half-close kept', async () => {
      await guarded.engine.docker('rm', '-f', 'web');
      await guarded.engine.docker('run', '-d', '--name', 'web', '--network', 'none', 'busybox:test', 'sleep', '600');
      const body = '{"Cmd":["echo","through"],"AttachStdout":true}';
      const made = await attempt(request('POST /v1.41/containers/web/exec', body));
      const id = /"Id":"([0-9a-f]+)"/.exec(made.text)?.[1] ?? '';
      const { text, reached } = await attempt(
        `POST /v1.41/exec/${id}/start HTTP/1.1\r\nHost: docker\r\n${json}Content-Length: 2\r\n\r\n{}`,
      );
      expect(text).toContain('application/vnd.docker.raw-stream');
      expect(text).toContain('through');
      expect(reached).toEqual([`POST /v1.41/exec/${id}/start`]);
    });

    const smuggled = 'GET /v1.41/info HTTP/1.1\r\nHost: docker\r\n\r\n';
    const post = (fields: string) => `POST /v1.41/build HTTP/1.1\r\nHost: docker\r\n${fields}\r\n0\r\n\r\n${smuggled}`;
    it.each([
      ['T-74', 'both framings', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
      ['T-74', 'two equal lengths', post('Content-Length: 5\r\nContent-Length: 5\r\n')],
      ['T-74', 'two lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n')],
      ['T-74', 'a length with a sign', post('Content-Length: +5\r\n')],
      ['T-74', 'a list of lengths', post('Content-Length: 0, 0\r\n')],
      ['T-74', 'an unknown coding', post('Transfer-Encoding: xchunked\r\n')],
      ['T-74', 'identity before chunked', post('Transfer-Encoding: identity, chunked\r\n')],
      ['T-74', 'chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
      ['T-74', 'a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n')],
      ['T-75', 'bare LF', 'GET /v1.41/_ping HTTP/1.1\nHost: docker\n\n'],
      ['T-75', 'a folded field', 'GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nA: b\r\n c\r\n\r\n'],
      ['T-75', 'a leading empty line', '\r\nGET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\n\r\n'],
      ['T-75', 'two Hosts', 'GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nHost: x\r\n\r\n'],
      [
        'T-77',
        'a Connection that takes fields away',
        `POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nConnection: close, Content-Type\r\n${json}Content-Length: 2\r\n\r\n{}`,
      ],
    ])('%s is refused: %s', async (_number, _what, bytes) => {
      const { statuses, reached, from } = await attempt(bytes);
      expect(statuses.length).toBe(1);
      expect([400, 501]).toContain(statuses[0]);
      expect(reached).toEqual([]);
      const events = await guarded.events({ from }, '');
      expect(events.map(({ decision }) => decision.reason)).toEqual(['malformed']);
    });

    it('T-76 judges and records pipelined calls one by one', async () => {
      const { statuses, reached, from } = await attempt(
        `GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nContent-Length: 4\r\n\r\nGET GET /v1.41/version HTTP/1.1\r\nHost: docker\r\n\r\n${info}`,
      );
      expect({ statuses, reached }).toEqual({
        statuses: [200, 200, 403],
        reached: ['GET /v1.41/_ping', 'GET /v1.41/version'],
      });
      expect((await guarded.events({ from }, 'docker_info'))[0]?.decision.effect).toBe('deny');
    });

    it('T-78 goes on only after the head was read: Expect', async () => {
      const body = '{"Image":"busybox:test","HostConfig":{"NetworkMode":"none"}}';
      const fields = `Expect: 100-continue\r\n${json}`;
      const { statuses, reached } = await attempt(request('POST /v1.41/containers/create', body, fields));
      expect({ statuses, reached: reached.length }).toEqual({ statuses: [100, 201], reached: 1 });
    });

    it('T-79 holds nothing at the engine for a head that does not end', async () => {
      const slow = guarded.send('GET /v1.41/_ping HTTP/1.1\r\nHost: do', (text) => text !== '').catch(() => undefined);
      expect(await attempt(request('GET /v1.41/version'))).toMatchObject({ statuses: [200] });
      guarded.cutClients();
      expect((await slow)?.reached).toEqual(['GET /v1.41/version']);
    });

    it('T-82 echoes nothing of what was sent, and keeps it as text on record', async () => {
      const { text, from } = await attempt(request('GET /v1.41/containers/%1b[31m%3Cscript%3E/json'));
      expect(text).not.toMatch(/\x1b|<script>/);
      const events = await guarded.dockledger.events(`from=${from}`);
      expect(JSON.stringify(events)).not.toMatch(/\x1b/);
      const [created] = [await attempt(create({ Image: 'busybox:test', Labels: { evil: '\u001b[31m<script>' } }))];
      const [event] = await guarded.events(created, 'container_create');
      expect(event?.target.labels).toEqual({ evil: '\u001b[31m<script>' });
    });

    it('T-83 keeps secrets out of the record', async () => {
      const secret = 'hunter2-hunter2';
      const from = new Date().toISOString();
      const encoded = Buffer.from(secret).toString('base64');
      await attempt(request('POST /v1.41/auth', JSON.stringify({ username: 'u', password: secret })));
      await attempt(create({ Image: 'busybox:test', Env: [`PASSWORD=${secret}`], Cmd: ['x', `--password=${secret}`] }));
      await attempt(
        request(
          `POST /v1.41/build?buildargs=${encodeURIComponent(JSON.stringify({ TOKEN: secret }))}`,
          'tar',
          'Content-Type: application/x-tar\r\n',
        ),
      );
      await attempt(request('POST /v1.41/secrets/create', JSON.stringify({ Name: 's', Data: encoded })));
      await attempt(
        request('POST /v1.41/containers/web/exec', JSON.stringify({ Cmd: ['true'], Env: [`TOKEN=${secret}`] })),
      );
      await guarded.events({ from }, 'container_exec_create');
      const events = await guarded.dockledger.events(`from=${from}`);
      expect(events.length).toBeGreaterThanOrEqual(5);
      expect(JSON.stringify(events)).not.toMatch(new RegExp(`${secret}|${encoded}`));
    });
  });
});
