// Adding or changing one collection.
import { useState } from 'preact/hooks';
import { type Collection, type CollectionPart, collectionParts, saveCollection } from '../../api/collections.ts';
import { FormDialog } from '../../components/form-dialog.tsx';
import { parseList } from '../../lib/rule-list.ts';
import { toVisibleText } from '../../lib/visible-text.ts';

const words: Readonly<Record<CollectionPart, readonly [string, string]>> = {
  hosts: ['Hosts', 'web-*, db-1'],
  containers: ['Containers', 'db, api-*'],
  images: ['Images', 'postgres*, registry.example/*'],
  labels: ['Labels', 'team:payments'],
  namespaces: ['Namespaces', 'prod'],
  clusters: ['Clusters', 'eu-1'],
  accountIDs: ['Accounts', '1234'],
};

interface Props {
  /** Undefined for a new one. */
  readonly collection: Collection | undefined;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** The form. */
export function CollectionForm({ collection, onSaved, onClose }: Props) {
  const [name, setName] = useState(collection?.name ?? '');
  const [description, setDescription] = useState(collection?.description ?? '');
  const [parts, setParts] = useState<Readonly<Partial<Record<CollectionPart, string>>>>(
    Object.fromEntries(collectionParts.map((part) => [part, (collection?.[part] ?? ['*']).join(', ')])),
  );
  const save = async () => {
    const lists = Object.fromEntries(collectionParts.map((part) => [part, parseList(parts[part] ?? '')]));
    const { owner: _, modified: __, system: ___, ...kept } = collection ?? { name };
    await saveCollection({ ...kept, ...lists, name: name.trim(), description }, collection?.name);
    onSaved();
  };
  return (
    <FormDialog
      title={collection === undefined ? 'New collection' : `Collection ${toVisibleText(collection.name)}`}
      onSave={save}
      onClose={onClose}
    >
      <label>
        Name
        <input
          type="text"
          required
          maxLength={100}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Description
        <input
          type="text"
          maxLength={1000}
          value={description}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </label>
      <p class="hint">
        Separate by commas; <code>*</code> stands for anything, a leading minus leaves out. All fields must hold.
      </p>
      <div class="form-columns">
        {collectionParts.map((part) => (
          <label key={part}>
            {words[part][0]}
            <input
              type="text"
              class="mono"
              placeholder={words[part][1]}
              value={parts[part] ?? ''}
              onInput={(event) => setParts({ ...parts, [part]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
    </FormDialog>
  );
}
