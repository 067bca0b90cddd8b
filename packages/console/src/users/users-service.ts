// Adds, changes and removes users. A change of password or role voids every earlier sign-in of that user; the last administrator stays.
import { AppError } from '@dockledger/contract/error-code';
import { hashPassword, verifyPassword } from './password-hasher.ts';
import type { User, UserStore } from './user-store.ts';

/** A user as given by an administrator. */
export interface UserInput {
  readonly username: string;
  /** Left out or empty: keeps the one there is. */
  readonly password?: string;
  readonly role: string;
  readonly collections: readonly string[];
}

/** Administers users. */
export interface UsersService {
  list(): Promise<readonly User[]>;
  /** Adds a user. Throws `conflict` when the name is taken, `bad_request` for a weak password or an unknown role or collection. */
  create(input: UserInput): Promise<void>;
  /** Changes a user. Throws `not_found`, `bad_request`, and `conflict` when no administrator would be left. */
  update(input: UserInput): Promise<void>;
  /** Changes one's own password. Throws `forbidden` when the old one is wrong, `bad_request` for a weak new one. */
  changeOwnPassword(username: string, oldPassword: string, newPassword: string): Promise<void>;
  /** Removes a user. Throws `not_found`, and `conflict` when no administrator would be left. */
  remove(username: string): Promise<void>;
}

/** What {@link createUsersService} needs. */
export interface UsersParts {
  readonly users: UserStore;
  readonly isRole: (name: string) => Promise<boolean>;
  /** True when new passwords need several kinds of characters. */
  readonly isStrongPasswordWanted: () => boolean;
  /** True when a collection of that name exists. */
  readonly isCollection: (name: string) => boolean;
  /** Called when earlier sign-ins of a user became void. */
  readonly onVoided: (username: string) => void;
}

const characterKinds = [/\p{Lu}/u, /\p{Ll}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}]/u];
const namePattern = /^[^:\p{Cc}]{1,256}$/u;

/** Puts the parts together. */
export function createUsersService(parts: UsersParts): UsersService {
  const { users, isRole, isCollection, isStrongPasswordWanted, onVoided } = parts;
  const refuse = (sentence: string) => new AppError('bad_request', sentence);

  function checkPassword(username: string, password: string): void {
    if (password.length < 12 || password.length > 1024) throw refuse('A password has 12 to 1,024 characters.');
    if (password.toLowerCase().includes(username.toLowerCase()))
      throw refuse('A password does not hold the user name.');
    if (isStrongPasswordWanted() && !characterKinds.every((kind) => kind.test(password)))
      throw refuse('A password has an upper and a lower case letter, a digit and another character.');
  }

  async function check(input: UserInput): Promise<Pick<User, 'role' | 'collections'>> {
    const { username, role, collections, password } = input;
    if (!namePattern.test(username)) throw refuse('A user name has 1 to 256 characters and holds no colon.');
    if (!(await isRole(role))) throw refuse(`There is no role "${role.slice(0, 100)}".`);
    const unknown = collections.find((name) => !isCollection(name));
    if (unknown !== undefined) throw refuse(`There is no collection "${unknown.slice(0, 100)}".`);
    if (password !== undefined && password !== '') checkPassword(username, password);
    return { role, collections: [...collections] };
  }

  async function requireOtherAdmin(username: string): Promise<void> {
    const others = (await users.list()).filter((user) => user.role === 'admin' && user.username !== username);
    if (others.length === 0)
      throw new AppError('conflict', `"${username}" is the last administrator. Make another one first.`);
  }

  async function existing(username: string): Promise<User> {
    const user = await users.byName(username);
    if (user === undefined) throw new AppError('not_found', `There is no user "${username.slice(0, 256)}".`);
    return user;
  }

  return {
    list: () => users.list(),
    create: async (input) => {
      const checked = await check(input);
      if (!input.password) throw new AppError('bad_request', 'A new user needs a password.');
      if ((await users.byName(input.username)) !== undefined) {
        throw new AppError('conflict', `A user named "${input.username}" already exists.`);
      }
      const passwordHash = await hashPassword(input.password);
      await users.save({ username: input.username, ...checked, passwordHash, credentialsVersion: 1 });
    },
    update: async (input) => {
      const before = await existing(input.username);
      const checked = await check(input);
      if (before.role === 'admin' && checked.role !== 'admin') await requireOtherAdmin(input.username);
      const passwordHash = input.password ? await hashPassword(input.password) : before.passwordHash;
      await users.save({ ...before, ...checked, passwordHash, credentialsVersion: before.credentialsVersion + 1 });
      onVoided(input.username);
    },
    changeOwnPassword: async (username, oldPassword, newPassword) => {
      const before = await existing(username);
      if (!(await verifyPassword(before.passwordHash, oldPassword)))
        throw new AppError('forbidden', 'The old password is wrong.');
      checkPassword(username, newPassword);
      const passwordHash = await hashPassword(newPassword);
      await users.save({ ...before, passwordHash, credentialsVersion: before.credentialsVersion + 1 });
      onVoided(username);
    },
    remove: async (username) => {
      const { role } = await existing(username);
      if (role === 'admin') await requireOtherAdmin(username);
      await users.remove(username);
      onVoided(username);
    },
  };
}
