// Follows one message's body through the bytes that carry it and says where it ends.
// Invariant: a byte behind the end is never counted as part of the body.
import { ChunkedBodyDecoder, type PayloadSink } from '@dockledger/rules';

/** What a body is framed by. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close';

/** The body of one request or answer on its way. Not reusable. */
export class MessageBody {
  /** True when all of it has passed. */
  isComplete: boolean;
  /** Why the framing was refused, when it was. */
  refusal: string | undefined;
  #remaining: number;
  readonly #chunked: ChunkedBodyDecoder | undefined;

  constructor(framing: BodyFraming, contentLength: number) {
    this.#chunked = framing === 'chunked' ? new ChunkedBodyDecoder() : undefined;
    this.#remaining = framing === 'length' ? contentLength : framing === 'until-close' ? Number.POSITIVE_INFINITY : 0;
    this.isComplete = this.#chunked === undefined && this.#remaining === 0;
  }

  /** Takes `bytes[start, end)`; answers how many of them, from `start`, belong to the body. */
  push(bytes: Uint8Array, start: number, end: number, onPayload?: PayloadSink): number {
    if (this.isComplete || this.refusal !== undefined) return 0;
    if (this.#chunked !== undefined) {
      const progress = this.#chunked.push(bytes, start, end, onPayload);
      if (progress.state === 'done') this.isComplete = true;
      else if (progress.state === 'refused') this.refusal = progress.reason;
      return this.#chunked.consumed;
    }
    const count = Math.min(end - start, this.#remaining);
    this.#remaining -= count;
    if (this.#remaining === 0) this.isComplete = true;
    onPayload?.(start, start + count);
    return count;
  }
}
