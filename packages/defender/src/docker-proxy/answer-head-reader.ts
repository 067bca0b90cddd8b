// Finds the head of the engine's answer in the bytes as they come; interim answers (1xx but 101) are swallowed.
// Invariant: bytes are copied only when the head comes in pieces.
import { parseResponseHead, type ResponseHead } from '@dockledger/rules';
import { latin1 } from './latin1.ts';

/** An answer's head with the bytes that begin with it; more may be needed; or no answer at all. */
export type AnswerReading =
  | { readonly kind: 'head'; readonly head: ResponseHead; readonly bytes: Buffer }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly reason: string };

const incomplete: AnswerReading = { kind: 'incomplete' };

/** Reads one answer's head. Not reusable. */
export class AnswerHeadReader {
  readonly #method: string;
  #stash: Buffer | undefined;
  #scannedTo = 0;

  /** `method`: of the request, as a HEAD's answer has no body. */
  constructor(method: string) {
    this.#method = method;
  }

  /** True when a byte of the answer has come. */
  get hasBegun(): boolean {
    return this.#stash !== undefined;
  }

  /** Takes the next bytes. Those of a `head` are a view of them, or of a copy when the head came in pieces. */
  push(bytes: Buffer, length: number): AnswerReading {
    const data = this.#stash === undefined ? bytes : Buffer.concat([this.#stash, bytes.subarray(0, length)]);
    const end = this.#stash === undefined ? length : data.length;
    let at = 0;
    for (;;) {
      const answer = parseResponseHead(data, at, end, this.#method, at + this.#scannedTo, latin1);
      if (answer.kind === 'malformed') return answer;
      if (answer.kind === 'incomplete') {
        this.#stash = Buffer.from(data.subarray(at, end));
        this.#scannedTo = answer.scannedTo - at;
        return incomplete;
      }
      if (!answer.isInterim) return { kind: 'head', head: answer, bytes: data.subarray(at, end) };
      at += answer.headBytes;
      this.#scannedTo = 0;
    }
  }
}
