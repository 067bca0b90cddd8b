// Lets Kysely run on PostgreSQL for several Consoles that share one control store. 64-bit integers come back as numbers, as from SQLite:
// the store keeps nothing beyond 2^53.
import { AppError } from '@dockledger/contract/error-code';
import { PostgresDialect } from 'kysely';
import { Pool, types } from 'pg';

const connectWithinMs = 10_000;

/** A Kysely dialect over the database of the URL. Connects at the first query; destroying the Kysely instance ends all connections. */
export function createPostgresDialect(url: string): PostgresDialect {
  const pool = new Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: connectWithinMs,
    types: {
      getTypeParser: (type, format) => {
        if (type === types.builtins.INT8 && format !== 'binary') return (text: string) => Number(text);
        return types.getTypeParser(type, format) as (text: string) => unknown;
      },
    },
  });
  // A connection that breaks while idle is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  return new PostgresDialect({ pool });
}

/** Throws `bad_setting` unless the text is a URL of PostgreSQL. The text itself may hold a password and is not repeated. */
export function requirePostgresUrl(setting: string, text: string): string {
  if (URL.canParse(text) && ['postgres:', 'postgresql:'].includes(new URL(text).protocol)) return text;
  throw new AppError(
    'bad_setting',
    `Setting ${setting} must be sqlite or a URL such as postgres://user:password@host/database.`,
  );
}
