// The port that keeps groups of users. A group gives its members a role and collections on top of their own.

/** Where the members of a group come from. Only those of a local one are listed here. */
export type GroupKind = 'local' | 'ldap' | 'saml' | 'oauth' | 'oidc';

/** One group. */
export interface Group {
  readonly name: string;
  readonly kind: GroupKind;
  /** Names of the users in it, sorted. */
  readonly members: readonly string[];
  /** Id or name of a role, or empty: the group gives none. */
  readonly role: string;
  /** Names of the collections that members may see. Empty: the group names none. */
  readonly collections: readonly string[];
  /** Who changed it last. */
  readonly owner: string;
  /** RFC 3339, UTC. */
  readonly lastModified: string;
}

/** Where groups are kept. Names are case sensitive and unique. */
export interface GroupStore {
  byName(name: string): Promise<Group | undefined>;
  /** All groups, sorted by name. */
  list(): Promise<readonly Group[]>;
  /** The groups that a user is in, sorted by name. */
  ofUser(username: string): Promise<readonly Group[]>;
  /** Adds the group with its members, or replaces the one of the same name. Durable when it resolves. */
  save(group: Group): Promise<void>;
  /** Removes the group. False when there was none. */
  remove(name: string): Promise<boolean>;
}
