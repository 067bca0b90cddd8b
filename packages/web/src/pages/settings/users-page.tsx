// Users: who may sign in, in which role, limited to what. The Console refuses what would lock everybody out.
import { useState } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { loadCollectionNames } from '../../api/collections.ts';
import { loadRoles, loadUsers, type Role, removeUser, type User } from '../../api/users.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toVisibleText } from '../../lib/visible-text.ts';
import { useResource } from '../../state/resource.ts';
import { SettingsTabs } from './settings-tabs.tsx';
import { UserForm } from './user-form.tsx';

async function loadPage(signal: AbortSignal) {
  const [users, roles, collections] = await Promise.all([
    loadUsers(signal),
    loadRoles(signal),
    loadCollectionNames(signal),
  ]);
  return { users, roles, collections };
}

function toRoleName(roles: readonly Role[], name: string): string {
  const role = roles.find((each) => each.name === name);
  return role?.description === undefined || role.description === '' ? name : role.description;
}

/** The page. */
export function UsersPage() {
  const { data, failure, retryAtMs, reload } = useResource('users', loadPage);
  const [edited, setEdited] = useState<User | 'new' | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const remove = async (username: string) => {
    setProblem('');
    try {
      await removeUser(username);
    } catch (error) {
      setProblem(toShownFailure(error).message);
    }
    reload();
  };
  return (
    <div class="page">
      <SettingsTabs />
      <PageHead
        title="Users"
        actions={
          <button type="button" class="button" disabled={data === undefined} onClick={() => setEdited('new')}>
            <Icon name="plus" /> New user
          </button>
        }
      >
        Who may sign in. A role says what they may do; collections limit which events they see.
      </PageHead>
      {failure !== undefined && <FailureNotice failure={failure} retryAtMs={retryAtMs} onRetry={reload} />}
      {problem !== '' && (
        <div class="notice notice-refused" role="alert">
          <Icon name="failed" />
          <span>{problem}</span>
        </div>
      )}
      {data === undefined && failure === undefined && <Skeleton />}
      {data !== undefined && (
        <div class="scroll-x">
          <table class="plain stacks">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Sees</th>
                <th scope="col">
                  <span class="off-screen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.users.map((user) => (
                <tr key={user.username}>
                  <td class="strong">
                    <SafeText text={user.username} />
                  </td>
                  <td>
                    <SafeText text={toRoleName(data.roles, user.role)} />
                  </td>
                  <td class="wrapping">
                    {user.collections.length === 0 ? (
                      <span class="muted">everything</span>
                    ) : (
                      <SafeText text={user.collections.join(', ')} />
                    )}
                  </td>
                  <td>
                    <span class="row-actions row-end">
                      <button
                        type="button"
                        class="button"
                        aria-label={`Edit ${toVisibleText(user.username)}`}
                        onClick={() => setEdited(user)}
                      >
                        Edit
                      </button>
                      <ConfirmButton
                        label="Remove"
                        question={`Remove ${toVisibleText(user.username)}?`}
                        onConfirm={() => void remove(user.username)}
                      />
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {edited !== undefined && data !== undefined && (
        <UserForm
          user={edited === 'new' ? undefined : edited}
          roles={data.roles}
          collections={data.collections}
          onSaved={reload}
          onClose={() => setEdited(undefined)}
        />
      )}
    </div>
  );
}
