// A PostgreSQL server of the test's own: its own data directory, a unix socket only, ended with the test.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, run, startProcess, until } from '@dockledger/testkit';

/** A running server. */
export interface TestPostgres extends AsyncDisposable {
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>;
}

const packages = '/usr/lib/postgresql';

/** Starts Debian's PostgreSQL. As root it runs as the user `postgres`, because the server refuses root. */
export async function startPostgres(): Promise<TestPostgres> {
  const [version] = (await readdir(packages)).toSorted((a, b) => Number(b) - Number(a));
  const bin = join(packages, version ?? '', 'bin');
  const directory = await createTempDir('dl-pg-');
  const isRoot = process.getuid?.() === 0;
  const as = (program: string, args: readonly string[]) =>
    isRoot
      ? (['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', join(bin, program), ...args]] as const)
      : ([join(bin, program), args] as const);
  if (isRoot) await run('chown', ['postgres:postgres', directory.path]);
  const data = join(directory.path, 'data');
  const options = { cwd: '/', env: { ...process.env, LC_ALL: 'C' } };
  const made = await run(...as('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '-N']), options);
  if (made.code !== 0) throw new Error(made.stderr);
  const server = await startProcess(
    ...as('postgres', ['-D', data, '-k', directory.path, '-c', 'listen_addresses=', '-c', 'fsync=off']),
    options,
  );
  const psql = (sql: string) =>
    run(join(bin, 'psql'), ['-h', directory.path, '-U', 'postgres', '-qAtc', sql, 'postgres'], options);
  await until('PostgreSQL answers', async () => (await psql('select 1')).code === 0, { withinMs: 60_000 });
  let databases = 0;
  return {
    createDatabase: async () => {
      const name = `test_${++databases}`;
      const created = await psql(`create database ${name}`);
      if (created.code !== 0) throw new Error(created.stderr);
      return `postgres://postgres@localhost/${name}?host=${encodeURIComponent(directory.path)}`;
    },
    [Symbol.asyncDispose]: async () => {
      // SIGINT: PostgreSQL's fast shutdown.
      await server.end('SIGINT');
      await directory[Symbol.asyncDispose]();
    },
  };
}
