// The running Console of a data directory, as commands on the same machine reach it: address and authority from its files,
// the administrator's password from the settings or from the file that the first start wrote.
import { readFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract';
import { readEndpoints } from './endpoints-file.ts';

/** Who signs in. Without a password the one in `<data>/initial-admin-password` is tried. */
export interface Credentials {
  readonly username: string;
  readonly password?: string | undefined;
}

/** Sends requests to one Console. */
export interface ConsoleClient {
  readonly url: string;
  /** Headers that sign in. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM of the authority that signed the Console's certificate, when known. */
  readonly ca: string | undefined;
  /** The bytes of an answer with status 200, undefined for 404. Throws `unavailable`, `unauthenticated` or `forbidden` with the Console's sentence. */
  bytes(path: string): Promise<Buffer | undefined>;
  /** The parsed answer, null for an empty one. Throws as {@link ConsoleClient.bytes}, also for 404. */
  json<T>(path: string, method?: 'GET' | 'POST' | 'PUT' | 'DELETE', body?: object): Promise<T>;
}

/** The client of the Console that runs on this data directory, or undefined when none runs. Throws `unauthenticated` when no password is known. */
export async function findConsole(dataDir: string, credentials: Credentials): Promise<ConsoleClient | undefined> {
  const endpoints = await readEndpoints(dataDir);
  if (endpoints?.console == null) return undefined;
  const ca = endpoints.caFile === null ? undefined : await readFile(endpoints.caFile, 'utf8');
  return createConsoleClient({ url: endpoints.console, ca, dataDir, credentials });
}

/** A client for a Console by URL. */
export async function createConsoleClient(options: {
  readonly url: string;
  readonly ca: string | undefined;
  readonly dataDir: string;
  readonly credentials: Credentials;
}): Promise<ConsoleClient> {
  const { url, ca, dataDir, credentials } = options;
  const file = join(dataDir, 'initial-admin-password');
  const password = credentials.password ?? (await readFile(file, 'utf8').catch(() => '')).trim();
  if (password === '') {
    throw new AppError(
      'unauthenticated',
      `No password is known: set DOCKLEDGER_ADMIN_USER and DOCKLEDGER_ADMIN_PASSWORD. There is no ${file}.`,
    );
  }
  const headers = {
    authorization: `Basic ${Buffer.from(`${credentials.username}:${password}`).toString('base64')}`,
  };
  const client: ConsoleClient = {
    url,
    headers,
    ca,
    bytes: async (path) => {
      const answer = await send(new URL(path, url), { ca, headers, method: 'GET' });
      if (answer.status === 404) return undefined;
      return checked(url, answer);
    },
    json: async <T>(path: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'GET', sent?: object) => {
      const more = sent === undefined ? {} : { 'content-type': 'application/json' };
      const content = sent === undefined ? undefined : JSON.stringify(sent);
      const answer = await send(new URL(path, url), { ca, headers: { ...headers, ...more }, method, content });
      const body = checked(url, answer);
      // Compatible routes answer a change with no body.
      return JSON.parse(body.toString('utf8') || 'null') as T;
    },
  };
  return client;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

function checked(url: string, { status, body }: Answer): Buffer {
  if (status === 200 || status === 201) return body;
  const sentence = /"(?:message|err)":"((?:[^"\\]|\\.)*)"/.exec(body.toString('utf8'))?.[1] ?? 'no reason given';
  const code = status === 401 ? 'unauthenticated' : status === 403 ? 'forbidden' : 'unavailable';
  throw new AppError(code, `${url} answers ${status}: ${sentence}`);
}

function send(
  url: URL,
  options: {
    readonly ca: string | undefined;
    readonly headers: OutgoingHttpHeaders;
    readonly method: string;
    readonly content?: string | undefined;
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { ca, content, ...rest } = options;
    const fail = (error: Error) =>
      reject(new AppError('unavailable', `${url.origin}: ${error.message}`, { cause: error }));
    const outgoing = request(url, { ...rest, ...(ca !== undefined && { ca }), timeout: 60_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', fail);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 60 s')));
    outgoing.on('error', fail);
    outgoing.end(content);
  });
}
