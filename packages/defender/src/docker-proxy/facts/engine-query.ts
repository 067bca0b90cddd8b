// Asks the engine one question and reads the whole JSON answer, over the pool's connections.
// Invariant: an answer is bounded; a connection goes back to the pool only after a complete one.
import { formatTarget, parseResponseHead, type ResponseHead } from '@dockledger/rules';
import type { EngineConnection, EngineListener } from '../engine-connection.ts';
import type { EnginePool } from '../engine-pool.ts';
import { latin1 } from '../latin1.ts';
import { MessageBody } from '../message-body.ts';

/** What the engine said, or the system's code when it could not be asked. */
export type EngineAnswer =
  | { readonly status: number; readonly value: unknown }
  /** For instance ECONNREFUSED, timeout, malformed-answer. */
  | { readonly unavailable: string };

const maxAnswerBytes = 16 * 1024 * 1024;
const timeoutMs = 30_000;

/** Makes the mark that lets our own questions past our authorization plugin. */
export type PassMark = (method: string, target: string) => string;

/** Asks `GET path` of the engine. `path` is decoded and without version. Never rejects. */
export function queryEngine(pool: EnginePool, path: string, passMark?: PassMark): Promise<EngineAnswer> {
  const target = formatTarget(path, undefined, []);
  return new Promise((resolve) => {
    new EngineQuery(pool, target, passMark, resolve).start();
  });
}

class EngineQuery implements EngineListener {
  readonly #pool: EnginePool;
  readonly #target: string;
  readonly #passMark: PassMark | undefined;
  readonly #resolve: (answer: EngineAnswer) => void;
  readonly #timer: NodeJS.Timeout;
  #connection: EngineConnection | undefined;
  #received: Buffer = Buffer.alloc(0);
  #head: ResponseHead | undefined;
  #body: MessageBody | undefined;
  readonly #payload: Buffer[] = [];
  #payloadBytes = 0;

  constructor(
    pool: EnginePool,
    target: string,
    passMark: PassMark | undefined,
    resolve: (answer: EngineAnswer) => void,
  ) {
    this.#pool = pool;
    this.#target = target;
    this.#passMark = passMark;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#fail('timeout'), timeoutMs);
  }

  start(): void {
    this.#connection = this.#pool.acquire(this);
    this.#send();
  }

  #send(): void {
    const mark = this.#passMark === undefined ? '' : `X-Dockledger-Pass: ${this.#passMark('GET', this.#target)}\r\n`;
    this.#connection?.write(`GET ${this.#target} HTTP/1.1\r\nHost: docker\r\n${mark}\r\n`);
  }

  onEngineBytes(bytes: Buffer, length: number): boolean {
    if (this.#head === undefined) {
      this.#received = Buffer.concat([this.#received, bytes.subarray(0, length)]);
      const head = parseResponseHead(this.#received, 0, this.#received.length, 'GET', 0, latin1);
      if (head.kind === 'incomplete') return true;
      if (head.kind === 'malformed' || head.isInterim || head.isSwitch) {
        this.#fail('malformed-answer');
        return false;
      }
      this.#head = head;
      this.#body = new MessageBody(head.framing, head.contentLength);
      this.#take(this.#received, head.headBytes, this.#received.length);
    } else this.#take(bytes, 0, length);
    return true;
  }

  onEngineEnd(): void {
    if (this.#head?.framing === 'until-close') this.#succeed();
    else this.#retryOrFail('closed');
  }

  onEngineClose(error: NodeJS.ErrnoException | undefined): void {
    this.#retryOrFail(error?.code ?? 'closed');
  }

  onEngineDrain(): void {}

  #take(bytes: Buffer, start: number, end: number): void {
    const body = this.#body as MessageBody;
    const consumed = body.push(bytes, start, end, (from, to) => {
      this.#payloadBytes += to - from;
      this.#payload.push(Buffer.from(bytes.subarray(from, to)));
    });
    if (body.refusal !== undefined || consumed < end - start) this.#fail('malformed-answer');
    else if (this.#payloadBytes > maxAnswerBytes) this.#fail('answer-too-large');
    else if (body.isComplete) this.#succeed();
  }

  #succeed(): void {
    const connection = this.#connection;
    const head = this.#head;
    if (connection === undefined || head === undefined) return;
    this.#connection = undefined;
    clearTimeout(this.#timer);
    if (head.connectionClose) this.#pool.discard(connection);
    else this.#pool.release(connection);
    try {
      const text = Buffer.concat(this.#payload).toString('utf8');
      this.#resolve({ status: head.status, value: text === '' ? undefined : JSON.parse(text) });
    } catch {
      this.#resolve({ unavailable: 'malformed-answer' });
    }
  }

  /** An idle connection may have been too old; a question may be asked twice. */
  #retryOrFail(code: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const wasReused = connection.exchanges > 0 && this.#received.length === 0;
    if (!wasReused) {
      this.#fail(code);
      return;
    }
    this.#pool.discard(connection);
    this.#pool.purge();
    this.#connection = this.#pool.acquire(this);
    this.#send();
  }

  #fail(code: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    clearTimeout(this.#timer);
    this.#pool.discard(connection);
    if (code !== 'timeout') this.#pool.reportDown(code);
    this.#resolve({ unavailable: code });
  }
}
