// A proxy in the test's own process, with rules and a memory recorder, and a raw client to talk to it.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { AccessRule } from '@dockledger/contract';
import { type CollectionScope, compileRules } from '@dockledger/rules';
import { createTempDir, until } from '@dockledger/testkit';
import type { Caller, Identifier } from '../../ports.ts';
import { silentLog } from '../app-log.ts';
import { createDockerJudge } from '../docker-judge.ts';
import { createDockerProxy, type DockerProxy, type DockerProxyOptions } from '../docker-proxy.ts';
import { EnginePool } from '../engine-pool.ts';
import { createTargetFinder, type TargetFinderOptions } from '../facts/target-finder.ts';
import { createMemoryRecorder, type MemoryRecorder } from './memory-recorder.ts';

/** The one who calls unless a test says otherwise. */
export const alice: Caller = {
  actor: { user: 'alice', userSource: 'peer', uid: 1000 },
  principals: ['alice', 'uid:1000'],
  groups: ['dev'],
};

/** A proxy under test. */
export interface TestProxy extends AsyncDisposable {
  readonly path: string;
  readonly host: string;
  readonly recorder: MemoryRecorder;
  readonly proxy: DockerProxy;
  readonly pool: EnginePool;
  /** The rules in force; may be replaced. */
  accessRules: readonly AccessRule[];
}

/** Allows and records everything. */
export const allowAll: AccessRule = { name: 'Default - allow all', effect: 'allow' };

/** Starts a proxy before the engine at `engineSocket`. */
export async function startProxy(
  engineSocket: string,
  options: Partial<DockerProxyOptions> &
    Pick<TargetFinderOptions, 'guardsExecs'> & { collections?: readonly CollectionScope[] } = {},
): Promise<TestProxy> {
  const dir = await createTempDir('dlp-');
  const path = join(dir.path, 'p.sock');
  const recorder = createMemoryRecorder();
  const pool = new EnginePool({ engine: { socketPath: engineSocket }, log: silentLog });
  const state = { accessRules: [allowAll] as readonly AccessRule[] };
  const { guardsExecs, collections = [], ...rest } = options;
  const identifier: Identifier = options.identifier ?? { identify: () => alice };
  const proxy = createDockerProxy({
    pool,
    recorder,
    log: silentLog,
    judge: createDockerJudge({
      rules: () => compileRules(state.accessRules, { collections }),
      host: { hostname: 'test' },
    }),
    facts: createTargetFinder({ pool, ...(guardsExecs === undefined ? {} : { guardsExecs }) }),
    ...rest,
    identifier,
  });
  await proxy.listen({ path });
  return {
    path,
    host: `unix://${path}`,
    recorder,
    proxy,
    pool,
    get accessRules() {
      return state.accessRules;
    },
    set accessRules(rules) {
      state.accessRules = rules;
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.close({ graceMs: 100 });
      pool.purge();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A raw client. */
export interface RawClient extends Disposable {
  readonly socket: Socket;
  send(bytes: string | Uint8Array): void;
  received(): string;
  /** True when the other side has ended or cut the connection. */
  readonly isOver: boolean;
  /** Resolves with all received when it holds `text`. */
  receives(text: string): Promise<string>;
  /** Resolves with all received when the other side has ended. */
  ends(): Promise<string>;
}

/** Connects to a unix socket. */
export async function connectRaw(path: string): Promise<RawClient> {
  const socket = connect({ path, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let isOver = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => {
    isOver = true;
  });
  socket.on('close', () => {
    isOver = true;
  });
  await once(socket, 'connect');
  socket.on('error', () => {});
  const received = () => Buffer.concat(chunks).toString('latin1');
  return {
    socket,
    received,
    send: (bytes) => {
      socket.write(bytes);
    },
    get isOver() {
      return isOver;
    },
    receives: async (text) => {
      await until(`the client receives ${JSON.stringify(text)}, has ${JSON.stringify(received().slice(-300))}`, () =>
        received().includes(text),
      );
      return received();
    },
    ends: async () => {
      await until('the connection ends', () => isOver);
      return received();
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}

/** A GET as clients send it. */
export function get(target: string, extra = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: docker\r\n${extra}\r\n`;
}

/** A POST with a JSON body. */
export function post(target: string, body = '', extra = ''): string {
  const type = body === '' ? '' : 'Content-Type: application/json\r\n';
  return `POST ${target} HTTP/1.1\r\nHost: docker\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;
}
