// The entry bundle of tlog-tiles: up to 256 entries, each a two-byte length and its bytes, nothing before or after.
// Parsing checks the count against the width that the tree's size demands, so nothing can be added unseen.
import { AppError } from '@dockledger/contract/error-code';

/** The longest entry that a bundle can hold. */
export const maxEntryBytes = 65_535;

/** Encodes entries in order. Throws `too_large` when an entry is longer than {@link maxEntryBytes}. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) {
      throw new AppError('too_large', `A ledger entry has ${entry.length} bytes; at most ${maxEntryBytes} fit.`);
    }
    total += 2 + entry.length;
  }
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const entry of entries) {
    bytes[offset] = entry.length >> 8;
    bytes[offset + 1] = entry.length & 255;
    bytes.set(entry, offset + 2);
    offset += 2 + entry.length;
  }
  return bytes;
}

/** The entries as views into `bytes`. Throws `bad_record` unless there are exactly `width` of them and no byte more. */
export function parseEntryBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length && entries.length < width) {
    const length = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
    const end = offset + 2 + length;
    if (end > bytes.length) {
      throw new AppError('bad_record', `The entry bundle is cut off in entry ${entries.length} at byte ${offset}.`);
    }
    entries.push(bytes.subarray(offset + 2, end));
    offset = end;
  }
  if (entries.length !== width || offset !== bytes.length) {
    throw new AppError(
      'bad_record',
      `The entry bundle holds ${entries.length} entries in ${offset} of ${bytes.length} bytes; ${width} entries are expected.`,
    );
  }
  return entries;
}
