// `dockledger backup` and `restore`: the control data of a running Console as a file, and back.
// Invariant: the file holds password hashes, so it is made with mode 0600 and never written over another.
import { open, readFile, rm } from 'node:fs/promises';
import { AppError } from '@dockledger/contract';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';

/** Options of both. */
export const backupOptions: readonly string[] = ['--to', '--from'];

const path = '/api/dockledger/v1/control-backup';

/** What to do, and with which file. */
export interface BackupRequest {
  readonly verb: 'backup' | 'restore';
  readonly options: ReadonlyMap<string, string>;
  readonly json: boolean;
  readonly openConsole: () => Promise<ConsoleClient>;
}

/** Runs one of the two. Throws `bad_setting` without a file, or when `--to` names one that exists. */
export async function backupCommand({ verb, options, json, openConsole }: BackupRequest): Promise<number> {
  const option = verb === 'backup' ? '--to' : '--from';
  const file = options.get(option);
  if (file === undefined) throw new AppError('bad_setting', `Say which file: \`dockledger ${verb} ${option} FILE\`.`);
  if (verb === 'backup') {
    const handle = await openNew(file);
    try {
      const backup = await (await openConsole()).json<object>(path);
      await handle.writeFile(`${JSON.stringify(backup)}\n`);
      await handle.sync();
    } catch (error) {
      // An empty file must not pass for a backup.
      await rm(file, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } else {
    await (await openConsole()).json(path, 'PUT', await readBackup(file));
  }
  const sentence =
    verb === 'backup'
      ? `Control data written to ${file}. It holds password hashes: keep it as safe as the Console itself.`
      : `Control data restored from ${file}. Everybody has to sign in again.`;
  console.log(json ? JSON.stringify({ verb, file }) : sentence);
  return exitCode.ok;
}

async function openNew(file: string) {
  try {
    return await open(file, 'wx', 0o600);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new AppError('bad_setting', `Option --to is "${file}", which cannot be made (${reason}).`);
  }
}

async function readBackup(file: string): Promise<object> {
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'it is no JSON';
    throw new AppError('bad_setting', `Option --from is "${file}", which cannot be read (${reason}).`);
  }
  throw new AppError('bad_setting', `Option --from is "${file}", which is no backup.`);
}
