// `dockledger user …`: personal certificates for remote Docker access: made, listed and revoked.
// Invariant: a key is written once, with mode 0600, into a directory that did not hold one.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '@dockledger/contract';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';

/** Options of `user cert`. */
export const userOptions: readonly string[] = ['--groups', '--days', '--out', '--docker-host'];

const path = '/api/dockledger/v1/user-certificates';
const usage =
  'Write `dockledger user cert NAME [--groups a,b] [--days 365] [--out DIR] [--docker-host host:9998]`, `dockledger user certs` or `dockledger user revoke SERIAL`.';

interface Listed {
  readonly serialNumber: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

interface Made extends Listed {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly shell: string;
}

/** Runs one of the three. `words` stand behind `user`. Throws `bad_setting` with the usage. */
export async function userCommand(request: {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly openConsole: () => Promise<ConsoleClient>;
}): Promise<number> {
  const [verb = '', name, ...surplus] = request.words;
  if (surplus.length > 0) throw new AppError('bad_setting', usage);
  if (verb === 'cert' && name !== undefined) return makeCertificate(name, request);
  if (verb === 'certs' && name === undefined) {
    const { certificates } = await (await request.openConsole()).json<{ certificates: readonly Listed[] }>(path);
    if (request.json) console.log(JSON.stringify({ certificates }));
    else for (const each of certificates) console.log(toLine(each));
    return exitCode.ok;
  }
  if (verb === 'revoke' && name !== undefined) {
    const client = await request.openConsole();
    const revoked = await client.json<Listed>(`${path}/${encodeURIComponent(name)}`, 'DELETE');
    console.log(request.json ? JSON.stringify(revoked) : toLine(revoked));
    return exitCode.ok;
  }
  throw new AppError('bad_setting', usage);
}

function toLine({ serialNumber, user, groups, expiresAt, revokedAt }: Listed): string {
  const state = revokedAt === undefined ? `good until ${expiresAt}` : `revoked ${revokedAt}`;
  return `${serialNumber}  ${user}  ${groups.join(',') || '-'}  ${state}`;
}

async function makeCertificate(
  user: string,
  { options, json, openConsole }: Pick<Parameters<typeof userCommand>[0], 'options' | 'json' | 'openConsole'>,
): Promise<number> {
  const days = options.get('--days');
  if (days !== undefined && !/^\d{1,4}$/.test(days))
    throw new AppError('bad_setting', `Option --days is "${days}": write a number of days.`);
  const groups = (options.get('--groups') ?? '').split(',').filter((group) => group !== '');
  const dockerHost = options.get('--docker-host');
  const made = await (await openConsole()).json<Made>(`${path}?format=json`, 'POST', {
    user,
    groups,
    ...(days !== undefined && { days: Number(days) }),
    ...(dockerHost !== undefined && { dockerHost }),
  });
  // The Console has checked the name: it holds no slash.
  const directory = resolve(options.get('--out') ?? `docker-${made.user}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await writeFile(join(directory, 'key.pem'), made.key, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new AppError(
      'bad_setting',
      `${join(directory, 'key.pem')} cannot be written (${reason}). Choose another directory with --out; the certificate ${made.serialNumber} was made and can be revoked.`,
    );
  }
  await writeFile(join(directory, 'cert.pem'), made.certificate);
  await writeFile(join(directory, 'ca.pem'), made.ca);
  const shell = made.shell.replace('"$PWD"', JSON.stringify(directory));
  if (json) {
    const { ca: _ca, certificate: _certificate, key: _key, shell: _shell, ...facts } = made;
    console.log(JSON.stringify({ ...facts, directory }));
  } else {
    console.log(
      `The certificate of ${made.user} is in ${directory}; it is ${toLine(made)}.\nPut into the shell:\n\n${shell}`,
    );
  }
  return exitCode.ok;
}
