// OS users for tests without touching the host: programs run in a mount namespace of their own, where copied account
// files with a few more people lie over the real ones. sudo asks no password there.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.ts';
import { createTempDir } from './temp-dir.ts';

/** The people and their uids. */
export const people = { alice: 3101, bob: 3102, deploy: 3103 } as const;

/** A namespace's worth of people. */
export interface People extends AsyncDisposable {
  /** Put before any command line: it then sees the people. The command keeps the pid. */
  readonly prefix: readonly string[];
  /** Runs a shell line as a person, or as root. `D` is the docker client. */
  as(
    person: keyof typeof people | 'root',
    line: string,
    environment?: Readonly<Record<string, string>>,
  ): ReturnType<typeof run>;
}

/** Makes the account files. Needs root. */
export async function createPeople(): Promise<People> {
  const dir = await createTempDir('dlp-');
  const at = (name: string) => join(dir.path, name);
  const append = async (file: string, name: string, lines: readonly string[], mode = 0o644) =>
    writeFile(at(name), `${(await readFile(file, 'utf8')).trimEnd()}\n${lines.join('\n')}\n`, { mode });
  const all = Object.entries(people);
  await append(
    '/etc/passwd',
    'passwd',
    all.map(([name, id]) => `${name}:x:${id}:${id}::${dir.path}:/bin/sh`),
  );
  await append('/etc/group', 'group', [...all.map(([name, id]) => `${name}:x:${id}:`), 'devs:x:3200:alice,bob']);
  await append(
    '/etc/shadow',
    'shadow',
    all.map(([name]) => `${name}:*:19000:0:99999:7:::`),
    0o640,
  );
  await writeFile(
    at('sudoers'),
    'root ALL=(ALL:ALL) ALL\nalice ALL=(ALL) NOPASSWD: ALL\nDefaults !requiretty, env_keep += "DOCKER_HOST DOCKER_CONFIG D"\n',
    { mode: 0o440 },
  );
  await copyFile('/etc/nsswitch.conf', at('nsswitch.conf')).catch(() =>
    writeFile(at('nsswitch.conf'), 'passwd: files\ngroup: files\n'),
  );
  // The home must be walkable by them; what lies in it is public to this machine's tests anyway.
  await run('chmod', ['755', dir.path]);
  const mounts = ['passwd', 'group', 'shadow'].map((name) => `mount --bind "$0/${name}" /etc/${name}`).join(' && ');
  const sudoers = '{ [ ! -e /etc/sudoers ] || mount --bind "$0/sudoers" /etc/sudoers; }';
  const prefix = [
    'unshare',
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    `${mounts} && ${sudoers} && exec "$@"`,
    dir.path,
  ] as const;
  return {
    prefix,
    as: (person, line, environment = {}) => {
      const id = person === 'root' ? 0 : people[person];
      const become = person === 'root' ? [] : ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--init-groups'];
      const [program, ...words] = [...prefix, ...become, 'sh', '-c', line];
      return run(program, words, {
        env: { ...process.env, HOME: dir.path, D: '/usr/bin/docker', DOCKER_CONFIG: '/nonexistent', ...environment },
      });
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}
