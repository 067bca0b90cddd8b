// Makes the first administrator when the control store is new. The password is never a constant: given, or generated and kept 0600.
import { randomBytes } from 'node:crypto';
import { writeFileDurably } from '../storage/durable-file.ts';
import { hashPassword } from './password-hasher.ts';
import type { UserStore } from './user-store.ts';

/** What the start has to tell the person at the terminal. */
export type FirstAdmin =
  | { readonly state: 'created'; readonly username: string }
  | {
      readonly state: 'created-with-generated-password';
      readonly username: string;
      readonly password: string;
      readonly passwordFile: string;
    }
  | { readonly state: 'existing'; readonly givenPasswordIgnored: boolean };

/** Makes the administrator unless there are users already; then a given password is ignored. */
export async function ensureFirstAdmin(
  users: UserStore,
  given: { readonly username: string; readonly password: string | undefined; readonly passwordFile: string },
): Promise<FirstAdmin> {
  if ((await users.list()).length > 0) return { state: 'existing', givenPasswordIgnored: given.password !== undefined };
  const password = given.password ?? randomBytes(18).toString('base64url');
  // The file first: a crash between the two must not leave an administrator whose password nobody knows.
  if (given.password === undefined) await writeFileDurably(given.passwordFile, `${password}\n`, 0o600);
  await users.save({
    username: given.username,
    role: 'admin',
    passwordHash: await hashPassword(password),
    credentialsVersion: 1,
    collections: [],
  });
  return given.password === undefined
    ? { state: 'created-with-generated-password', username: given.username, password, passwordFile: given.passwordFile }
    : { state: 'created', username: given.username };
}
