// `<data>/endpoints.json`: says where everything listens, exactly while it does. Written by rename, removed at start and stop.
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, Endpoints } from '@dockledger/contract';
import { Value } from 'typebox/value';

const fileOf = (dataDir: string) => join(dataDir, 'endpoints.json');

/** Makes the data directory (mode 0711: the way to the proxy's socket can be walked, nothing can be listed) and removes a stale file. */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o711 });
    // Other users must be able to walk through to the proxy's socket; every secret below has a mode of its own.
    const { mode } = await stat(dataDir);
    if ((mode & 0o011) !== 0o011) await chmod(dataDir, (mode & 0o777) | 0o011);
    const probe = join(dataDir, `.write-probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new AppError(
      'bad_setting',
      `The data directory ${dataDir} cannot be written (${reason}). Choose another with --data-dir or mend its rights.`,
    );
  }
  await rm(fileOf(dataDir), { force: true });
}

/** Tells the world that everything listens. */
export async function writeEndpoints(dataDir: string, endpoints: Endpoints): Promise<void> {
  const path = fileOf(dataDir);
  await writeFile(`${path}.tmp`, `${JSON.stringify(endpoints, null, 2)}\n`, { mode: 0o644 });
  await rename(`${path}.tmp`, path);
}

/** Removes the file; harmless when there is none. */
export async function removeEndpoints(dataDir: string): Promise<void> {
  await rm(fileOf(dataDir), { force: true });
}

/** Reads the file. Undefined when nothing runs on this data directory, or when the file is older than a crash. */
export async function readEndpoints(dataDir: string): Promise<Endpoints | undefined> {
  let text: string;
  try {
    text = await readFile(fileOf(dataDir), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const endpoints: unknown = JSON.parse(text);
    return Value.Check(Endpoints, endpoints) && isAlive(endpoints.pid) ? endpoints : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
