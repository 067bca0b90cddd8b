// One socket to the engine, read into a buffer of its own that is reused as long as nobody needs its bytes later.
// Invariant: at most one exchange listens at a time; bytes that arrive while nobody listens end the connection.
import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Where the engine listens. */
export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** The way an operator would write the address, for messages. */
export function formatEngineAddress(engine: EngineAddress): string {
  return 'socketPath' in engine ? `unix://${engine.socketPath}` : `tcp://${engine.host}:${engine.port}`;
}

/** Whoever uses the connection at the moment. */
export interface EngineListener {
  /**
   * `bytes[0, length)` are valid during the call only, unless {@link EngineConnection.keepBuffer} is called.
   * Answers false to stop reading until `resume()`.
   */
  onEngineBytes(bytes: Buffer, length: number): boolean;
  /** The engine sends nothing more; writing may still go on. */
  onEngineEnd(): void;
  /** Once, at the very end. `error` is the socket's, when it failed. */
  onEngineClose(error: NodeJS.ErrnoException | undefined): void;
  /** What was written has left; more may be written. */
  onEngineDrain(): void;
}

const readBufferBytes = 64 * 1024;

/** A connection of the pool. Closed by whoever holds it, or by the pool while idle. */
export class EngineConnection {
  /** Exchanges this connection has carried to their end. */
  exchanges = 0;
  /** Told once when an idle connection dies. Set by the pool. */
  onIdleClose: ((connection: EngineConnection) => void) | undefined;
  #listener: EngineListener | undefined;
  #buffer: Buffer;
  #error: NodeJS.ErrnoException | undefined;
  #isClosed = false;
  #isEnded = false;
  readonly #socket: Socket;

  constructor(engine: EngineAddress, listener: EngineListener, onConnect: () => void) {
    this.#listener = listener;
    this.#buffer = Buffer.allocUnsafeSlow(readBufferBytes);
    const options: NetConnectOpts = {
      ...('socketPath' in engine ? { path: engine.socketPath } : { host: engine.host, port: engine.port }),
      allowHalfOpen: true,
      noDelay: true,
      // The generator is asked after each read, which is what makes keepBuffer() possible without a copy.
      onread: {
        buffer: () => this.#buffer,
        callback: (length: number, bytes: Uint8Array) => this.#onBytes(length, bytes as Buffer),
      },
    };
    const socket = connect(options);
    this.#socket = socket;
    socket.once('connect', onConnect);
    socket.on('drain', () => this.#listener?.onEngineDrain());
    socket.on('end', () => {
      this.#isEnded = true;
      if (this.#listener === undefined) this.destroy();
      else this.#listener.onEngineEnd();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#isClosed = true;
      const current = this.#listener;
      this.#listener = undefined;
      if (current === undefined) this.onIdleClose?.(this);
      else current.onEngineClose(this.#error);
    });
  }

  /** True while another exchange may begin on it. */
  get isUsable(): boolean {
    return !this.#isClosed && !this.#isEnded && this.#socket.writable;
  }

  /** Hands the idle connection to its next exchange. */
  take(listener: EngineListener): void {
    this.#listener = listener;
  }

  /** The exchange is over; nobody listens until the next `take`. */
  detach(): void {
    this.#listener = undefined;
    this.exchanges++;
    this.#socket.resume();
  }

  /** False: wait for `onEngineDrain`. The bytes must not change any more. */
  write(bytes: Uint8Array | string): boolean {
    return typeof bytes === 'string' ? this.#socket.write(bytes, 'latin1') : this.#socket.write(bytes);
  }

  /** Collects the writes until `uncork` into one system call. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** The bytes of the current call stay valid; the next read goes to a new buffer. */
  keepBuffer(): void {
    this.#buffer = Buffer.allocUnsafeSlow(readBufferBytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Half-close: what was written still leaves, answers still arrive. */
  end(): void {
    this.#isEnded = true;
    this.#socket.end();
  }

  /** Drops the connection and its listener, who hears nothing more. */
  destroy(): void {
    this.#listener = undefined;
    this.#socket.destroy();
  }

  #onBytes(length: number, bytes: Buffer): boolean {
    if (this.#listener === undefined) {
      // Deliberately no second chance: an answer that nobody asked for would be taken for the next one's.
      this.destroy();
      return false;
    }
    return this.#listener.onEngineBytes(bytes, length);
  }
}
