import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import type { EngineAnswer } from './engine-query.ts';
import { execBody, findMountFacts, imageFacts, realHostPath } from './workload-facts.ts';

/** An engine that knows these objects, and a list of what it was asked. */
function engineWith(objects: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const ask = async (path: string): Promise<EngineAnswer> => {
    asked.push(path);
    return path in objects ? { status: 200, value: objects[path] } : { status: 404, value: {} };
  };
  return { ask, asked };
}

describe('facts around a workload', () => {
  it('are the options of named volumes, asked once each', async () => {
    const { ask, asked } = engineWith({ '/volumes/v1': { Driver: 'local', Options: { device: '/etc' } } });
    const HostConfig = { Binds: ['v1:/a', 'v1:/b', 'none:/c', '/srv:/d', '../odd:/e'] };
    const found = await findMountFacts(ask, 'container_create', { HostConfig });
    if ('unavailable' in found) throw new Error(found.unavailable);
    expect(asked).toEqual(['/volumes/v1', '/volumes/none']);
    expect(found.volumes?.('v1')).toEqual({ driver: 'local', options: { device: '/etc' } });
    expect(found.volumes?.('none')).toBeUndefined();
  });

  it('are the mounts of containers that it takes over, their volumes looked through', async () => {
    const { ask } = engineWith({
      '/containers/donor/json': {
        Mounts: [
          { Type: 'bind', Source: '/etc', RW: false },
          { Type: 'volume', Name: 'v1', Source: '/var/lib/docker/volumes/v1/_data' },
        ],
      },
      '/volumes/v1': { Driver: 'local', Options: { type: 'none', o: 'bind', device: '/boot' } },
    });
    const found = await findMountFacts(ask, 'container_create', { HostConfig: { VolumesFrom: ['donor:ro'] } });
    expect(found).toMatchObject({ inheritedMounts: [{ source: '/etc' }, { source: '/boot' }] });
  });

  it('are real paths where a symlink leads elsewhere, also for what does not exist yet', async () => {
    await using dir = await createTempDir();
    await mkdir(join(dir.path, 'target'));
    await symlink(join(dir.path, 'target'), join(dir.path, 'link'));
    expect(await realHostPath(join(dir.path, 'link/new/er'))).toBe(join(dir.path, 'target/new/er'));
    const found = await findMountFacts(engineWith({}).ask, 'container_create', {
      HostConfig: { Binds: [`${dir.path}/link:/a`, `${dir.path}/target:/b`] },
    });
    if ('unavailable' in found) throw new Error(found.unavailable);
    expect([...(found.realPaths ?? [])]).toEqual([[join(dir.path, 'link'), join(dir.path, 'target')]]);
  });

  it('are unavailable when the engine cannot be asked, never harmless', async () => {
    const ask = async (): Promise<EngineAnswer> => ({ unavailable: 'ECONNREFUSED' });
    const found = await findMountFacts(ask, 'container_create', { HostConfig: { Binds: ['v1:/a'] } });
    expect(found).toEqual({ unavailable: 'ECONNREFUSED' });
  });

  it('are nothing for calls that mount nothing', async () => {
    expect(await findMountFacts(engineWith({}).ask, 'container_start', undefined)).toEqual({});
  });

  it('read an image and an exec as the engine shows them', () => {
    const image = {
      Created: '2026-01-01T00:00:00Z',
      Config: { User: 'app', Entrypoint: ['/e'], Cmd: ['c'], Env: ['A=1'], ExposedPorts: { '80/tcp': {} } },
    };
    expect(imageFacts(image, Date.parse('2026-01-11T12:00:00Z'))).toEqual({
      user: 'app',
      hasHealthcheck: false,
      exposedPorts: ['80/tcp'],
      command: ['/e', 'c'],
      environment: ['A=1'],
      ageDays: 10,
    });
    const exec = { ProcessConfig: { privileged: true, user: 'root', entrypoint: 'sh', arguments: ['-c', 'x'] } };
    expect(execBody(exec)).toEqual({ Privileged: true, User: 'root', Cmd: ['sh', '-c', 'x'] });
  });
});
