// What the Console and its engine child tell each other besides HTTP: the settings sent down on the first line of stdin, the report on stdout.
// The secret travels only here, never in arguments or environment, and stays the same over restarts of the child.

/** The user name that goes with the secret. */
export const engineUser = 'console';

/** The engine's own database. Never the built-in one, which can read files. */
export const engineDatabase = 'dockledger';

/** Settings of one engine child. */
export interface EngineChildSettings {
  /** Directory of the engine's data. Made when missing. */
  readonly dataDir: string;
  /** Where to listen. Its directory exists and is private. */
  readonly socketPath: string;
  /** Password of {@link engineUser}. */
  readonly secret: string;
  readonly limits: EngineLimits;
}

/** Bounds of the embedded engine. */
export interface EngineLimits {
  /** Memory of the whole engine, in bytes. Defaults to 1.5 GiB. */
  readonly maxServerMemoryBytes: number;
  /** Memory of one statement, in bytes; beyond it the statement fails with code 241. Defaults to 768 MiB. */
  readonly maxQueryMemoryBytes: number;
  /** Threads of one statement. Defaults to 2. */
  readonly maxThreads: number;
  /** Reads that run at once; more wait. Defaults to 6. */
  readonly maxParallelReads: number;
  /** Seconds a statement may run when the request names no time. Defaults to 30. */
  readonly maxStatementSeconds: number;
  /** How long running requests may go on after SIGTERM, in milliseconds. Defaults to 3,000. */
  readonly stopGraceMs: number;
}

/** The defaults of {@link EngineLimits}. */
export const defaultEngineLimits: EngineLimits = {
  maxServerMemoryBytes: 1536 * 1024 ** 2,
  maxQueryMemoryBytes: 768 * 1024 ** 2,
  maxThreads: 2,
  maxParallelReads: 6,
  maxStatementSeconds: 30,
  stopGraceMs: 3000,
};

/** How many writes (inserts, DDL) run at once beside the reads, so that slow reads never hold up indexing. */
export const parallelWrites = 2;

/** Threads of libuv's pool for these limits: each running statement holds one, four are for everything else. */
export function threadPoolSize(limits: EngineLimits): number {
  return limits.maxParallelReads + parallelWrites + 4;
}

/** The one line that the child writes to stdout when it serves, or when it cannot. */
export type EngineChildReport = { readonly ready: true } | { readonly ready: false; readonly error: string };
