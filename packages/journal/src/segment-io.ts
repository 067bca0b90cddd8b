// The few calls that change a segment file, apart so that tests can put a failing disk in their place.
// Invariant: everything the journal calls "written" or "durable" has gone through here.
import { fdatasync, fsync, ftruncateSync, writeSync } from 'node:fs';

/** The disk as the journal sees it. Errors are Node's own, with `code`. */
export interface SegmentIo {
  /** Writes at `position`; may write fewer bytes than asked for, and returns how many. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** Puts all written data of the file on the disk. */
  sync(fd: number, done: (error: Error | null) => void): void;
  /** Puts the directory's entries on the disk. */
  syncDirectory(fd: number, done: (error: Error | null) => void): void;
  /** Cuts the file to that many bytes. */
  truncate(fd: number, bytes: number): void;
}

/** The real disk. */
export const diskIo: SegmentIo = {
  write: writeSync,
  sync: fdatasync,
  // fdatasync may leave out a directory entry that did not change the directory's size (ext4).
  syncDirectory: fsync,
  truncate: ftruncateSync,
};
