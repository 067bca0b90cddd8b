// A real Console on free ports in a directory of its own, with clients for its API and its Defender channel.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type AccessEvent, channelRoutes, defenderHeader, protocolHeader, protocolVersion } from '@dockledger/contract';
import { createTempDir, until } from '@dockledger/testkit';
import { type ConsoleParts, openConsole, type RunningConsole } from '../app.ts';
import type { ConsoleSettings } from '../settings/console-settings.ts';
import { createDefenderCertificate } from './defender-certificate.ts';
import { createTestClient, type TestAnswer, type TestClient } from './http-client.ts';

/** The administrator of test Consoles. */
export const admin = { username: 'admin', password: 'correct horse: battery staple' };

/** A Basic header. */
export function basic(username: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** A running Console under test. */
export interface TestConsole extends AsyncDisposable {
  readonly running: RunningConsole;
  readonly dataDir: string;
  readonly ca: string;
  /** Signed in as the administrator by Basic. */
  readonly api: TestClient;
  /** Not signed in. */
  readonly anonymous: TestClient;
  /** A simulated Defender. */
  defender(id?: string): SimulatedDefender;
  /** Resolves once everything in the ledger can be read through the API. */
  indexed(): Promise<void>;
  /** Closes it and opens another on the same directory, with changed settings where given. */
  restart(changes?: Partial<ConsoleSettings>): Promise<TestConsole>;
}

/** Speaks the channel's protocol as a Defender does. */
export interface SimulatedDefender {
  /** Sends a batch as NDJSON, gzipped. */
  send(events: readonly AccessEvent[], headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
  request(
    path: string,
    options?: { method?: string; body?: string | Buffer; headers?: Readonly<Record<string, string>> },
  ): Promise<TestAnswer>;
}

/** Opens a Console; memory event store unless told otherwise. `dataDir` defaults to a fresh one that goes with it. */
export async function startTestConsole(
  overrides: Partial<ConsoleSettings> = {},
  parts: ConsoleParts = {},
): Promise<TestConsole> {
  const temp = overrides.dataDir === undefined ? await createTempDir('dl-console-') : undefined;
  const settings = {
    dataDir: temp?.path ?? '',
    consoleListen: '127.0.0.1:0',
    defenderChannelListen: '127.0.0.1:0',
    adminPassword: admin.password,
    eventStore: 'memory',
    logLevel: 'silent' as const,
    ...overrides,
  };
  const running = await openConsole(settings, parts);
  const ca = await readFile(running.endpoints.caFile, 'utf8');
  const api = createTestClient(running.endpoints.console, ca, basic(admin.username, admin.password));
  const anonymous = createTestClient(running.endpoints.console, ca);
  const channels = new Map<string, Promise<TestClient>>();
  const channelOf = (id: string) => {
    const open = async () => {
      const certificate = await createDefenderCertificate(settings.dataDir, id);
      return createTestClient(running.endpoints.defenderChannel, ca, {}, certificate);
    };
    const known = channels.get(id) ?? open();
    channels.set(id, known);
    return known;
  };
  const close = async () => {
    for (const client of [api, anonymous, ...(await Promise.all(channels.values()))]) client[Symbol.dispose]();
    channels.clear();
    await running.close();
  };
  return {
    running,
    dataDir: settings.dataDir,
    ca,
    api,
    anonymous,
    defender: (id = 'host-1') => {
      const own = {
        [protocolHeader]: String(protocolVersion),
        [defenderHeader]: id,
      };
      return {
        request: async (path, options = {}) =>
          (await channelOf(id)).send(path, { ...options, headers: { ...own, ...options.headers } }),
        send: async (events, headers = {}) =>
          (await channelOf(id)).send(channelRoutes.events, {
            method: 'POST',
            headers: { ...own, 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip', ...headers },
            body: gzipSync(events.map((event) => `${JSON.stringify(event)}\n`).join('')),
          }),
      };
    },
    indexed: async () => {
      await until(
        'everything is indexed',
        async () => {
          const { ledgerSize, indexedSize } = (await api.send('/api/dockledger/v1/status')).json<{
            ledgerSize: number;
            indexedSize: number;
          }>();
          return ledgerSize === indexedSize;
        },
        { withinMs: 60_000 },
      );
    },
    restart: async (changes = {}) => {
      await close();
      const reopened = await startTestConsole({ ...overrides, ...changes, dataDir: settings.dataDir }, parts);
      // Whoever ends up with the last one removes the directory that the first one made.
      return temp === undefined
        ? reopened
        : {
            ...reopened,
            [Symbol.asyncDispose]: async () => {
              await reopened[Symbol.asyncDispose]();
              await temp[Symbol.asyncDispose]();
            },
          };
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await temp?.[Symbol.asyncDispose]();
    },
  };
}
