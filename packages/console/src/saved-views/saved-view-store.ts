// The port that keeps saved views: a name for a query of the Events page, of one user, shown to all when shared.

/** One saved view. */
export interface SavedView {
  /** Opaque, unique. */
  readonly id: string;
  readonly owner: string;
  /** Unique among the views of its owner. */
  readonly name: string;
  /** The query string of the Events page without `?`. */
  readonly query: string;
  readonly isShared: boolean;
  /** RFC 3339, UTC. */
  readonly savedAt: string;
}

/** Where saved views are kept. */
export interface SavedViewStore {
  /** The user's own views and those that others share, by name. */
  visibleTo(username: string): Promise<readonly SavedView[]>;
  byId(id: string): Promise<SavedView | undefined>;
  /** Adds the view, or replaces the one of the same owner and name. Durable when it resolves. */
  save(view: SavedView): Promise<void>;
  /** Removes it. False when there was none. */
  remove(id: string): Promise<boolean>;
}
