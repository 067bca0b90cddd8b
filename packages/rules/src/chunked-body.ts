// Follows a chunked body through buffers as they arrive and finds its end.
// Invariant: only `SIZE CRLF data CRLF … 0 CRLF CRLF` passes: no extension, no trailer, no bare LF, no blanks. What
// passed means the same to every parser, so the raw framed bytes may be forwarded.

/** Where the decoder stands after a `push`. */
export type ChunkedProgress =
  | { readonly state: 'more' }
  /** The body ended; `consumed` says how many bytes of the last buffer belonged to it. */
  | { readonly state: 'done' }
  | { readonly state: 'refused'; readonly reason: string };

const size = 0;
const sizeLf = 1;
const data = 2;
const dataCr = 3;
const dataLf = 4;
const endCr = 5;
const endLf = 6;
const done = 7;
const refused = 8;

/** The most digits a chunk size may have: 48 bits, far under what a number holds exactly. */
const maxSizeDigits = 12;

const hexDigit = new Int8Array(256).fill(-1);
for (const [value, character] of Array.from('0123456789abcdef').entries()) {
  hexDigit[character.charCodeAt(0)] = value;
  hexDigit[character.toUpperCase().charCodeAt(0)] = value;
}

/** Receives the payload of a chunk, or a part of one, as offsets into the buffer that was pushed. */
export type PayloadSink = (start: number, end: number) => void;

/** Decodes one chunked body. Not reusable: make a new one for each body. */
export class ChunkedBodyDecoder {
  #state = size;
  #digits = 0;
  #remaining = 0;
  #reason = '';
  /** How many bytes of the last buffer pushed, from its `start`, belong to the body. */
  consumed = 0;
  /** Payload bytes seen so far, framing not counted. */
  payloadBytes = 0;

  /** Takes the next bytes. After `done` or `refused` it consumes nothing more and repeats its answer. */
  push(bytes: Uint8Array, start: number, end: number, onPayload?: PayloadSink): ChunkedProgress {
    let at = start;
    while (at < end && this.#state < done) {
      if (this.#state === data) {
        const stop = Math.min(end, at + this.#remaining);
        onPayload?.(at, stop);
        this.#remaining -= stop - at;
        this.payloadBytes += stop - at;
        at = stop;
        if (this.#remaining === 0) this.#state = dataCr;
        continue;
      }
      this.#step(bytes[at]!);
      at++;
    }
    this.consumed = at - start;
    if (this.#state === done) return { state: 'done' };
    return this.#state === refused ? { state: 'refused', reason: this.#reason } : { state: 'more' };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case size: {
        const digit = hexDigit[byte]!;
        if (digit >= 0) {
          if (++this.#digits > maxSizeDigits) return this.#refuse('A chunk size has too many digits.');
          this.#remaining = this.#remaining * 16 + digit;
          return;
        }
        if (this.#digits === 0) return this.#refuse('A chunk has no size.');
        if (byte !== 0x0d) return this.#refuse('A chunk size is followed by something other than CRLF.');
        this.#state = sizeLf;
        return;
      }
      case sizeLf:
        if (byte !== 0x0a) return this.#refuse('A chunk size is followed by something other than CRLF.');
        this.#digits = 0;
        this.#state = this.#remaining === 0 ? endCr : data;
        return;
      case dataCr:
        if (byte !== 0x0d) return this.#refuse('A chunk is longer than its size.');
        this.#state = dataLf;
        return;
      case dataLf:
        if (byte !== 0x0a) return this.#refuse('A chunk is longer than its size.');
        this.#state = size;
        return;
      case endCr:
        if (byte !== 0x0d) return this.#refuse('The body has trailers.');
        this.#state = endLf;
        return;
      default:
        if (byte !== 0x0a) return this.#refuse('The body does not end in CRLF.');
        this.#state = done;
    }
  }

  #refuse(reason: string): void {
    this.#state = refused;
    this.#reason = reason;
  }
}
