// Cuts a byte stream into lines with the offset behind each. A line over the limit gives its beginning once and the rest
// is passed over; blocks of NUL at a line's start (left by a crash) are passed over as well.

/** One line and the offset of the byte behind its line feed. */
export interface SplitLine {
  readonly bytes: Uint8Array;
  readonly endOffset: number;
  readonly isTruncated: boolean;
}

/** Cuts one stream. */
export interface LineSplitter {
  /** Takes the next bytes of the stream and returns the lines that they end. Keeps nothing of the memory given. */
  push(chunk: Uint8Array): SplitLine[];
  /** Returns the unended last line, for a stream that will not go on; undefined when there is none. */
  end(): SplitLine | undefined;
  /** The offset behind all bytes taken. */
  readonly offset: number;
}

/** Creates a splitter whose first byte has the offset `startOffset`. */
export function createLineSplitter(startOffset: number, maxLineBytes: number): LineSplitter {
  let offset = startOffset;
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let isOver = false;

  function keep(piece: Uint8Array): void {
    const from = keptBytes === 0 ? firstNonNul(piece) : 0;
    const room = maxLineBytes - keptBytes;
    if (piece.length - from > room) isOver = true;
    // A copy: the caller may read into the same memory again, and a Buffer's own slice is only a view of it.
    const part = Uint8Array.from(piece.subarray(from, from + room));
    if (part.length === 0) return;
    kept.push(part);
    keptBytes += part.length;
  }

  function take(endOffset: number): SplitLine {
    const bytes = kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
    const line = { bytes, endOffset, isTruncated: isOver };
    kept = [];
    keptBytes = 0;
    isOver = false;
    return line;
  }

  return {
    get offset() {
      return offset;
    },
    push(chunk) {
      const lines: SplitLine[] = [];
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        keep(chunk.subarray(from, at));
        lines.push(take(offset + at + 1));
        from = at + 1;
      }
      keep(chunk.subarray(from));
      offset += chunk.length;
      return lines;
    },
    end() {
      return keptBytes === 0 ? undefined : take(offset);
    },
  };
}

function firstNonNul(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length && bytes[at] === 0) at++;
  return at;
}
