// Serves the subset of ClickHouse's HTTP interface that @clickhouse/client uses, from one embedded engine.
// Every request has a session of its own, reads are read-only, a client that leaves ends its read in the engine.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createGunzip } from 'node:zlib';
import type { Session } from 'chdb';
import { type EngineChildSettings, engineDatabase, engineUser, parallelWrites } from './engine-protocol.ts';
import {
  EngineRequestError,
  type EngineStatement,
  parseEngineRequest,
  quoteSql,
  toSetStatement,
} from './engine-request.ts';
import { insertPayloadFault } from './insert-guard.ts';
import { Lane } from './lane.ts';

const maxBodyBytes = 256 * 1024 ** 2;
// Bound values come in the URL: a filter may name thousands.
const maxHeadBytes = 16 * 1024 ** 2;

/** The server, not listening yet. `openSession` gives a new session on the one data directory; the server closes it. */
export function createEngineServer(settings: EngineChildSettings, openSession: () => Session): Server {
  const reads = new Lane(settings.limits.maxParallelReads);
  const writes = new Lane(parallelWrites);
  const expected = digest(`Basic ${Buffer.from(`${engineUser}:${settings.secret}`).toString('base64')}`);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://engine');
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      throw new EngineRequestError(516, 'AUTHENTICATION_FAILED', `${engineUser}: Authentication failed.`);
    }
    if (url.pathname === '/ping') {
      response.end('Ok.\n');
      return;
    }
    const statement = parseEngineRequest(url.searchParams, await readBody(request), settings.limits);
    const lane = statement.kind === 'read' ? reads : writes;
    await lane.run(() => runStatement(statement, response, openSession));
  };

  return createServer(
    { requestTimeout: 0, keepAliveTimeout: 60_000, maxHeaderSize: maxHeadBytes },
    (request, response) => {
      handle(request, response).catch((error: unknown) => answerError(response, error));
    },
  );
}

async function runStatement(
  statement: EngineStatement,
  response: ServerResponse,
  openSession: () => Session,
): Promise<void> {
  if (response.destroyed) return;
  using session = openSession();
  const logComment = randomBytes(12).toString('hex');
  const isRead = statement.kind === 'read';
  await session.queryAsync(`USE ${engineDatabase}`);
  const set = toSetStatement(statement.settings, logComment, isRead);
  // Bound values stand in this statement; beyond the engine's default length it must be told before.
  if (set.length > 100_000) await session.queryAsync(`SET max_query_size = ${maxHeadBytes * 2}`);
  await session.queryAsync(set);
  if (statement.kind === 'insert') {
    const fault = insertPayloadFault(statement.payload);
    if (fault !== undefined) throw new EngineRequestError(117, 'INCORRECT_DATA', `The insert is refused: ${fault}.`);
    await session.insert({
      table: statement.table,
      values: statement.payload,
      format: 'JSONEachRow',
      ...(statement.columns.length > 0 && { columns: statement.columns }),
    });
    response.end();
  } else if (statement.kind === 'command') {
    await session.queryAsync(statement.sql);
    response.end();
  } else {
    // Only reads are ended when their client leaves: a write that the client gave up on is better done than half done.
    const onClose = (): void => void killStatement(openSession, logComment);
    response.once('close', onClose);
    try {
      await streamRead(session, statement.sql, statement.format, response);
    } finally {
      response.removeListener('close', onClose);
    }
  }
}

async function streamRead(session: Session, sql: string, format: string, response: ServerResponse): Promise<void> {
  const tag = randomBytes(8).toString('hex');
  response.setHeader('X-ClickHouse-Exception-Tag', tag);
  response.setHeader('X-ClickHouse-Format', format);
  try {
    for await (const chunk of session.queryStream(sql, { format })) {
      if (response.destroyed) return;
      if (!response.write(chunk.raw())) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    // The head is gone: the client finds the error at the end of the stream by its tag. The length counts the line break after the text.
    const text = errorText(error);
    const length = Buffer.byteLength(text) + 1;
    response.end(`\r\n__exception__\r\n${tag}\r\n${text}\n${length} ${tag}\r\n__exception__\r\n`);
  }
}

// Neither an abandoned request nor a closed session stops the engine; a kill from another session does. SYNC would never return.
async function killStatement(openSession: () => Session, logComment: string): Promise<void> {
  using session = openSession();
  await session
    .queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${quoteSql(logComment)} ASYNC`)
    .catch(() => undefined);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // A client that was set up for a server far away compresses what it inserts.
  const isCompressed = request.headers['content-encoding'] === 'gzip';
  const body: AsyncIterable<Buffer> = isCompressed ? request.pipe(createGunzip()) : request;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBodyBytes)
      throw new EngineRequestError(307, 'TOO_MANY_BYTES', `A request may have ${maxBodyBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const text = errorText(error);
  const code = /^Code: (\d+)/.exec(text)?.[1] ?? '1002';
  response.writeHead(code === '516' ? 401 : code === '62' || code === '117' ? 400 : 500, {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': code,
  });
  response.end(text);
}

/** The error as ClickHouse words it, so that the client finds code and name. */
function errorText(error: unknown): string {
  if (error instanceof EngineRequestError)
    return `Code: ${error.engineCode}. DB::Exception: ${error.message} (${error.engineName})`;
  const message = error instanceof Error ? error.message : String(error);
  const start = message.indexOf('Code: ');
  return start === -1 ? `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)` : message.slice(start);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
