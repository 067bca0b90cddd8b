// A disk that a power cut makes forget: what was written since the last sync is kept, lost or torn at random.
// Invariant: what a finished sync covered is never touched.
import { closeSync, fstatSync, ftruncateSync, openSync, readlinkSync, readSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { diskIo, type SegmentIo } from '../segment-io.ts';

interface UnsyncedWrite {
  readonly file: string;
  readonly position: number;
  readonly before: Buffer;
  readonly length: number;
  readonly sizeBefore: number;
}

/** A disk for the journal's `io` option, and the power cut. */
export interface ForgetfulDisk {
  readonly io: SegmentIo;
  /** From here on every call fails, as for a process that is gone. Close what is open, then call {@link ForgetfulDisk.forget}. */
  cutPower(): void;
  /** Applies the power cut to the files. `random` gives numbers from 0 up to 1. */
  forget(random: () => number): void;
}

/** Makes a disk that works until its power is cut. */
export function createForgetfulDisk(): ForgetfulDisk {
  let unsynced: UnsyncedWrite[] = [];
  let newFiles: string[] = [];
  let isOff = false;
  const pathOf = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`);
  const assertOn = (): void => {
    if (isOff) throw Object.assign(new Error('The power is off.'), { code: 'EIO' });
  };
  const io: SegmentIo = {
    write: (fd, bytes, offset, length, position) => {
      assertOn();
      const file = pathOf(fd);
      const sizeBefore = fstatSync(fd).size;
      if (sizeBefore === 0 && position === 0) newFiles.push(file);
      const before = Buffer.alloc(length);
      // Frames are written through descriptors that can be read as well.
      readSync(fd, before, 0, length, position);
      const written = diskIo.write(fd, bytes, offset, length, position);
      unsynced.push({ file, position, before, length: written, sizeBefore });
      return written;
    },
    sync: (fd, done) => {
      if (isOff) {
        setImmediate(() => done(new Error('The power is off.')));
        return;
      }
      const file = pathOf(fd);
      const covered = new Set(unsynced.filter((write) => write.file === file));
      // What is written while the sync runs is not covered by it.
      diskIo.sync(fd, (error) => {
        if (isOff) error = new Error('The power is off.');
        else unsynced = unsynced.filter((write) => !covered.has(write));
        done(error);
      });
    },
    syncDirectory: (fd, done) => {
      if (isOff) {
        setImmediate(() => done(new Error('The power is off.')));
        return;
      }
      const directory = pathOf(fd);
      const covered = new Set(newFiles.filter((file) => dirname(file) === directory));
      diskIo.syncDirectory(fd, (error) => {
        if (isOff) error = new Error('The power is off.');
        else newFiles = newFiles.filter((file) => !covered.has(file));
        done(error);
      });
    },
    truncate: (fd, bytes) => {
      assertOn();
      diskIo.truncate(fd, bytes);
    },
  };
  const undo = (write: UnsyncedWrite, from: number): void => {
    let fd: number;
    try {
      fd = openSync(write.file, 'r+');
    } catch {
      return;
    }
    try {
      const size = fstatSync(fd).size;
      const isTail = write.position + write.length === size && write.sizeBefore <= write.position;
      if (isTail && from === 0) ftruncateSync(fd, write.position);
      else writeSync(fd, write.before, from, write.length - from, write.position + from);
    } finally {
      closeSync(fd);
    }
  };
  return {
    io,
    cutPower: () => {
      isOff = true;
    },
    forget: (random) => {
      for (const write of unsynced.toReversed()) {
        const fate = random();
        if (fate < 0.4) undo(write, 0);
        else if (fate < 0.7) undo(write, Math.floor(random() * write.length));
      }
      for (const file of newFiles)
        if (basename(file).endsWith('.segment') && random() < 0.5) rmSync(file, { force: true });
    },
  };
}
