// What ClickHouse's and the connection's failures mean to callers of the store. The one place where they are told apart.
import { ClickHouseError } from '@clickhouse/client';
import { AppError, type ErrorCode } from '@dockledger/contract';

const codeByEngineCode: Readonly<Record<string, ErrorCode>> = {
  '159': 'timeout',
  '160': 'timeout',
  '394': 'timeout',
  '241': 'too_large',
  '307': 'too_large',
  '243': 'disk_full',
  '516': 'store_unavailable',
};

const sentences: Readonly<Partial<Record<ErrorCode, string>>> = {
  timeout: 'The search took longer than it may, or was given up. Narrow the time range or the filter.',
  too_large: 'The search needs more memory than it may have. Narrow the time range or the filter.',
  disk_full: 'The event store cannot write: its disk is full. The ledger keeps every event until there is room again.',
  store_unavailable: 'The event store does not answer. It is retried; nothing is lost.',
  internal: 'The event store refused a statement.',
};

/** The failure as callers of the port know it. */
export function toStoreError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code =
    error instanceof ClickHouseError
      ? (codeByEngineCode[error.code] ?? 'internal')
      : isAbort(error)
        ? 'timeout'
        : 'store_unavailable';
  return new AppError(code, sentences[code] ?? 'The event store failed.', { cause: error });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.message === 'The user aborted a request.');
}
