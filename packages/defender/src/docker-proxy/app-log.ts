// The part of a logger that the proxy needs; pino's satisfies it. Messages never hold bodies, headers or secrets.

/** Where state changes and failures are told. */
export interface AppLog {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

/** A log that keeps nothing. */
export const silentLog: AppLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
