// Adding or changing one user.
import { useState } from 'preact/hooks';
import { type Role, saveUser, type User } from '../../api/users.ts';
import { FormDialog } from '../../components/form-dialog.tsx';
import { toVisibleText } from '../../lib/visible-text.ts';

interface Props {
  /** Undefined for a new one. */
  readonly user: User | undefined;
  readonly roles: readonly Role[];
  readonly collections: readonly string[];
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

function toGrants(role: Role | undefined): string {
  const perms = role?.perms ?? [];
  const changes = perms.filter(({ readWrite }) => readWrite === true).length;
  if (perms.length === 0) return 'Grants nothing but signing in.';
  return `${perms.length} permissions, ${changes} of them to change things.`;
}

/** The form. */
export function UserForm({ user, roles, collections, onSaved, onClose }: Props) {
  const [username, setUsername] = useState(user?.username ?? '');
  const [role, setRole] = useState(user?.role ?? 'auditor');
  const [password, setPassword] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>(user?.collections ?? []);
  const offered = [...new Set([...collections.filter((name) => name !== 'All'), ...chosen])];
  return (
    <FormDialog
      title={user === undefined ? 'New user' : `User ${toVisibleText(user.username)}`}
      onSave={async () => {
        await saveUser({ username: username.trim(), role, collections: chosen }, password, user === undefined);
        onSaved();
      }}
      onClose={onClose}
    >
      {user === undefined && (
        <label>
          Name
          <input
            type="text"
            required
            maxLength={256}
            autocomplete="off"
            value={username}
            onInput={(event) => setUsername(event.currentTarget.value)}
          />
        </label>
      )}
      <label>
        Role
        <select value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {roles.map(({ name, description }) => (
            <option key={name} value={name}>
              {description === undefined || description === '' ? name : description}
            </option>
          ))}
        </select>
        <span class="hint">{toGrants(roles.find(({ name }) => name === role))}</span>
      </label>
      <label>
        {user === undefined ? 'Password' : 'New password'}
        <input
          type="password"
          required={user === undefined}
          minLength={12}
          maxLength={1024}
          autocomplete="new-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        <span class="hint">
          {user === undefined
            ? 'At least 12 characters.'
            : 'Leave empty to keep the old one. A new one ends all sessions.'}
        </span>
      </label>
      {offered.length > 0 && (
        <fieldset>
          <legend>Sees only events of</legend>
          {offered.map((name) => (
            <label key={name} class="check">
              <input
                type="checkbox"
                checked={chosen.includes(name)}
                onChange={(event) =>
                  setChosen(event.currentTarget.checked ? [...chosen, name] : chosen.filter((other) => other !== name))
                }
              />
              {toVisibleText(name)}
            </label>
          ))}
          <span class="hint">None chosen: everything. Administrators and operators always see everything.</span>
        </fieldset>
      )}
    </FormDialog>
  );
}
