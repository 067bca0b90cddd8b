// The guarded Docker socket: accepts clients, counts them, times them out and lets them end.
// Invariant: an idle client holds no engine connection; closing waits for running exchanges, bounded.
import type { Server, Socket } from 'node:net';
import type { Recorder } from '@dockledger/contract';
import type { Caller, Identifier } from '../ports.ts';
import type { AppLog } from './app-log.ts';
import { ClientConnection, type RequestGuard } from './client-connection.ts';
import type { EnginePool, EnginePoolStats, EngineState } from './engine-pool.ts';
import { type ListenAddress, listenOnSocket } from './listen.ts';
import type { ExchangeSettings, ProxyContext, ProxyCounters, RequestJudge, TargetFinder } from './proxy-context.ts';

/** What a proxy is made of. */
export interface DockerProxyOptions {
  /** Shared with the facts; closed by the caller. */
  readonly pool: EnginePool;
  readonly identifier: Identifier;
  readonly recorder: Recorder;
  readonly judge: RequestJudge;
  readonly facts: TargetFinder;
  readonly log: AppLog;
  /** Stands in brackets before every sentence of ours. Defaults to Dockledger. */
  readonly brand?: string;
  /** Defaults to standard. */
  readonly durability?: ExchangeSettings['durability'];
  /** Defaults to refuse. */
  readonly whenUnrecordable?: ExchangeSettings['whenUnrecordable'];
  /** Defaults to 4 MiB. */
  readonly maxJudgedBodyBytes?: number;
  /** How long a head, or the next byte of a judged body, may take. Defaults to 30,000. */
  readonly headTimeoutMs?: number;
  /** Clients at the same time; more are turned away. Defaults to 20,000. */
  readonly maxConnections?: number;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
  /** Makes the one-time mark for our authorization plugin. */
  readonly passMark?: (method: string, target: string) => string;
}

/** Numbers of a running proxy. */
export interface DockerProxyStats extends Readonly<ProxyCounters> {
  readonly clients: number;
  readonly pool: EnginePoolStats;
}

/** A guarded Docker API. */
export interface DockerProxy {
  /** Begins to accept. May be called for several addresses. Throws `bad_setting` or `conflict`. */
  listen(address: ListenAddress): Promise<void>;
  /** Takes a connection that something else accepted and identified, for instance the TLS listener. */
  accept(socket: Socket, caller: Caller, guard?: RequestGuard): void;
  /** Stops accepting, lets running exchanges end for `graceMs`, then cuts them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  stats(): DockerProxyStats;
  readonly engineState: EngineState;
  /** Calls back on every change. Answers how to stop that. */
  onEngineState(observer: (state: EngineState) => void): () => void;
}

/** Makes a proxy that does not listen yet. */
export function createDockerProxy(options: DockerProxyOptions): DockerProxy {
  const counters: ProxyCounters = {
    connections: 0,
    requests: 0,
    forwarded: 0,
    refused: 0,
    malformed: 0,
    engineFailures: 0,
    unrecorded: 0,
  };
  const now = options.now ?? Date.now;
  const context: ProxyContext = {
    pool: options.pool,
    recorder: options.recorder,
    judge: options.judge,
    facts: options.facts,
    log: options.log,
    counters,
    now,
    passMark: options.passMark,
    settings: {
      brand: options.brand ?? 'Dockledger',
      durability: options.durability ?? 'standard',
      whenUnrecordable: options.whenUnrecordable ?? 'refuse',
      maxJudgedBodyBytes: options.maxJudgedBodyBytes ?? 4 * 1024 * 1024,
    },
  };
  const headTimeoutMs = options.headTimeoutMs ?? 30_000;
  const clients = new Set<ClientConnection>();
  const servers: Server[] = [];
  let onAllClosed: (() => void) | undefined;

  const onClosed = (client: ClientConnection) => {
    clients.delete(client);
    if (clients.size === 0) onAllClosed?.();
  };
  const take = (socket: Socket, guard?: RequestGuard): ClientConnection => {
    counters.connections++;
    const client = new ClientConnection(context, socket, onClosed, guard);
    clients.add(client);
    return client;
  };
  const onConnection = (socket: Socket) => {
    const client = take(socket);
    const caller: Caller | Promise<Caller> = options.identifier.identify(socket);
    if (caller instanceof Promise) void caller.then((found) => client.identified(found));
    else client.identified(caller);
  };
  // One timer for all clients: a timer of each one's own would cost more than the heads it guards.
  const reaper = setInterval(
    () => {
      const limit = now() - headTimeoutMs;
      for (const client of clients) if (client.waitingSince !== 0 && client.waitingSince < limit) client.timeOut();
    },
    Math.max(10, Math.min(5_000, headTimeoutMs / 4)),
  );
  reaper.unref();

  return {
    listen: async (address) => {
      servers.push(await listenOnSocket(address, onConnection, options.maxConnections ?? 20_000));
    },
    accept: (socket, caller, guard) => take(socket, guard).identified(caller),
    close: async ({ graceMs = 10_000 } = {}) => {
      const closed = servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      if (clients.size > 0) {
        const allClosed = new Promise<void>((resolve) => {
          onAllClosed = resolve;
        });
        for (const client of clients) client.close();
        const cut = setTimeout(() => {
          for (const client of clients) client.cut();
        }, graceMs);
        await allClosed;
        clearTimeout(cut);
      }
      clearInterval(reaper);
      await Promise.all(closed);
    },
    stats: () => ({ ...counters, clients: clients.size, pool: options.pool.stats() }),
    get engineState() {
      return options.pool.state;
    },
    onEngineState: (observer) => options.pool.onState(observer),
  };
}
