import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDockerCommand, splitWords } from './docker-command.ts';

const actions = (line: string) => parseDockerCommand(line).map(({ action }) => action);

describe('a docker command read as calls of the engine', () => {
  it('reads run with its name, image, labels and what it mounts from the host', () => {
    expect(
      parseDockerCommand(
        'sudo docker run -it --rm --name web -v /etc:/host:ro -v data:/data --mount type=bind,source=/srv,target=/s --label team=a nginx:1 sh',
      ),
    ).toEqual([
      {
        action: 'container_create',
        containerName: '/web',
        imageName: 'nginx:1',
        labels: { team: 'a' },
        hostPaths: ['/etc', '/srv'],
      },
      { action: 'container_attach', containerName: '/web', imageName: 'nginx:1', labels: { team: 'a' } },
      { action: 'container_start', containerName: '/web', imageName: 'nginx:1', labels: { team: 'a' } },
    ]);
  });

  it('leaves the attaching out of a detached run, in each spelling', () => {
    for (const flag of ['-d', '--detach', '-itd']) {
      expect(actions(`docker run ${flag} alpine`)).toEqual(['container_create', 'container_start']);
    }
  });

  it('reads exec, copies in both directions, and the older and newer names of a command alike', () => {
    expect(parseDockerCommand('docker exec -it -u root db psql -c "select 1"')).toEqual([
      { action: 'container_exec_create', containerName: '/db' },
      { action: 'container_exec_start', containerName: '/db' },
    ]);
    expect(actions('docker cp web:/etc/passwd .')).toEqual(['container_archive']);
    expect(actions('docker cp ./x web:/tmp')).toEqual(['container_extract']);
    expect(actions('docker container rm -f a b')).toEqual(['container_delete', 'container_delete']);
    expect(actions('docker rm -f a b')).toEqual(['container_delete', 'container_delete']);
    expect(actions('docker image ls')).toEqual(['image_list']);
    expect(actions('docker volume rm data')).toEqual(['volume_remove']);
    expect(actions('docker -H tcp://web-1:9998 ps -a')).toEqual(['container_list']);
  });

  it('gives nothing for what is no docker command', () => {
    for (const line of ['', 'ls', 'docker', 'docker run', 'docker nonsense x']) expect(actions(line)).toEqual([]);
  });

  it('never throws, whatever is typed', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseDockerCommand(`docker ${text}`))));
  });

  it('splits words as a shell does', () => {
    expect(splitWords(`a "b c" 'd "e"' f\\ g h"i j"k`)).toEqual(['a', 'b c', 'd "e"', 'f g', 'hi jk']);
  });
});
