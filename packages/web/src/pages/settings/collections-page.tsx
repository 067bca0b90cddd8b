// Collections: named sets of hosts, containers, images and labels, which limit rules and readers.
import { useState } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { type Collection, collectionParts, loadCollections, removeCollection } from '../../api/collections.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toVisibleText } from '../../lib/visible-text.ts';
import { useResource } from '../../state/resource.ts';
import { CollectionForm } from './collection-form.tsx';
import { SettingsTabs } from './settings-tabs.tsx';

function Parts({ collection }: { readonly collection: Collection }) {
  const named = collectionParts
    .map((part) => [part, collection[part] ?? []] as const)
    .filter(([, patterns]) => patterns.length > 0 && !patterns.includes('*'));
  if (named.length === 0) return <span class="muted">everything</span>;
  return (
    <ul>
      {named.map(([part, patterns]) => (
        <li key={part}>
          <span class="muted">{part}</span>{' '}
          <code>
            <SafeText text={patterns.join(', ')} />
          </code>
        </li>
      ))}
    </ul>
  );
}

/** The page. */
export function CollectionsPage() {
  const { data, failure, retryAtMs, reload } = useResource('collections', loadCollections);
  const [edited, setEdited] = useState<Collection | 'new' | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const remove = async (name: string) => {
    setProblem('');
    try {
      await removeCollection(name);
    } catch (error) {
      setProblem(toShownFailure(error).message);
    }
    reload();
  };
  return (
    <div class="page">
      <SettingsTabs />
      <PageHead
        title="Collections"
        actions={
          <button type="button" class="button" onClick={() => setEdited('new')}>
            <Icon name="plus" /> New collection
          </button>
        }
      >
        Rules and users can be limited to a collection. Events keep the collections they fell into when they came.
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
                <th scope="col">Holds</th>
                <th scope="col">
                  <span class="off-screen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.map((collection) => (
                <tr key={collection.name}>
                  <td class="wrapping">
                    <b class="strong">
                      <SafeText text={collection.name} />
                    </b>
                    {(collection.description ?? '') !== '' && (
                      <p class="muted">
                        <SafeText text={collection.description ?? ''} />
                      </p>
                    )}
                  </td>
                  <td class="wrapping">
                    <Parts collection={collection} />
                  </td>
                  <td>
                    {collection.system === true ? (
                      <span class="muted row-actions row-end">built in</span>
                    ) : (
                      <span class="row-actions row-end">
                        <button
                          type="button"
                          class="button"
                          aria-label={`Edit ${toVisibleText(collection.name)}`}
                          onClick={() => setEdited(collection)}
                        >
                          Edit
                        </button>
                        <ConfirmButton
                          label="Remove"
                          question={`Remove ${toVisibleText(collection.name)}?`}
                          onConfirm={() => void remove(collection.name)}
                        />
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {edited !== undefined && (
        <CollectionForm
          collection={edited === 'new' ? undefined : edited}
          onSaved={reload}
          onClose={() => setEdited(undefined)}
        />
      )}
    </div>
  );
}
