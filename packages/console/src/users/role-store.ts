// The port that keeps the roles that people made. Built-in roles are not stored.
import type { Grant, Permission } from './roles.ts';

/** A role made by an administrator. It never sees past its holder's collections. */
export interface CustomRole {
  readonly name: string;
  readonly description: string;
  readonly grants: ReadonlyMap<Permission, Grant>;
}

/** Where custom roles are kept. Names are case sensitive and unique. */
export interface RoleStore {
  byName(name: string): Promise<CustomRole | undefined>;
  /** All of them, sorted by name. */
  list(): Promise<readonly CustomRole[]>;
  /** Adds the role, or replaces the one of the same name. Durable when it resolves. */
  save(role: CustomRole): Promise<void>;
  /** Removes the role. False when there was none. */
  remove(name: string): Promise<boolean>;
}
