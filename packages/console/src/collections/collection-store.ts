// The port that keeps the collections people made. The built-in `All` is not stored.
import type { Collection } from './collection.ts';

/** Where collections are kept. Names are unique. */
export interface CollectionStore {
  /** All of them, sorted by name. */
  list(): Promise<readonly Collection[]>;
  /** Adds the collection, or replaces the one of the same name. Durable when it resolves. */
  save(collection: Collection): Promise<void>;
  /** Removes it. False when there was none. */
  remove(name: string): Promise<boolean>;
}
