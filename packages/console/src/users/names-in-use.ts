// Tells who refers to a role or a collection. Something that is in use is neither removed nor renamed: a reference that leads
// nowhere would change what people may see.
import type { AccessRule } from '@dockledger/contract';
import type { GroupStore } from './group-store.ts';
import type { UserStore } from './user-store.ts';

/** One reference, in the words of the compatible API. */
export interface Usage {
  readonly name: string;
  readonly type: 'policy' | 'user' | 'group';
}

/** Looks up references. */
export interface NamesInUse {
  /** Access rules, users and groups that name the collection. */
  ofCollection(name: string): Promise<readonly Usage[]>;
  /** Users and groups that have the role. */
  ofRole(name: string): Promise<readonly Usage[]>;
}

/** What {@link createNamesInUse} needs. */
export interface NamesInUseParts {
  readonly users: Pick<UserStore, 'list'>;
  readonly groups: Pick<GroupStore, 'list'>;
  readonly rules: () => readonly Pick<AccessRule, 'name' | 'collections'>[];
}

/** Makes the lookup. */
export function createNamesInUse({ users, groups, rules }: NamesInUseParts): NamesInUse {
  const holders = async () => [
    ...(await users.list()).map(({ username, role, collections }) => ({
      usage: { name: username, type: 'user' } as const,
      role,
      collections,
    })),
    ...(await groups.list()).map(({ name, role, collections }) => ({
      usage: { name, type: 'group' } as const,
      role,
      collections,
    })),
  ];
  return {
    ofCollection: async (name) => [
      ...rules()
        .filter(({ collections }) => collections?.includes(name))
        .map((rule) => ({ name: rule.name, type: 'policy' }) as const),
      ...(await holders()).filter(({ collections }) => collections.includes(name)).map(({ usage }) => usage),
    ],
    ofRole: async (name) => (await holders()).filter(({ role }) => role === name).map(({ usage }) => usage),
  };
}
