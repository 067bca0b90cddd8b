// Lets Kysely's SQLite dialect run on node:sqlite. Every commit is durable (synchronous FULL).
import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { SqliteDialect } from 'kysely';

/** A Kysely dialect over the database file, which only its owner may read. Destroying the Kysely instance closes the file. */
export function createNodeSqliteDialect(path: string): SqliteDialect {
  if (path !== ':memory:') {
    // Before SQLite opens it: its side files take the mode of the main one.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  const database = new DatabaseSync(path);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;',
  );
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare: (sql) => {
        const statement = database.prepare(sql);
        return {
          // Statements that return rows have columns; node:sqlite has no flag of its own for it.
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...toInputs(parameters)),
          run: (parameters) => statement.run(...toInputs(parameters)),
          iterate: (parameters) => statement.iterate(...toInputs(parameters)),
        };
      },
    },
  });
}

function toInputs(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`A ${typeof value} cannot be an SQL parameter.`);
  });
}
