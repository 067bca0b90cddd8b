// Password hashes: argon2id with OWASP's parameters. Verification costs the same for users that do not exist.
import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, verify } from '@node-rs/argon2';

// The package's enum is ambient and const, which type stripping cannot read; 2 is Argon2id in the PHC definition as well.
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- see above
const argon2id: Algorithm = 2;
const options = { algorithm: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

let decoy: Promise<string> | undefined;

/** The PHC string of a password. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, options);
}

/** True when the password fits the hash. With no hash it takes as long and is false. */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword(randomBytes(16).toString('hex'));
  const fits = await verify(passwordHash ?? (await decoy), password);
  return fits && passwordHash !== undefined;
}
