// Collections over the compatible API: named sets of hosts, containers, images and labels that limit rules and readers.
import { call, send } from './client.ts';

const collectionsPath = '/api/v1/collections';

/** The parts of a collection that the page edits. An omitted list means everything. */
export const collectionParts = [
  'hosts',
  'containers',
  'images',
  'labels',
  'namespaces',
  'clusters',
  'accountIDs',
] as const;

/** One of {@link collectionParts}. */
export type CollectionPart = (typeof collectionParts)[number];

/** One collection. */
export type Collection = Partial<Readonly<Record<CollectionPart, readonly string[]>>> & {
  readonly name: string;
  readonly description?: string;
  readonly color?: string;
  readonly owner?: string;
  readonly modified?: string;
  /** True for what is built in. */
  readonly system?: boolean;
};

/** All collections that the reader may see, `All` first. */
export function loadCollections(signal?: AbortSignal): Promise<readonly Collection[]> {
  return call(collectionsPath, signal === undefined ? {} : { signal });
}

/** Names of the collections that the reader may use. */
export async function loadCollectionNames(signal?: AbortSignal): Promise<readonly string[]> {
  const list = await call<readonly { readonly name: string }[]>(
    '/api/v1/current/collections',
    signal === undefined ? {} : { signal },
  );
  return list.map(({ name }) => name);
}

/** Adds a collection, or replaces the one that was named `before`. */
export async function saveCollection(collection: Collection, before?: string): Promise<void> {
  const path = before === undefined ? collectionsPath : `${collectionsPath}/${encodeURIComponent(before)}`;
  await send(path, { method: before === undefined ? 'POST' : 'PUT', body: collection });
}

/** Removes a collection. Throws `conflict` while it is in use. */
export async function removeCollection(name: string): Promise<void> {
  await send(`${collectionsPath}/${encodeURIComponent(name)}`, { method: 'DELETE' });
}
