// Reads a log file line by line through rename, copytruncate and compression, from a position that survives all of them.
// Reads only ended lines; an unended last line counts once its file was rotated away and no longer grows.
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { HostLogLine, HostLogReader, HostLogReaderOptions } from './host-log-reader.ts';
import { createLineSplitter, type LineSplitter, type SplitLine } from './line-splitter.ts';
import {
  type FileIdentity,
  type FilePosition,
  identityOf,
  identityOfRotated,
  isSameFile,
  isSameRotated,
  type RotatedFile,
  rotatedFilesOf,
} from './log-file-identity.ts';

/** What a file reader is given beside what all readers are. */
export interface FileLogReaderOptions extends HostLogReaderOptions<FilePosition> {
  /** The file as the syslog daemon names it. It need not exist yet. */
  readonly path: string;
  /** How often the file is looked at. Defaults to 100 ms. */
  readonly pollMs?: number;
  /** How long a renamed file is still read after it stopped growing: its writer may not know yet. Defaults to 2 s. */
  readonly retireMs?: number;
  /** Longer lines give their beginning only. Defaults to 64 KB. */
  readonly maxLineBytes?: number;
}

type OpenFile = {
  readonly handle: FileHandle;
  splitter: LineSplitter;
  identity: FileIdentity;
  /** Behind the last delivered line. */
  lineEnd: number;
};

const chunkBytes = 256 * 1024;

