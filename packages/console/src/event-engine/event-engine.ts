// The embedded ClickHouse of a Console: started, watched, restarted after a crash and stopped. Its address and secret stay the same over restarts.
// Only the child loads chdb, so a Console that uses a cluster never needs it.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@dockledger/contract';
import { pingEngine } from './engine-ping.ts';
import { type EngineProcess, startEngineProcess } from './engine-process.ts';
import { defaultEngineLimits, type EngineChildSettings, type EngineLimits } from './engine-protocol.ts';
import { makeEngineSocketPlace } from './engine-socket.ts';

/** Where the engine stands. `restarting` heals itself; `stopped` is final. */
export type EventEngineState =
  | { readonly state: 'ready'; readonly pid: number }
  | { readonly state: 'restarting'; readonly reason: string; readonly attempt: number }
  | { readonly state: 'stopped' };

/** Settings of the embedded engine. */
export interface EventEngineOptions {
  /** The engine's own directory, made when missing. One engine per directory. */
  readonly dataDir: string;
  /** Defaults to {@link defaultEngineLimits}, each by itself. */
  readonly limits?: Partial<EngineLimits>;
  /** How long the first start may take, waiting for an older engine on the directory included. Defaults to 20,000. */
  readonly startTimeoutMs?: number;
  /** How often the child is asked whether it lives, in milliseconds; three unanswered asks end and restart it. Defaults to 5,000. */
  readonly pingEveryMs?: number;
  /** The longest wait between two starts of an engine that does not stay up, in milliseconds. Defaults to 5,000. */
  readonly longestBackoffMs?: number;
}

/** A running embedded engine. Stop it, or it ends with the process. */
export interface EventEngine extends AsyncDisposable {
  /** The unix socket that speaks ClickHouse's HTTP interface. */
  readonly socketPath: string;
  /** Password of user `console` on that socket. */
  readonly secret: string;
  /** Where it stands now. */
  readonly state: EventEngineState;
  /** Calls the listener on each change, not for the present state. Returns what ends it. */
  onState(listener: (state: EventEngineState) => void): () => void;
  /** Ends the child within its grace, then by force. Resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
}

const firstBackoffMs = 100;
// An engine that lived this long begins again with the shortest wait.
const goodLifeMs = 3000;
const forceAfterGraceMs = 2000;
// A child that hangs is ended like one that crashed. Only its event loop is asked, which no running statement holds up.
const pingsBeforeEnd = 3;

/** Starts the engine and resolves when it serves. Throws `store_unavailable` when it does not start in time. */
export async function startEventEngine(options: EventEngineOptions): Promise<EventEngine> {
  const limits = { ...defaultEngineLimits, ...options.limits };
  const place = await makeEngineSocketPlace(options.dataDir).catch((error: unknown) => {
    throw new AppError(
      'store_unavailable',
      `The event engine's directory ${options.dataDir} cannot be used: ${String(error)}`,
      {
        cause: error,
      },
    );
  });
  const settings: EngineChildSettings = {
    dataDir: options.dataDir,
    socketPath: place.path,
    secret: randomBytes(24).toString('base64url'),
    limits,
  };
  const times = {
    startTimeoutMs: options.startTimeoutMs ?? 20_000,
    pingEveryMs: options.pingEveryMs ?? 5000,
    longestBackoffMs: options.longestBackoffMs ?? 5000,
  };
  const first = await startFirst(settings, times.startTimeoutMs).catch(async (error: unknown) => {
    await place.dispose();
    throw error;
  });
  return new WatchedEngine(settings, times, first, () => place.dispose());
}

/** A child of a Console that was just killed may still hold the directory for a moment: tried again until the time is over. */
async function startFirst(settings: EngineChildSettings, timeoutMs: number): Promise<EngineProcess> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await startEngineProcess(settings, Math.max(1, deadline - Date.now()));
    } catch (error) {
      // The engine does not say why it cannot open a directory; one that is held by another is the usual reason, and passes.
      const isHeld = error instanceof Error && error.message.includes('Failed to create connection');
      if (!isHeld || Date.now() + 300 > deadline) throw error;
      await delay(200);
    }
  }
}

interface WatchTimes {
  readonly startTimeoutMs: number;
  readonly pingEveryMs: number;
  readonly longestBackoffMs: number;
}

class WatchedEngine implements EventEngine {
  readonly #settings: EngineChildSettings;
  readonly #times: WatchTimes;
  readonly #dispose: () => Promise<void>;
  readonly #listeners = new Set<(state: EventEngineState) => void>();
  readonly #stopping = new AbortController();
  readonly #watch: Promise<void>;
  #process: EngineProcess;
  #state: EventEngineState;

  constructor(settings: EngineChildSettings, times: WatchTimes, first: EngineProcess, dispose: () => Promise<void>) {
    this.#settings = settings;
    this.#times = times;
    this.#dispose = dispose;
    this.#process = first;
    this.#state = { state: 'ready', pid: first.pid };
    this.#watch = this.#keepAlive();
  }

  get socketPath(): string {
    return this.#settings.socketPath;
  }

  get secret(): string {
    return this.#settings.secret;
  }

  get state(): EventEngineState {
    return this.#state;
  }

  onState(listener: (state: EventEngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      await this.#process.stop(this.#settings.limits.stopGraceMs + forceAfterGraceMs);
    }
    await this.#watch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Ends a child whose event loop answers no more. Its end is then what #keepAlive sees. */
  async #watchForHang(child: EngineProcess): Promise<void> {
    const over = new AbortController();
    void child.ended.then(() => over.abort());
    for (let missed = 0; missed < pingsBeforeEnd; ) {
      await delay(this.#times.pingEveryMs, undefined, { signal: over.signal }).catch(() => undefined);
      if (over.signal.aborted) return;
      missed = (await pingEngine(this.#settings, this.#times.pingEveryMs)) ? 0 : missed + 1;
    }
    child.kill();
  }

  /** Never rejects: every failure to start is a reason to try again, with a longer wait. */
  async #keepAlive(): Promise<void> {
    const stopped = this.#stopping.signal;
    let attempt = 0;
    for (;;) {
      const startedAt = performance.now();
      void this.#watchForHang(this.#process);
      let reason = await this.#process.ended;
      if (performance.now() - startedAt > goodLifeMs) attempt = 0;
      while (!stopped.aborted) {
        attempt += 1;
        this.#set({ state: 'restarting', reason, attempt });
        const waitMs = Math.min(firstBackoffMs * 2 ** (attempt - 1), this.#times.longestBackoffMs);
        await delay(waitMs, undefined, { signal: stopped }).catch(() => undefined);
        if (stopped.aborted) break;
        try {
          this.#process = await startEngineProcess(this.#settings, this.#times.startTimeoutMs);
          break;
        } catch (error) {
          reason = error instanceof Error ? error.message : String(error);
        }
      }
      if (stopped.aborted) break;
      this.#set({ state: 'ready', pid: this.#process.pid });
    }
    // A child that was being started when the stop came is not the one that stop() ended.
    await this.#process.stop(this.#settings.limits.stopGraceMs + forceAfterGraceMs);
    await this.#dispose();
    this.#set({ state: 'stopped' });
  }

  #set(state: EventEngineState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
