// The sign-in form: a page of its own, or over a page whose session ended, which stays as it was behind it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { toShownFailure } from '../api/client.ts';
import { session, signIn } from '../state/session.ts';
import { Brand } from './brand.tsx';
import { Icon } from './icon.tsx';

/** The form. `isOverPage`: a dialog that keeps the page under it. */
export function SignIn({ isOverPage }: { readonly isOverPage: boolean }) {
  const known = session.value.state === 'ended' ? session.value.username : '';
  const [username, setUsername] = useState(known);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const first = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isOverPage) dialog.current?.showModal();
    (known === '' ? first : secret).current?.focus();
  }, [isOverPage]);
  const submit = async (event: Event) => {
    event.preventDefault();
    setIsBusy(true);
    setProblem('');
    try {
      await signIn(username, password);
    } catch (error) {
      const failure = toShownFailure(error);
      setProblem(failure.kind === 'unauthenticated' ? 'Name or password is wrong.' : failure.message);
      setPassword('');
      secret.current?.focus();
    } finally {
      setIsBusy(false);
    }
  };
  const form = (
    <form class="sign-in" onSubmit={(event) => void submit(event)}>
      <Brand />
      <p class="muted">
        {isOverPage
          ? 'The session has ended. Sign in again; the page and its filter stay.'
          : 'Who did what to Docker, on the record.'}
      </p>
      <label>
        User name
        <input
          ref={first}
          name="username"
          autocomplete="username"
          autocapitalize="off"
          spellcheck={false}
          required
          value={username}
          onInput={(event) => setUsername(event.currentTarget.value)}
        />
      </label>
      <label>
        Password
        <input
          ref={secret}
          name="password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <div class="sign-in-problem" role="alert">
        {problem !== '' && (
          <>
            <Icon name="failed" /> {problem}
          </>
        )}
      </div>
      <button type="submit" class="button button-primary" disabled={isBusy}>
        {isBusy ? 'Signing in…' : 'Sign in'}
      </button>
      {!isOverPage && (
        <p class="hint">
          First time: the user is <code>admin</code>, the password was printed at the first start and is kept in{' '}
          <code>initial-admin-password</code> in the data directory.
        </p>
      )}
    </form>
  );
  if (!isOverPage) return <main class="sign-in-page">{form}</main>;
  return (
    <dialog ref={dialog} class="dialog" aria-label="Sign in again" onCancel={(event) => event.preventDefault()}>
      {form}
    </dialog>
  );
}
