// Adds, changes and removes groups. Members of a local group exist; what a group names (role, collections) exists.
import { toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { Group, GroupStore } from './group-store.ts';
import type { UserStore } from './user-store.ts';

/** A group as given by an administrator. */
export type GroupInput = Omit<Group, 'owner' | 'lastModified'>;

/** Administers groups. */
export interface GroupsService {
  list(): Promise<readonly Group[]>;
  /** Adds a group. Throws `conflict` when the name is taken, `bad_request` for an unknown member, role or collection. */
  create(input: GroupInput, by: string): Promise<void>;
  /** Replaces the group of this name. Throws `not_found`, `bad_request`, and `conflict` for another name: names stay. */
  replace(name: string, input: GroupInput, by: string): Promise<void>;
  /** Removes it. Throws `not_found`. */
  remove(name: string): Promise<void>;
}

/** What {@link createGroupsService} needs. */
export interface GroupsParts {
  readonly groups: GroupStore;
  readonly users: Pick<UserStore, 'byName'>;
  readonly isRole: (name: string) => Promise<boolean>;
  readonly isCollection: (name: string) => boolean;
  readonly now: () => number;
}

const namePattern = /^\P{Cc}{1,256}$/u;

/** Puts the parts together. */
export function createGroupsService({ groups, users, isRole, isCollection, now }: GroupsParts): GroupsService {
  const refuse = (sentence: string) => new AppError('bad_request', sentence);
  const missing = (name: string) => new AppError('not_found', `There is no group "${name.slice(0, 256)}".`);

  async function check({ name, kind, members, role, collections }: GroupInput): Promise<void> {
    if (!namePattern.test(name)) throw refuse('A group name has 1 to 256 characters.');
    if (kind !== 'local' && members.length > 0)
      throw refuse('Only a local group lists its members; those of others come from the directory.');
    if (role !== '' && !(await isRole(role))) throw refuse(`There is no role "${role.slice(0, 100)}".`);
    const collection = collections.find((candidate) => !isCollection(candidate));
    if (collection !== undefined) throw refuse(`There is no collection "${collection.slice(0, 100)}".`);
    for (const member of members)
      if ((await users.byName(member)) === undefined) throw refuse(`There is no user "${member.slice(0, 256)}".`);
  }

  const save = (input: GroupInput, by: string) =>
    groups.save({
      ...input,
      members: [...new Set(input.members)].toSorted(),
      owner: by,
      lastModified: toInstant(now()),
    });

  return {
    list: () => groups.list(),
    create: async (input, by) => {
      await check(input);
      if ((await groups.byName(input.name)) !== undefined)
        throw new AppError('conflict', `A group named "${input.name}" already exists.`);
      await save(input, by);
    },
    replace: async (name, input, by) => {
      if ((await groups.byName(name)) === undefined) throw missing(name);
      if (input.name !== name)
        throw new AppError('conflict', 'A group keeps its name. Make a new one and remove this one.');
      await check(input);
      await save(input, by);
    },
    remove: async (name) => {
      if (!(await groups.remove(name))) throw missing(name);
    },
  };
}
