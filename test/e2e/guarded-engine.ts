// A real engine behind a relay that counts, behind the whole product: raw requests in, what reached the engine and what
// is on record out. Rules are in force when the setters resolve.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { AccessRule, CompatibleRecord, ComplianceRule, StoredAccessEvent } from '@dockledger/contract';
import { type Dockledger, type Engine, startDockledger, startEngine, until } from '@dockledger/testkit';

/** What one raw exchange came to. */
export interface Attempt {
  /** Status of every answer on the connection, in order; empty when it was closed without one. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** Requests of clients that the engine got meanwhile, as `METHOD target`; the Defender's own questions are left out. */
  readonly reached: readonly string[];
  /** When it began, for queries of the trail. */
  readonly from: string;
}

/** The guarded engine. */
export interface GuardedEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly dockledger: Dockledger;
  /** Sends bytes on a connection of their own and reads until the connection ends, or `isEnough`, or nothing comes for a while. */
  send(bytes: string | Buffer, isEnough?: (received: string) => boolean): Promise<Attempt>;
  /** All heads and bodies that the engine got since the start, as text. */
  engineBytes(): string;
  setRules(rules: readonly AccessRule[]): Promise<void>;
  setCompliance(rules: readonly ComplianceRule[]): Promise<void>;
  /** Cuts the connections of all running {@link send}s. */
  cutClients(): void;
  /** The events since `from` with that api (empty: any), oldest first, once there are `count`. Defaults to one. */
  events(attempt: Pick<Attempt, 'from'>, api: string, count?: number): Promise<StoredAccessEvent[]>;
  audits(attempt: Pick<Attempt, 'from'>, api: string): Promise<CompatibleRecord[]>;
}

// The Defender writes every head itself, Host second.
const headPattern = /(GET|HEAD|POST|PUT|DELETE|OPTIONS) (\S+) HTTP\/1\.1\r\nHost: docker\r\n/g;

/** Starts it all. */
export async function startGuardedEngine(settings: Readonly<Record<string, string>> = {}): Promise<GuardedEngine> {
  const engine = await startEngine();
  await engine.importBusybox();
  const relayPath = join(engine.dir, 'relay.sock');
  let bytes = '';
  const sockets = new Set<Socket>();
  const relay = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ path: engine.socketPath, allowHalfOpen: true });
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.toString('latin1');
    });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.pipe(upstream);
    upstream.pipe(client);
  });
  relay.listen(relayPath);
  await once(relay, 'listening');
  const dockledger = await startDockledger({
    engineHost: `unix://${relayPath}`,
    settings: { MERGE_WINDOW_MS: '100', ...settings },
  });
  const socketPath = dockledger.dockerHost.replace('unix://', '');

  const send: GuardedEngine['send'] = async (request, isEnough = () => false) => {
    const from = new Date().toISOString();
    const before = bytes.length;
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    sockets.add(socket);
    let received = '';
    let isOver = false;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    for (const name of ['end', 'close', 'error']) {
      socket.on(name, () => {
        isOver = true;
      });
    }
    await once(socket, 'connect');
    socket.write(request);
    await until('an answer', () => isOver || isEnough(received), { withinMs: 60_000, everyMs: 5 });
    socket.destroy();
    sockets.delete(socket);
    const reached = [...bytes.slice(before).matchAll(headPattern)]
      .map(([, method = '', target = '']) => ({ method, target }))
      .filter(({ method, target }) => method !== 'GET' || target.startsWith('/v1.'))
      .map(({ method, target }) => `${method} ${target}`);
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
    return { statuses, text: received, reached, from };
  };

  const put = async (path: string, body: unknown) => {
    const answer = await dockledger.api(path, { method: 'PUT', body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
  };
  let accessRules: readonly AccessRule[] = [{ name: 'Default - allow all', effect: 'allow' }];
  let changes = 0;
  /** Saves the list with a rule in front that a call can be asked about: when it answers, the list is in force. */
  const putInForce = async () => {
    const marker = `list ${++changes}`;
    const first: AccessRule = { name: marker, effect: 'deny', action: ['container_top'] };
    await put('/api/dockledger/v1/rules', { accessRules: [first, ...accessRules] });
    await until(
      'the rules are in force on the Defender',
      async () => {
        const { text } = await send('GET /containers/none/top HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
        return text.includes(`by rule ${marker}.`);
      },
      { withinMs: 60_000, everyMs: 20 },
    );
  };
  const visible = <Row>(api: string, read: () => Promise<Row[]>, count = 1) =>
    until(
      `${count} × ${api} in the trail`,
      async () => {
        const found = await read();
        return found.length >= count ? found : undefined;
      },
      { withinMs: 60_000, everyMs: 30 },
    );

  return {
    engine,
    dockledger,
    engineBytes: () => bytes,
    send,
    setRules: (rules) => {
      accessRules = rules;
      return putInForce();
    },
    setCompliance: async (complianceRules) => {
      await put('/api/dockledger/v1/compliance-rules', { complianceRules });
      await putInForce();
    },
    cutClients: () => {
      for (const socket of sockets) socket.destroy();
    },
    events: ({ from }, api, count) =>
      visible(api, () => dockledger.events(`from=${from}${api === '' ? '' : `&api=${api}`}`), count),
    audits: ({ from }, api) => visible(api, () => dockledger.audits(`from=${from}&api=${api}`)),
    [Symbol.asyncDispose]: async () => {
      await dockledger[Symbol.asyncDispose]();
      relay.close();
      await rm(relayPath, { force: true });
      await engine[Symbol.asyncDispose]();
    },
  };
}
