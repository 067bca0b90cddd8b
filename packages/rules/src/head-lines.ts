// Finds the end of an HTTP/1.1 message head and its lines, in one pass over the bytes.
// Invariant: a line ends in CRLF and in nothing else; a head holds no control character but HTAB. Whoever
// reads lines from here never meets a bare CR, a bare LF or a NUL.

/** The most header fields a head may carry. Docker clients send fewer than 15. */
export const maxHeaderFields = 100;

/** The most bytes a head may have, its closing empty line included. */
export const maxHeadBytes = 64 * 1024;

/** Turns bytes into text, one byte to one character. On Node, `buffer.latin1Slice` is the fast one. */
export type Latin1Decoder = (bytes: Uint8Array, start: number, end: number) => string;

/** The {@link Latin1Decoder} that needs no runtime support. About ten times slower than the native one. */
export const decodeLatin1: Latin1Decoder = (bytes, start, end) => {
  let text = '';
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 4096)));
  }
  return text;
};

/** Why {@link HeadLines.scan} stopped. */
export type HeadScan =
  | 'complete'
  | 'incomplete'
  | 'too-large'
  | 'too-many-fields'
  | 'bare-lf'
  | 'bare-cr'
  | 'control-character'
  | 'empty-start-line';

const plain = 0;
const colon = 1;
const carriageReturn = 2;
const lineFeed = 3;

const byteKind = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte === 0x3a) byteKind[byte] = colon;
  else if (byte === 0x0d) byteKind[byte] = carriageReturn;
  else if (byte === 0x0a) byteKind[byte] = lineFeed;
  else if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) byteKind[byte] = 4;
}

/**
 * The lines of one head. An instance is reused for head after head: its arrays are only valid until the next `scan`,
 * which is why parsers copy out what they keep before they return.
 */
export class HeadLines {
  /** Lines found, start line included, closing empty line excluded. */
  count = 0;
  /** Offset behind the closing empty line; valid when `scan` answered `complete`. */
  headEnd = 0;
  /** Where a later `scan` of the same, longer input may go on; valid when `scan` answered `incomplete`. */
  scannedTo = 0;
  /** Offset of the CR that ends line n. Line n + 1 begins two bytes later. */
  readonly ends = new Int32Array(maxHeaderFields + 1);
  /** Offset of the first colon of line n, -1 when it has none. */
  readonly colons = new Int32Array(maxHeaderFields + 1);

  /**
   * Looks for a whole head in `bytes[start, end)`. `from` is `start`, or the `scannedTo` of an earlier, shorter try, so
   * that a head that trickles in byte by byte costs no quadratic time.
   */
  scan(bytes: Uint8Array, start: number, end: number, from: number): HeadScan {
    const limit = Math.min(end, start + maxHeadBytes);
    let result = this.#pass(bytes, start, limit, from);
    if (result === 'complete' && from !== start) result = this.#pass(bytes, start, limit, start);
    return result === 'incomplete' && end - start >= maxHeadBytes ? 'too-large' : result;
  }

  #pass(bytes: Uint8Array, start: number, end: number, from: number): HeadScan {
    const { ends, colons } = this;
    let line = 0;
    let firstColon = -1;
    for (let at = from; at < end; at++) {
      const kind = byteKind[bytes[at]!];
      if (kind === plain) continue;
      if (kind === colon) {
        if (firstColon < 0) firstColon = at;
      } else if (kind === carriageReturn) {
        if (at + 1 === end) {
          this.scannedTo = at;
          return 'incomplete';
        }
        if (bytes[at + 1] !== 0x0a) return 'bare-cr';
        if (at === start) return 'empty-start-line';
        if (bytes[at - 1] === 0x0a) {
          this.count = line;
          this.headEnd = at + 2;
          return 'complete';
        }
        at++;
        if (line > maxHeaderFields) return 'too-many-fields';
        ends[line] = at - 1;
        colons[line] = firstColon;
        line++;
        firstColon = -1;
      } else {
        return kind === lineFeed ? 'bare-lf' : 'control-character';
      }
    }
    this.scannedTo = end;
    return 'incomplete';
  }
}
