// The Console that a command was told to ask: by options, else the one of the data directory; and its live stream.
// Invariant: a password never appears in an error.
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { AppError } from '@dockledger/contract';
import { type ConsoleClient, type Credentials, createConsoleClient, findConsole } from './console-client.ts';

/** Options that name a Console and a user, each command's own. */
export const consoleOptions: readonly string[] = ['--console', '--ca', '--user-name', '--password-file'];

async function readOption(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new AppError('bad_setting', `Option ${option} is "${path}", which cannot be read (${reason}).`);
  }
}

/** The client. `credentials` are those by setting; options win. Throws `unavailable` when no Console is named and none runs here. */
export async function openNamedConsole(
  dataDir: string,
  options: ReadonlyMap<string, string>,
  credentials: Credentials,
): Promise<ConsoleClient> {
  const passwordFile = options.get('--password-file');
  const password =
    passwordFile === undefined
      ? credentials.password
      : (await readOption('--password-file', passwordFile)).replace(/\r?\n$/, '');
  const named: Credentials = {
    username: options.get('--user-name') ?? credentials.username,
    ...(password !== undefined && { password }),
  };
  const url = options.get('--console');
  if (url !== undefined) {
    const caFile = options.get('--ca');
    const ca = caFile === undefined ? undefined : await readOption('--ca', caFile);
    return createConsoleClient({ url, ca, dataDir, credentials: named });
  }
  const found = await findConsole(dataDir, named);
  if (found === undefined) {
    throw new AppError(
      'unavailable',
      `No Console runs on ${dataDir}. Start it, or name one with --console https://host:8083 and --ca its ca.pem.`,
    );
  }
  return found;
}

/** Follows a stream of server-sent events until it ends or `signal` aborts; `onData` gets each event's data. Throws `unavailable`. */
export function followStream(
  { url, headers, ca }: ConsoleClient,
  path: string,
  onData: (data: string) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      signal.aborted ? resolve() : reject(new AppError('unavailable', `The stream of ${url} broke: ${error.message}`));
    const options = { headers, agent: false, signal, ...(ca !== undefined && { ca }) } as const;
    const outgoing = request(new URL(path, url), options, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        const isLater = (answer.statusCode ?? 0) >= 500;
        reject(
          new AppError(isLater ? 'unavailable' : 'bad_request', `${url} answers ${answer.statusCode} to ${path}.`),
        );
        return;
      }
      let pending = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const lines = (pending + chunk).split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data: ')) onData(line.slice(6));
      });
      answer.on('error', fail);
      answer.on('end', resolve);
    });
    outgoing.on('error', fail);
    outgoing.end();
  });
}
