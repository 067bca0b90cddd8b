// The port that keeps users. Names are case sensitive and unique; password hashes never leave the Console.

/** One user of the Console. */
export interface User {
  readonly username: string;
  /** Id of a built-in role or name of a custom one. */
  readonly role: string;
  /** PHC string of argon2id. */
  readonly passwordHash: string;
  /** Grows with every change of password or role: sign-ins made before are void. */
  readonly credentialsVersion: number;
  /** Names of the collections the user is limited to. Empty: not limited. */
  readonly collections: readonly string[];
}

/** Where users are kept. */
export interface UserStore {
  byName(username: string): Promise<User | undefined>;
  /** All users, sorted by name. */
  list(): Promise<readonly User[]>;
  /** Adds the user, or replaces the one of the same name. Durable when it resolves. */
  save(user: User): Promise<void>;
  /** Removes the user, also from every group, so that a new user of this name inherits nothing. False when there was none. */
  remove(username: string): Promise<boolean>;
}
