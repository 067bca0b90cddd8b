// One accepted connection: who it is, its unread bytes, and its requests one after the other.
// Invariant: at most one exchange at a time; bytes behind a request wait here, bounded, until its answer is complete.
import type { Socket } from 'node:net';
import { type HeadRefusal, parseRequestHead, type RequestHead } from '@dockledger/rules';
import type { Caller } from '../ports.ts';
import { callerKeyOf, malformedDraft } from './event-draft.ts';
import { type ClientSide, Exchange } from './exchange.ts';
import { latin1 } from './latin1.ts';
import { formatOwnAnswer } from './own-answer.ts';
import type { ProxyContext } from './proxy-context.ts';

/** Bytes that may wait while an exchange does not take them. */
const maxPendingBytes = 256 * 1024;

/** How long a connection that is being closed may still send before it is cut. */
const lingerMs = 5_000;

/** Looks at a head before anything else does. Answers why the request is not taken, or undefined. */
export type RequestGuard = (head: RequestHead) => string | undefined;

const nobody: Caller = { actor: { user: '', userSource: 'unknown' }, principals: [], groups: [] };

/** A client of the proxy. Closes itself; `close` is for the proxy's end. */
export class ClientConnection implements ClientSide {
  caller: Caller = nobody;
  callerKey = '';
  isEnded = false;
  /** When the unfinished head or body that is being waited for began, in ms since 1970; 0 when none is. */
  waitingSince = 0;
  readonly #context: ProxyContext;
  readonly #socket: Socket;
  readonly #onClosed: (connection: ClientConnection) => void;
  readonly #guard: RequestGuard | undefined;
  #pending: Buffer | undefined;
  #scannedTo = 0;
  #exchange: Exchange | undefined;
  #isIdentified = false;
  #isClosing = false;
  #isAdvancing = false;
  #isPaused = false;

