// The idle connections to the engine and what is known of its state.
// Invariant: a connection is in the pool only while neither a request nor an answer on it is unfinished.
import type { AppLog } from './app-log.ts';
import { type EngineAddress, EngineConnection, type EngineListener, formatEngineAddress } from './engine-connection.ts';

/** Whether the engine can be reached, as the last attempt saw it. */
export type EngineState =
  | { readonly state: 'unknown' }
  | { readonly state: 'up' }
  /** `code` is the system's, for instance ECONNREFUSED. */
  | { readonly state: 'down'; readonly code: string };

/** The pool's numbers. */
export interface EnginePoolStats {
  readonly opened: number;
  readonly idle: number;
  readonly inUse: number;
}

/** Options of {@link EnginePool}. */
export interface EnginePoolOptions {
  readonly engine: EngineAddress;
  readonly log: AppLog;
  /** Idle connections kept. Defaults to 32. */
  readonly maxIdle?: number;
}

/** Gives out connections and takes them back. */
export class EnginePool {
  readonly engine: EngineAddress;
  readonly #idle: EngineConnection[] = [];
  readonly #maxIdle: number;
  readonly #log: AppLog;
  readonly #observers = new Set<(state: EngineState) => void>();
  #state: EngineState = { state: 'unknown' };
  #opened = 0;
  #inUse = 0;

  constructor(options: EnginePoolOptions) {
    this.engine = options.engine;
    this.#maxIdle = options.maxIdle ?? 32;
    this.#log = options.log;
  }

  /** For messages, for instance unix:///var/run/docker.sock. */
  get address(): string {
    return formatEngineAddress(this.engine);
  }

  get state(): EngineState {
    return this.#state;
  }

  /** Calls back on every change, not at once. Answers how to stop that. */
  onState(observer: (state: EngineState) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** The most recently used idle connection, or a new one. Never throws: failing to connect shows as `onEngineClose`. */
  acquire(listener: EngineListener): EngineConnection {
    this.#inUse++;
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return this.open(listener);
      if (connection.isUsable) {
        connection.take(listener);
        return connection;
      }
      connection.destroy();
    }
  }

  /** A new connection, for a retry of what an idle one was too old for. Counts as acquired only through `acquire`. */
  open(listener: EngineListener): EngineConnection {
    this.#opened++;
    return new EngineConnection(this.engine, listener, () => this.#set({ state: 'up' }));
  }

  /** Takes back a connection whose request and answer are both complete. */
  release(connection: EngineConnection): void {
    this.#inUse--;
    if (!connection.isUsable || this.#idle.length >= this.#maxIdle) {
      connection.destroy();
      return;
    }
    connection.detach();
    connection.onIdleClose = this.#dropIdle;
    this.#idle.push(connection);
  }

  /** Gives up a connection that cannot carry another exchange. */
  discard(connection: EngineConnection): void {
    this.#inUse--;
    connection.destroy();
  }

  /** Tells that connecting failed or the engine hung up: idle connections are of no use then. */
  reportDown(code: string): void {
    this.purge();
    this.#set({ state: 'down', code });
  }

  /** Closes the idle connections. */
  purge(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  stats(): EnginePoolStats {
    return { opened: this.#opened, idle: this.#idle.length, inUse: this.#inUse };
  }

  readonly #dropIdle = (connection: EngineConnection): void => {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  };

  #set(state: EngineState): void {
    const code = state.state === 'down' ? state.code : '';
    const before = this.#state.state === 'down' ? this.#state.code : '';
    if (state.state === this.#state.state && code === before) return;
    this.#state = state;
    if (state.state === 'down') this.#log.warn({ code }, 'the Docker engine cannot be reached');
    else this.#log.info({}, 'the Docker engine answers');
    for (const observer of this.#observers) observer(state);
  }
}
