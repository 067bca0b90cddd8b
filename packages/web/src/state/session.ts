// Who is signed in. An ended session keeps the page as it is and asks for the password over it, so that no filter is lost.
import { effect, signal } from '@preact/signals';
import { type ApiFailure, refusals, toShownFailure } from '../api/client.ts';
import { closeSession, loadSession, openSession, renewSession, type SessionView } from '../api/session.ts';

/** `unknown` until the Console answered once; `ended` when a session ran out under an open page. */
export type Session =
  | { readonly state: 'unknown'; readonly failure?: ApiFailure }
  | { readonly state: 'signed-out' }
  | { readonly state: 'signed-in'; readonly username: string; readonly role: string }
  | { readonly state: 'ended'; readonly username: string; readonly role: string };

/** The session in force. */
export const session = signal<Session>({ state: 'unknown' });

/** Grows with every sign-in; whatever loads data loads it again when this changes. */
export const sessionNumber = signal(0);

const longestTimerMs = 2_000_000_000;
const retryMs = 2000;
let renewal = 0;

function scheduleRenewal({ expiresAt }: SessionView): void {
  window.clearTimeout(renewal);
  if (expiresAt === undefined) return;
  const halfLifeMs = (Date.parse(expiresAt) - Date.now()) / 2;
  renewal = window.setTimeout(() => void renew(), Math.min(Math.max(halfLifeMs, 1000), longestTimerMs));
}

async function renew(): Promise<void> {
  try {
    scheduleRenewal(await renewSession());
  } catch (error) {
    // An ended session is noticed by the call itself; anything else is tried again before the session ends.
    if (toShownFailure(error).kind !== 'unauthenticated') renewal = window.setTimeout(() => void renew(), 30_000);
  }
}

function enter(view: SessionView): void {
  scheduleRenewal(view);
  session.value = { state: 'signed-in', username: view.username, role: view.role ?? '' };
  sessionNumber.value += 1;
}

/** Signs in. Throws what went wrong for the form to show. */
export async function signIn(username: string, password: string): Promise<void> {
  enter(await openSession(username, password));
}

/** Ends the session. The page forgets it even when the Console does not answer. */
export async function signOut(): Promise<void> {
  window.clearTimeout(renewal);
  try {
    await closeSession();
  } catch {
    // Deliberately ignored: the cookie ends by itself, and the reader asked to be gone.
  }
  session.value = { state: 'signed-out' };
}

/** Finds out whether a session is open; goes on asking while the Console does not answer. */
export async function resumeSession(): Promise<void> {
  try {
    enter(await loadSession());
  } catch (error) {
    const failure = toShownFailure(error);
    if (failure.kind === 'offline' || failure.kind === 'failed') {
      session.value = { state: 'unknown', failure };
      window.setTimeout(() => void resumeSession(), retryMs);
    } else {
      session.value = { state: 'signed-out' };
    }
  }
}

effect(() => {
  const before = session.peek();
  if (refusals.value > 0 && before.state === 'signed-in') session.value = { ...before, state: 'ended' };
});
