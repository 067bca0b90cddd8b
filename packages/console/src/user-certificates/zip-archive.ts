// Packs a few small texts into a zip archive, stored without compression.
// Deliberately by hand: three files of 1 KB need no library, and zip opens by a double click where tar does not.
import { crc32 } from 'node:zlib';

/** A file of the archive. */
export interface ZipEntry {
  /** ASCII, without directories. */
  readonly name: string;
  readonly content: string;
  /** Unix permissions. */
  readonly mode: number;
}

// 1 January 1980, the first day that the format knows: the moment of packing is nobody's business.
const dosDate = 0x21;
const madeByUnix = 0x03_14;

/** The archive's bytes (PKWARE APPNOTE 4.3). */
export function packZip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode } of entries) {
    const data = Buffer.from(content);
    const nameBytes = Buffer.from(name, 'ascii');
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(dosDate, 8);
    shared.writeUInt32LE(crc32(data), 10);
    shared.writeUInt32LE(data.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), shared, nameBytes, data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((0o100_000 | mode) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(madeByUnix);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), madeBy, shared, rest, nameBytes]));
    files.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...files, central, Buffer.from('PK\u0005\u0006'), end]);
}
