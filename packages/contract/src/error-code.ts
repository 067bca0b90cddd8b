// The closed list of error codes and the one error class that callers are meant to handle.
// Every code maps to exactly one HTTP status here and nowhere else.

/** HTTP status per error code. Exhaustive: adding a code without a status does not compile. */
export const httpStatusByErrorCode = {
  bad_request: 400,
  bad_parameter: 400,
  bad_setting: 400,
  unauthenticated: 401,
  forbidden: 403,
  defender_revoked: 403,
  not_found: 404,
  unknown_version: 404,
  method_not_allowed: 405,
  conflict: 409,
  sequence_mismatch: 409,
  forked: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  bad_record: 422,
  bad_rule: 422,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
  engine_unavailable: 503,
  store_unavailable: 503,
  spool_full: 503,
  journal_full: 503,
  journal_closed: 503,
  journal_failed: 503,
  disk_full: 503,
  ledger_corrupt: 500,
  ledger_failed: 503,
  ledger_closed: 503,
  journal_corrupt: 500,
  protocol_mismatch: 426,
  timeout: 504,
} as const;

/** What went wrong, for programs. Sentences are for people and may change; codes do not. */
export type ErrorCode = keyof typeof httpStatusByErrorCode;

/** The only error a caller is meant to handle. The message names the thing, the value and the way out, never a secret. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** Facts for programs, for instance the parameter's name or the expected sequence number. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
  }

  /** The HTTP status that answers this error. */
  get status(): number {
    return httpStatusByErrorCode[this.code];
  }
}

/** True when `error` is an {@link AppError}, with that code when one is given. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
