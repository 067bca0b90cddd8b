// The only fetch of the page. Sends the session's cookie, keeps answers out of caches, and turns every failure into one of a few kinds
// with a sentence for people: what happened, what still works, what to do.
import { signal } from '@preact/signals';

/** Why a call failed. `offline`: no answer at all; `unauthenticated`: sign in again; the rest as the Console said. */
export type FailureKind =
  | 'offline'
  | 'unauthenticated'
  | 'forbidden'
  | 'conflict'
  | 'not-found'
  | 'rejected'
  | 'failed';

/** A failed call. `message` is for people. */
export class ApiFailure extends Error {
  readonly kind: FailureKind;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(kind: FailureKind, status: number, message: string, requestId?: string) {
    super(message);
    this.name = 'ApiFailure';
    this.kind = kind;
    this.status = status;
    this.requestId = requestId;
  }
}

/** Grows each time the Console answered that nobody is signed in; the session state watches it. */
export const refusals = signal(0);

/** Options of one call. `body` is sent as JSON. */
export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** False for the sign-in call itself, whose 401 means a wrong password. Defaults to true. */
  readonly expectsSession?: boolean;
}

const kinds: Readonly<Record<number, FailureKind>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  412: 'conflict',
};

const fallbacks: Readonly<Record<FailureKind, string>> = {
  offline: 'The Console does not answer. What is shown stays; it will be tried again.',
  unauthenticated: 'The session has ended. Sign in again; your filter is kept.',
  forbidden: 'Your role may not see this. Ask an administrator for a role that does.',
  conflict: 'Somebody else changed this in the meantime.',
  'not-found': 'This is not there, or no longer.',
  rejected: 'The Console did not understand the question.',
  failed: 'The Console could not answer. What is shown stays; try again.',
};

async function toFailure(response: Response): Promise<ApiFailure> {
  const kind = kinds[response.status] ?? (response.status >= 500 ? 'failed' : 'rejected');
  let message = '';
  let requestId: string | undefined;
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) {
      if ('message' in body && typeof body.message === 'string') message = body.message;
      else if ('err' in body && typeof body.err === 'string') message = body.err;
      if ('requestId' in body && typeof body.requestId === 'string') requestId = body.requestId;
    }
  } catch {
    // Deliberately ignored: a proxy's error page is no JSON, and the fallback sentence says what matters.
  }
  return new ApiFailure(kind, response.status, message === '' ? fallbacks[kind] : message, requestId);
}

/** Sends one call and gives the raw answer. Throws {@link ApiFailure} for anything but 2xx; an abort throws the AbortError as it is. */
export async function send(path: string, options: CallOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? 'GET',
      headers,
      cache: 'no-store',
      credentials: 'same-origin',
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new ApiFailure('offline', 0, fallbacks.offline);
  }
  if (response.ok) return response;
  const failure = await toFailure(response);
  if (failure.kind === 'unauthenticated' && options.expectsSession !== false) refusals.value += 1;
  throw failure;
}

/** Sends one call and reads its JSON. The type is the contract's word for what that route answers. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(path, options);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new ApiFailure('failed', response.status, 'The answer of the Console was cut off or is no JSON. Try again.');
  }
}

/** True for the error of a call that was given up because something newer replaced it. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any error as a failure that can be shown. */
export function toShownFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure('failed', 0, error instanceof Error ? error.message : String(error));
}