/** Opens a reader of a log file. It runs until it is disposed, the file cannot be read, or `deliver` rejects. */
export function openFileLogReader(options: FileLogReaderOptions): HostLogReader {
  const { path, pollMs = 100, retireMs = 2000, maxLineBytes = 65_536 } = options;
  const stop = new AbortController();
  const buffer = Buffer.alloc(chunkBytes);
  let current: OpenFile | undefined;

  async function openAt(filePath: string, offset: number): Promise<OpenFile | undefined> {
    const handle = await open(filePath).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    // Unread content counts as well: a log that is cut before it was first read is found again by it.
    const identity = await identityOf(handle);
    return { handle, splitter: createLineSplitter(offset, maxLineBytes), identity, lineEnd: offset };
  }

  async function deliver(lines: readonly SplitLine[], identity: FileIdentity): Promise<void> {
    if (lines.length === 0) return;
    const positioned = lines.map(
      (line): HostLogLine<FilePosition> => ({
        bytes: line.bytes,
        isTruncated: line.isTruncated,
        position: { ...identity, offset: line.endOffset },
      }),
    );
    await options.deliver(positioned);
  }

  /** Reads what is there. Returns how many bytes that was, or `cut` when the file no longer holds what was read of it. */
  async function drain(file: OpenFile): Promise<number | 'cut'> {
    let total = 0;
    while (!stop.signal.aborted) {
      const { bytesRead } = await file.handle.read(buffer, 0, chunkBytes, file.splitter.offset);
      // Looked at after the read: what was read before a cut is good, what was read after it is another file's middle.
      if (await isCut(file, bytesRead)) return 'cut';
      if (bytesRead === 0) break;
      total += bytesRead;
      const lines = file.splitter.push(buffer.subarray(0, bytesRead));
      const last = lines.at(-1);
      if (last === undefined) continue;
      // The more of the file's beginning is known to be whole, the surer it is found again.
      if (file.identity.fingerprintLength < 256) file.identity = await identityOf(file.handle, last.endOffset);
      await deliver(lines, file.identity);
      file.lineEnd = last.endOffset;
    }
    return total;
  }

  async function isCut(file: OpenFile, bytesRead: number): Promise<boolean> {
    const { size } = await file.handle.stat();
    return size < file.splitter.offset + bytesRead || !(await isSameFile(file.handle, file.identity));
  }

  /** After copytruncate: the copy, which holds what was not yet read; without a copy the cut file from its beginning. */
  async function openCopyOf(file: OpenFile): Promise<OpenFile | undefined> {
    const opened = await openRotated({ ...file.identity, offset: file.lineEnd });
    if (opened !== 'nowhere') return opened;
    options.onGap({ reason: `${path} was truncated, and no copy of it was found` });
    return openAt(path, 0);
  }

  /** Reads a file that will not grow any more, from `offset` of its uncompressed bytes to its end. */
  async function readRotated(file: RotatedFile, offset: number): Promise<void> {
    const splitter = createLineSplitter(file.isCompressed ? 0 : offset, maxLineBytes);
    const source = createReadStream(file.path, file.isCompressed ? {} : { start: offset });
    const content = file.isCompressed ? source.pipe(createGunzip()) : source;
    const identity = await identityOfRotated(file);
    try {
      for await (const chunk of content as AsyncIterable<Buffer>) {
        if (stop.signal.aborted) return;
        await deliver(
          splitter.push(chunk).filter((line) => line.endOffset > offset),
          identity,
        );
      }
      const rest = splitter.end();
      if (rest !== undefined && rest.endOffset > offset) await deliver([rest], identity);
    } finally {
      source.destroy();
    }
  }

  async function begin(): Promise<void> {
    const from = options.resumeFrom;
    if (from === null) {
      const size = options.startAt === 'end' ? await sizeOf(path) : 0;
      current = await openAt(path, size);
      return;
    }
    const now = await openAt(path, 0);
    if (now !== undefined && (await isSameFile(now.handle, from)) && (await now.handle.stat()).size >= from.offset) {
      now.splitter = createLineSplitter(from.offset, maxLineBytes);
      now.identity = await identityOf(now.handle, from.offset);
      now.lineEnd = from.offset;
      current = now;
      return;
    }
    await now?.handle.close();
    const opened = await openRotated(from);
    if (opened === 'nowhere') {
      options.onGap({ reason: `${path} was rotated away, and none of its rotated files is the one last read` });
      current = await openAt(path, 0);
    } else current = opened;
  }

  /** The rotated file that `from` tells, opened there; the one behind it when it is compressed and was read here. */
  async function openRotated(from: FilePosition): Promise<OpenFile | 'nowhere' | undefined> {
    while (!stop.signal.aborted) {
      const file = await findRotated(from);
      if (file === undefined) return 'nowhere';
      if (file.isCompressed) {
        await readRotated(file, from.offset);
        return openNext(await identityOfRotated(file));
      }
      const opened = await openAt(file.path, from.offset);
      // A rotation between the look and the opening gives another file: look again.
      if (opened?.identity.inode === file.inode) return opened;
      await opened?.handle.close();
    }
    return undefined;
  }

  async function findRotated(known: FileIdentity): Promise<RotatedFile | undefined> {
    const files = await rotatedFilesOf(path);
    return files[await lastIndexOfSame(files, known)];
  }

  /** Finishes a renamed file: waits until its writer has moved on, then gives its unended last line. */
  async function retire(file: OpenFile): Promise<void> {
    const deadline = Date.now() + retireMs;
    for (let quiet = 0; quiet < 2 && !stop.signal.aborted; ) {
      const grown = await drain(file);
      const hasMovedOn = (await sizeOf(path)) > 0 || Date.now() > deadline;
      quiet = (grown === 0 || grown === 'cut') && hasMovedOn ? quiet + 1 : 0;
      await pause();
    }
    if (stop.signal.aborted) return;
    const rest = file.splitter.end();
    if (rest === undefined) return;
    await deliver([rest], file.identity);
    file.lineEnd = rest.endOffset;
  }

  /** The file behind a retired one: the next of the rotated ones when there was more than one rotation, else `path`. */
  async function openNext(finished: FileIdentity): Promise<OpenFile | undefined> {
    let last = finished;
    while (!stop.signal.aborted) {
      const next = await nextRotated(last);
      if (next?.isCompressed === true) {
        await readRotated(next, 0);
        last = await identityOfRotated(next);
        continue;
      }
      const opened = await openAt(next?.path ?? path, 0);
      // A rotation between the look and the opening gives another file: look again.
      const after = await nextRotated(last);
      const inode = after === undefined ? await inodeOf(path) : after.inode;
      if (opened === undefined ? inode === undefined : opened.identity.inode === inode) return opened;
      await opened?.handle.close();
    }
    return undefined;
  }

  async function nextRotated(last: FileIdentity): Promise<RotatedFile | undefined> {
    const files = await rotatedFilesOf(path);
    const at = await lastIndexOfSame(files, last);
    if (at < 0 && files.length > 0) {
      options.onGap({ reason: `${path} was rotated and its old file removed; files in between were not read` });
    }
    return at < 0 ? undefined : files[at + 1];
  }

  async function pause(): Promise<void> {
    await delay(pollMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }

  async function isRenamedAway(file: OpenFile): Promise<boolean> {
    const inode = await inodeOf(path);
    return inode !== undefined && inode !== file.identity.inode;
  }

  async function run(): Promise<void> {
    try {
      await begin();
      while (!stop.signal.aborted) {
        if (current === undefined) current = await openAt(path, 0);
        else {
          if ((await drain(current)) === 'cut') {
            const cut = current;
            current = await openCopyOf(cut);
            await cut.handle.close();
            continue;
          }
          if (await isRenamedAway(current)) {
            const finished = current;
            await retire(finished);
            if (stop.signal.aborted) break;
            current = await openNext(finished.identity);
            await finished.handle.close();
            continue;
          }
        }
        await pause();
      }
    } finally {
      await current?.handle.close();
    }
  }

  const done = run();
  // Whoever opened the reader looks at `done` when it likes; until then a rejection is no crash.
  done.catch(() => undefined);
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => undefined);
    },
  };
}

async function lastIndexOfSame(files: readonly RotatedFile[], known: FileIdentity): Promise<number> {
  const moved = files.findIndex(({ inode, isCompressed }) => inode === known.inode && !isCompressed);
  const byInode = files[moved];
  if (byInode !== undefined && (await isSameRotated(byInode, known))) return moved;
  for (let k = files.length - 1; k >= 0; k--) {
    const file = files[k];
    if (file !== undefined && (await isSameRotated(file, known))) return k;
  }
  return -1;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
