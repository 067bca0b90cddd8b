// A payload block: salts and payloads of 256 consecutive entries, compressed together, checked by CRC-32.
// Blocks can be rewritten with payloads taken out; which were taken out, and why, stays readable.
import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdDecompress } from 'node:zlib';
import { AppError } from '@dockledger/contract/error-code';
import { decodeBatch, encodeBatch, type StoredEntry } from './batch-record.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const magic = 0x444c5031;
const headerBytes = 12;
const none = new Uint8Array(0);

/** What a block holds per entry. */
export type PayloadEntry = Omit<StoredEntry, 'envelope'>;

/**
 * File form: magic, CRC-32 of the rest, length of all salts, salts, zstd of a batch record without envelopes and salts.
 * Salts lie outside because random bytes in between make the texts compress worse.
 */
export async function encodePayloadBlock(firstIndex: number, entries: readonly PayloadEntry[]): Promise<Uint8Array> {
  const salts = Buffer.concat(entries.flatMap(({ salt }) => [Buffer.of(salt.length), salt]));
  const record = encodeBatch(
    firstIndex,
    entries.map(({ payload, removed }) => ({ envelope: none, salt: none, payload, removed })),
  );
  const packed = await compress(record, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  const block = Buffer.alloc(headerBytes + salts.length + packed.length);
  block.writeUInt32BE(magic, 0);
  block.writeUInt32BE(salts.length, 8);
  block.set(salts, headerBytes);
  block.set(packed, headerBytes + salts.length);
  block.writeUInt32BE(crc32(block.subarray(8)), 4);
  return block;
}

/** The entries of a block that starts at `firstIndex`. Throws `ledger_corrupt` for a torn, changed or misplaced one. */
export async function decodePayloadBlock(firstIndex: number, bytes: Uint8Array): Promise<PayloadEntry[]> {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const fail = (reason: string, cause?: unknown): AppError =>
    new AppError('ledger_corrupt', `The payload block of entry ${firstIndex} ${reason}.`, { cause });
  if (block.length < headerBytes || block.readUInt32BE(0) !== magic) throw fail('is cut off or no payload block');
  if (crc32(block.subarray(8)) !== block.readUInt32BE(4)) throw fail('does not match its checksum');
  const saltsEnd = headerBytes + block.readUInt32BE(8);
  const record = await decompress(block.subarray(saltsEnd)).catch((cause: unknown) => {
    throw fail('cannot be decompressed', cause);
  });
  const batch = decodeBatch(record);
  if (batch?.firstIndex !== firstIndex) throw fail(`says that it starts at ${batch?.firstIndex}`);
  let at = headerBytes;
  return batch.entries.map(({ payload, removed }) => {
    const end = at + 1 + (block[at] ?? 0);
    if (end > saltsEnd) throw fail('has fewer salts than entries');
    const salt = block.subarray(at + 1, end);
    at = end;
    return { salt, payload, removed };
  });
}
