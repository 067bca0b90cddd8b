// Recognises a log file again after it was renamed, copied or compressed: by the hash of its first bytes, and by its
// inode while it is still too empty for that. Finds the rotated neighbours of a log file, oldest first.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';

/** How many bytes are hashed at most: more than the first line of any syslog. */
const fingerprintBytes = 256;

/** Where a reader of a log file stands. */
export interface FilePosition {
  readonly inode: number;
  /** SHA-256, in hex, of the first `fingerprintLength` bytes. */
  readonly fingerprint: string;
  readonly fingerprintLength: number;
  /** Bytes read, of the uncompressed file. */
  readonly offset: number;
}

/** What a file is told by. */
export type FileIdentity = Omit<FilePosition, 'offset'>;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function headOf(handle: FileHandle, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

/** Tells an open file by its first bytes. `knownBytes` limits them to what was read, so a half-written line never counts. */
export async function identityOf(handle: FileHandle, knownBytes: number = fingerprintBytes): Promise<FileIdentity> {
  const head = await headOf(handle, Math.min(fingerprintBytes, knownBytes));
  const { ino } = await handle.stat();
  return { inode: ino, fingerprint: sha256(head), fingerprintLength: head.length };
}

/** True when an open file begins with the bytes that `known` stands for; an empty `known` counts by inode. */
export async function isSameFile(handle: FileHandle, known: FileIdentity): Promise<boolean> {
  if (known.fingerprintLength === 0) return (await handle.stat()).ino === known.inode;
  const head = await headOf(handle, known.fingerprintLength);
  return head.length === known.fingerprintLength && sha256(head) === known.fingerprint;
}

/** The first `length` bytes of what a gzip file holds; fewer when it holds less or is damaged. */
async function unpackedHead(path: string, length: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let size = 0;
  const source = createReadStream(path, { end: 65_535 });
  const unpacked = source.pipe(createGunzip());
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      pieces.push(chunk);
      size += chunk.length;
      if (size >= length) break;
    }
  } catch {
    // Not gzip, or only its beginning was given: what was unpacked decides.
  } finally {
    source.destroy();
    unpacked.destroy();
  }
  return Buffer.concat(pieces).subarray(0, length);
}

/** One file of a rotation. */
export interface RotatedFile {
  readonly path: string;
  readonly inode: number;
  readonly isCompressed: boolean;
}

/** The rotated neighbours of `path` (`auth.log.1`, `auth.log-20261123`, `auth.log.2.gz`), oldest first, without `path`. */
export async function rotatedFilesOf(path: string): Promise<RotatedFile[]> {
  const found: (RotatedFile & { readonly mtimeMs: number })[] = [];
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    const suffix = name.startsWith(basename(path)) ? name.slice(basename(path).length) : '';
    if (!/^[.-]\d[\d.-]*(?:\.gz)?$/.test(suffix)) continue;
    const status = await stat(join(dirname(path), name)).catch(() => undefined);
    if (status?.isFile() !== true) continue;
    const { ino: inode, mtimeMs } = status;
    found.push({ path: join(dirname(path), name), inode, isCompressed: suffix.endsWith('.gz'), mtimeMs });
  }
  // Rotations within one tick of the file system's clock: a higher number is older.
  return found.sort((a, b) => a.mtimeMs - b.mtimeMs || b.path.localeCompare(a.path, 'en', { numeric: true }));
}

/** True when the file at a path is the one that `known` tells. A file that cannot be read is not. */
export async function isSameRotated(file: RotatedFile, known: FileIdentity): Promise<boolean> {
  if (file.isCompressed) {
    const head = known.fingerprintLength === 0 ? undefined : await unpackedHead(file.path, known.fingerprintLength);
    return head?.length === known.fingerprintLength && sha256(head) === known.fingerprint;
  }
  const handle = await open(file.path).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    return await isSameFile(handle, known);
  } finally {
    await handle.close();
  }
}

/** Tells a file that will not grow any more. */
export async function identityOfRotated(file: RotatedFile): Promise<FileIdentity> {
  if (file.isCompressed) {
    const head = await unpackedHead(file.path, fingerprintBytes);
    return { inode: file.inode, fingerprint: sha256(head), fingerprintLength: head.length };
  }
  const handle = await open(file.path);
  try {
    return await identityOf(handle);
  } finally {
    await handle.close();
  }
}
