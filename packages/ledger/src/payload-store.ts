// The files of the payload blocks: written once when 256 entries are complete, rewritten only to take payloads out.
// A damaged or missing block costs its payloads ("lost"), never the reading of what lies around it.
import { readFile } from 'node:fs/promises';
import { ByteCache } from './byte-cache.ts';
import type { DurableFiles } from './durable-files.ts';
import { decodePayloadBlock, encodePayloadBlock, type PayloadEntry } from './payload-block.ts';
import { tileWidth } from './tlog/tile-path.ts';

/** Path of a block relative to the private directory: two levels of a thousand, so that no directory grows large. */
export function formatBlockPath(block: number): string {
  const pad = (value: number): string => String(value).padStart(3, '0');
  return `payloads/${pad(Math.floor(block / 1e6))}/${pad(Math.floor(block / 1000) % 1000)}/${pad(block % 1000)}.zst`;
}

const sizeOf = (entries: readonly PayloadEntry[]): number => {
  let bytes = 0;
  for (const { payload } of entries) bytes += 200 + (payload?.length ?? 0);
  return bytes;
};

/** Reads and writes blocks by number; block b holds entries 256b to 256b + 255. */
export class PayloadStore {
  readonly #files: DurableFiles;
  readonly #cache: ByteCache<readonly PayloadEntry[]>;
  readonly #onLost: (message: string) => void;

  constructor(files: DurableFiles, options: { maxCacheBytes: number; onLost: (message: string) => void }) {
    this.#files = files;
    this.#cache = new ByteCache(options.maxCacheBytes, sizeOf);
    this.#onLost = options.onLost;
  }

  /** Writes a full block, not yet durably, and returns its path. */
  async write(block: number, entries: readonly PayloadEntry[]): Promise<string> {
    const path = formatBlockPath(block);
    await this.#files.write(path, await encodePayloadBlock(block * tileWidth, entries), 0o600);
    this.#cache.delete(String(block));
    return path;
  }

  /** Replaces a block by one with the same entries, some of them without payload. Durable when it resolves. */
  async rewrite(block: number, entries: readonly PayloadEntry[]): Promise<void> {
    const bytes = await encodePayloadBlock(block * tileWidth, entries);
    await this.#files.writeDurably(formatBlockPath(block), bytes, 0o600);
    this.#cache.delete(String(block));
  }

  /** The 256 entries of a block; all `lost`, and the loss reported, when its file is missing or damaged. */
  async read(block: number): Promise<readonly PayloadEntry[]> {
    const cached = this.#cache.get(String(block));
    if (cached) return cached;
    const path = this.#files.path(formatBlockPath(block));
    let entries: readonly PayloadEntry[];
    try {
      entries = await decodePayloadBlock(block * tileWidth, await readFile(path));
    } catch (error) {
      this.#onLost(`The payloads in ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      const lost: PayloadEntry = { salt: new Uint8Array(0), payload: null, removed: 'lost' };
      entries = Array.from({ length: tileWidth }, () => lost);
    }
    this.#cache.set(String(block), entries);
    return entries;
  }
}
