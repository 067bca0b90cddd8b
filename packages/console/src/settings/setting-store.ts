// The port that keeps what administrators set while the Console runs, one JSON value by name.

/** Where such settings are kept. */
export interface SettingStore {
  /** The value, or undefined when it was never set. The reader checks its shape. */
  load(name: string): Promise<unknown>;
  /** Keeps the JSON value. Durable when it resolves. */
  save(name: string, value: unknown): Promise<void>;
}
