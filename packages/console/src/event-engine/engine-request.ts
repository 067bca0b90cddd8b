// Turns one HTTP request of the ClickHouse client into a statement, its settings and its bound values.
// Reads, inserts and everything else are told apart here, because only reads run in a read-only session.
import type { EngineLimits } from './engine-protocol.ts';

/** One statement to run. */
export type EngineStatement =
  | {
      readonly kind: 'read';
      readonly sql: string;
      readonly format: string;
      readonly settings: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'command'; readonly sql: string; readonly settings: ReadonlyMap<string, string> }
  | {
      readonly kind: 'insert';
      readonly table: string;
      readonly columns: readonly string[];
      readonly payload: Buffer;
      readonly settings: ReadonlyMap<string, string>;
    };

/** A request that is refused before the engine sees it, with the code that ClickHouse would give. */
export class EngineRequestError extends Error {
  readonly engineCode: number;
  readonly engineName: string;

  constructor(engineCode: number, engineName: string, message: string) {
    super(message);
    this.name = 'EngineRequestError';
    this.engineCode = engineCode;
    this.engineName = engineName;
  }
}

// Parameters of the interface itself, or of its transport: not settings of the statement.
const transportParameters = new Set([
  'query',
  'query_id',
  'database',
  'session_id',
  'role',
  'default_format',
  'enable_http_compression',
  'wait_end_of_query',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
]);
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const insertPattern = /^\s*INSERT\s+INTO\s+([A-Za-z_][\w.]*)\s*(?:\(([^()]*)\))?\s*FORMAT\s+JSONEachRow\s*$/i;
const readPattern = /^\s*(?:SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)\b/i;
const formatPattern = /\bFORMAT\s+([A-Za-z]+)\s*;?\s*$/i;

/** Reads a request: `search` as in the URL, `body` as sent. Throws {@link EngineRequestError}. */
export function parseEngineRequest(search: URLSearchParams, body: Buffer, limits: EngineLimits): EngineStatement {
  const settings = new Map<string, string>([
    ['max_memory_usage', String(limits.maxQueryMemoryBytes)],
    ['max_bytes_before_external_sort', String(Math.floor(limits.maxQueryMemoryBytes / 3))],
    ['max_bytes_before_external_group_by', String(Math.floor(limits.maxQueryMemoryBytes / 3))],
    ['max_threads', String(limits.maxThreads)],
    ['max_execution_time', String(limits.maxStatementSeconds)],
    // On by default in this version: an insert would be acknowledged before it is written.
    ['async_insert', '0'],
  ]);
  for (const [name, value] of search) {
    if (transportParameters.has(name)) continue;
    if (!identifier.test(name) || name === 'readonly' || name === 'log_comment') {
      throw new EngineRequestError(115, 'UNKNOWN_SETTING', `The setting "${name.slice(0, 80)}" may not be set.`);
    }
    settings.set(name, value);
  }
  const inUrl = search.get('query');
  if (inUrl !== null && body.length > 0) return parseInsert(inUrl, body, settings);
  const sql = inUrl ?? body.toString('utf8');
  if (sql.trim() === '') throw new EngineRequestError(62, 'SYNTAX_ERROR', 'Empty query.');
  // A read-only session still lets a SELECT write its result to a file.
  if (/outfile/i.test(sql)) throw new EngineRequestError(164, 'READONLY', 'Results go to the client, never to a file.');
  if (!readPattern.test(sql)) return { kind: 'command', sql, settings };
  return { kind: 'read', sql, format: formatPattern.exec(sql)?.[1] ?? 'TabSeparated', settings };
}

function parseInsert(sql: string, payload: Buffer, settings: ReadonlyMap<string, string>): EngineStatement {
  const match = insertPattern.exec(sql);
  if (match?.[1] === undefined) {
    throw new EngineRequestError(
      62,
      'SYNTAX_ERROR',
      'Data may follow only INSERT INTO table [(columns)] FORMAT JSONEachRow.',
    );
  }
  const columns = (match[2] ?? '')
    .split(',')
    .map((column) => column.trim().replaceAll('`', ''))
    .filter((column) => column !== '');
  return { kind: 'insert', table: match[1], columns, payload, settings };
}

/** The one SET statement that prepares a session: settings and bound values, then read-only when asked, which must come last. */
export function toSetStatement(settings: ReadonlyMap<string, string>, logComment: string, isReadOnly: boolean): string {
  const parts = [...settings].map(([name, value]) => `${name} = ${quoteSql(value)}`);
  parts.push(`log_comment = ${quoteSql(logComment)}`);
  if (isReadOnly) parts.push('readonly = 1');
  return `SET ${parts.join(', ')}`;
}

/** A string as an SQL literal, safe for every character. */
export function quoteSql(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\u0000', '\\0')}'`;
}
