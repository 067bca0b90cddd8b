// Signing in, staying signed in, and finding out who is. The session is an HttpOnly cookie that scripts cannot read;
// this page never holds a token.
import { call, send } from './client.ts';

/** Who is signed in, as the Console says it. */
export interface SessionView {
  readonly username: string;
  /** For instance `admin`, `operator`, `auditor`. */
  readonly role?: string;
  /** RFC 3339. Absent when the session does not end by itself. */
  readonly expiresAt?: string;
}

const sessionPath = '/api/dockledger/v1/session';

/** Opens a session. Throws `unauthenticated` for a wrong name or password. */
export function openSession(username: string, password: string): Promise<SessionView> {
  return call(sessionPath, { method: 'POST', body: { username, password }, expectsSession: false });
}

/** Prolongs the session. */
export function renewSession(): Promise<SessionView> {
  return call(`${sessionPath}/renew`, { method: 'POST' });
}

/** The session of this browser, for instance after a reload. Throws `unauthenticated` when there is none. */
export function loadSession(): Promise<SessionView> {
  return call(sessionPath, { expectsSession: false });
}

/** Ends the session everywhere. */
export async function closeSession(): Promise<void> {
  await send(sessionPath, { method: 'DELETE', expectsSession: false });
}
