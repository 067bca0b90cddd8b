// What every reader of host logs promises. A reader keeps no position of its own: it hands one out with each line, and
// whoever puts the line on record puts the position into the same record. So after a kill -9 nothing is lost or repeated.

/** A gap in what could be read: lines that were there and are gone, or may be. */
export interface HostLogGap {
  /** One sentence for people. */
  readonly reason: string;
}

/** One line of a source, without its line feed, and the position behind it. */
export interface HostLogLine<Position> {
  readonly bytes: Uint8Array;
  /** Reading on from here gives the next line. Plain data: JSON keeps it. */
  readonly position: Position;
  /** True when the line was longer than the reader's limit; `bytes` is its beginning. */
  readonly isTruncated: boolean;
}

/** What a reader is given. */
export interface HostLogReaderOptions<Position> {
  /** Where to go on; null the first time. */
  readonly resumeFrom: Position | null;
  /** Where to begin the first time. */
  readonly startAt: 'beginning' | 'end';
  /**
   * Takes lines in order, at least one. The reader waits for it, so a slow taker holds the source and not memory.
   * A rejection ends the reader with that error; the lines come again when it is opened anew at the position before.
   */
  deliver(lines: readonly HostLogLine<Position>[]): Promise<void>;
  /** Called before the first line behind a gap. */
  onGap(gap: HostLogGap): void;
}

/** A reader at work. Disposing it waits for the delivery under way. */
export interface HostLogReader extends AsyncDisposable {
  /** Resolves when the reader was disposed; rejects when it ended on its own, with the reason. */
  readonly done: Promise<void>;
}