  constructor(
    context: ProxyContext,
    socket: Socket,
    onClosed: (connection: ClientConnection) => void,
    guard?: RequestGuard,
  ) {
    this.#guard = guard;
    this.#context = context;
    this.#socket = socket;
    this.#onClosed = onClosed;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#exchange?.onClientDrain());
    // The close that follows tells the rest; a reset by a client is no event of its own.
    socket.on('error', () => {});
    socket.on('close', () => this.#onSocketClosed());
  }

  /** Tells who the client is. Bytes that came before wait for it. */
  identified(caller: Caller): void {
    this.caller = caller;
    this.callerKey = callerKeyOf(caller);
    this.#isIdentified = true;
    this.#advance();
  }

  /** No exchange is under way. */
  get isIdle(): boolean {
    return this.#exchange === undefined;
  }

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  write(bytes: Uint8Array | string): boolean {
    return typeof bytes === 'string' ? this.#socket.write(bytes, 'latin1') : this.#socket.write(bytes);
  }

  pump(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    const pending = this.#pending;
    if (pending === undefined || this.#exchange === undefined) return;
    this.#pending = undefined;
    this.#offer(pending);
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#exchange = undefined;
    this.#isClosing = true;
    this.#socket.destroy();
  }

  finish(keepsAlive: boolean): void {
    this.#exchange = undefined;
    this.waitingSince = 0;
    if (this.isEnded && this.#pending === undefined) {
      this.#socket.end();
      return;
    }
    if (!keepsAlive || this.#isClosing) {
      if (keepsAlive && this.#pending === undefined) this.close();
      else this.#linger();
      return;
    }
    if (this.#isPaused) this.pump();
    if (this.#pending !== undefined) this.#advance();
  }

  /** Ends the connection when its exchange is over; at once when it has none. */
  close(): void {
    this.#isClosing = true;
    // What was written still leaves; an idle client has nothing to say that would have to be read first.
    if (this.#exchange === undefined) this.#socket.end(() => this.#socket.destroy());
  }

  /** Cuts the connection now; its exchange learns that the client is gone. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Gives up a client whose head or body does not arrive. */
  timeOut(): void {
    if (this.#exchange !== undefined) this.#exchange.onBodyTimeout();
    else this.#refuse({ status: 408, reason: 'The request did not arrive in time.' });
  }

  #onData(chunk: Buffer): void {
    if (this.#isClosing && this.#exchange === undefined) return;
    if (this.#exchange !== undefined && this.#pending === undefined) {
      this.#offer(chunk);
      return;
    }
    this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#exchange !== undefined || !this.#isIdentified) {
      if (this.#pending.length > maxPendingBytes) this.pause();
      return;
    }
    this.#advance();
  }

  /** Gives bytes to the exchange and keeps what it does not take. */
  #offer(bytes: Buffer): void {
    const exchange = this.#exchange as Exchange;
    const consumed = exchange.onClientBytes(bytes, 0, bytes.length);
    if (exchange.awaitsBody) this.waitingSince = this.#context.now();
    else this.waitingSince = 0;
    if (consumed === bytes.length) return;
    this.#pending = bytes.subarray(consumed);
    if (this.#exchange === undefined) this.#advance();
    else if (this.#pending.length > maxPendingBytes) this.pause();
  }

  /** Begins exchanges as long as whole heads are here and no exchange is under way. */
  #advance(): void {
    // An exchange that ends within its start comes back here through finish(); the loop below goes on instead.
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#pending !== undefined && this.#exchange === undefined && this.#isIdentified && !this.#isClosing) {
      const bytes = this.#pending;
      const head = parseRequestHead(bytes, 0, bytes.length, this.#scannedTo, latin1);
      if (head.kind === 'incomplete') {
        this.#scannedTo = head.scannedTo;
        if (this.waitingSince === 0) this.waitingSince = this.#context.now();
        break;
      }
      this.#scannedTo = 0;
      this.waitingSince = 0;
      if (head.kind === 'refusal') {
        this.#refuse(head);
        break;
      }
      const unwelcome = this.#guard?.(head);
      if (unwelcome !== undefined) {
        this.#refuse({ status: 403, reason: unwelcome });
        break;
      }
      this.#pending = undefined;
      const exchange = new Exchange(this.#context, this, head);
      this.#exchange = exchange;
      const rest = head.headBytes < bytes.length ? bytes.subarray(head.headBytes) : undefined;
      this.#pending = rest;
      exchange.start();
      if (this.#exchange === exchange) this.pump();
      if (this.#exchange === exchange && exchange.awaitsBody) this.waitingSince = this.#context.now();
    }
    this.#isAdvancing = false;
    if (this.isEnded && this.#exchange === undefined && !this.#isClosing) this.#onEndIdle();
    else if (this.isEnded && this.#exchange?.awaitsBody === true) this.#exchange.onClientEnd();
  }

  #onEnd(): void {
    this.isEnded = true;
    if (this.#exchange !== undefined) this.#exchange.onClientEnd();
    else if (this.#isIdentified) this.#onEndIdle();
  }

  /** The client ended between requests, or within a head. */
  #onEndIdle(): void {
    if (this.#pending === undefined || this.#isClosing) this.#socket.end();
    else this.#refuse({ status: 400, reason: 'The connection ended within a request head.' });
  }

  /** Records and answers bytes that are no request, then closes: the end of such a request can't be trusted. */
  #refuse({ status, reason }: Pick<HeadRefusal, 'reason'> & { readonly status: number }): void {
    this.#isClosing = true;
    this.#pending = undefined;
    this.waitingSince = 0;
    const { recorder, settings, counters, log, now } = this.#context;
    counters.requests++;
    counters.malformed++;
    const message = `[${settings.brand}] ${reason}`;
    const recorded = recorder.request({
      kind: 'request',
      rid: recorder.nextRid(),
      draft: malformedDraft(this.caller, 'unknown', message, now()),
      outcome: { state: 'refused', status },
    });
    const answer = () => {
      this.#socket.write(formatOwnAnswer({ status, message, closes: true, isHead: false }));
      this.#linger();
    };
    void recorded.written
      .then(() => recorded.durable())
      .then(answer, (error: unknown) => {
        counters.unrecorded++;
        log.warn({ err: error }, 'a refusal could not be recorded');
        answer();
      });
  }

  /** Ends our side and discards what still arrives for a moment, so that the client reads the answer and not a reset. */
  #linger(): void {
    this.#isClosing = true;
    this.#pending = undefined;
    this.#socket.end();
    this.#socket.resume();
    if (this.isEnded) return;
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #onSocketClosed(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.waitingSince = 0;
    exchange?.onClientGone();
    this.#onClosed(this);
  }
}
