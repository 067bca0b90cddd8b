// The collections in force, in memory for intake and saved through the store. Names of an event's collections are computed once,
// when it is accepted, and stay with it.
import { type AccessEvent, toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { allCollection, type Collection } from './collection.ts';
import type { CollectionStore } from './collection-store.ts';
import { isInCollection } from './match-collection.ts';

/** Reads, matches and changes collections. */
export interface CollectionsService {
  /** `All` first, then by name. */
  list(): readonly Collection[];
  /** Names of the collections that an event falls into now: `All` first. */
  namesFor(event: AccessEvent): readonly string[];
  /** Adds a collection. Throws `conflict` when the name is taken. */
  create(collection: Collection, by: string): Promise<void>;
  /** Replaces the collection of this name, or renames it. Throws `not_found`, and `conflict` when it is in use and would be renamed. */
  replace(name: string, collection: Collection, by: string): Promise<void>;
  /** Removes it. Throws `not_found`, and `conflict` while it is in use. */
  remove(name: string): Promise<void>;
  /** Calls back after every replacement, before {@link replace} resolves. */
  onReplaced(observer: (name: string, by: string) => Promise<void>): void;
  /** Reads them again: somebody else may have changed them. */
  reload(): Promise<void>;
}

/** Who refers to a collection of this name. */
export type CollectionUsages = (name: string) => Promise<readonly { readonly name: string; readonly type: string }[]>;

/** Loads the collections. */
export async function openCollections(
  store: CollectionStore,
  usagesOf: CollectionUsages,
  now: () => number = Date.now,
): Promise<CollectionsService> {
  let custom = await store.list();
  const observers: ((name: string, by: string) => Promise<void>)[] = [];
  const find = (name: string) => custom.find((collection) => collection.name === name);
  const refuseBuiltIn = (name: string) => {
    if (name === allCollection.name)
      throw new AppError('conflict', 'The collection All is built in and cannot be changed.');
  };
  const refuseUsed = async (name: string) => {
    const [first] = await usagesOf(name);
    if (first !== undefined)
      throw new AppError(
        'conflict',
        `The collection "${name}" is in use, for instance by ${first.type} "${first.name}".`,
      );
  };
  const marked = (collection: Collection, by: string): Collection => ({
    ...collection,
    owner: by,
    modified: toInstant(now()),
    system: false,
  });
  return {
    list: () => [allCollection, ...custom],
    namesFor: (event) => [
      allCollection.name,
      ...custom.filter((collection) => isInCollection(event, collection)).map(({ name }) => name),
    ],
    create: async (collection, by) => {
      refuseBuiltIn(collection.name);
      if (find(collection.name) !== undefined)
        throw new AppError('conflict', `A collection named "${collection.name}" already exists.`);
      await store.save(marked(collection, by));
      custom = await store.list();
    },
    replace: async (name, collection, by) => {
      refuseBuiltIn(name);
      refuseBuiltIn(collection.name);
      if (find(name) === undefined) throw new AppError('not_found', `There is no collection named "${name}".`);
      if (collection.name !== name && find(collection.name) !== undefined) {
        throw new AppError('conflict', `A collection named "${collection.name}" already exists.`);
      }
      if (collection.name !== name) await refuseUsed(name);
      await store.save(marked(collection, by));
      if (collection.name !== name) await store.remove(name);
      custom = await store.list();
      for (const observer of observers) await observer(collection.name, by);
    },
    remove: async (name) => {
      refuseBuiltIn(name);
      await refuseUsed(name);
      if (!(await store.remove(name))) throw new AppError('not_found', `There is no collection named "${name}".`);
      custom = await store.list();
    },
    onReplaced: (observer) => {
      observers.push(observer);
    },
    reload: async () => {
      custom = await store.list();
    },
  };
}
