// The public directory's bundles and tiles: computed from entries as the tree grows, written whole, read back for proofs.
// Invariant: a file that a signed size covers never changes; files past it are deleted before the tree grows again.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { ByteCache } from './byte-cache.ts';
import type { DurableFiles } from './durable-files.ts';
import { allSettled } from './exclusive.ts';
import { nodeTreeHasher } from './node-crypto.ts';
import { encodeEntryBundle, parseEntryBundle } from './tlog/entry-bundle.ts';
import type { MerkleTree } from './tlog/merkle-tree.ts';
import type { TileReader } from './tlog/proof.ts';
import { formatPartialsPath, formatTilePath, hashesAtLevel, type TileId, tileWidth } from './tlog/tile-path.ts';
import { equalBytes, hashSize } from './tlog/tree-hash.ts';

/** Where {@link PublicTree.advance} takes envelopes from. */
export type EnvelopeAt = (index: number) => Uint8Array;

const cacheBytes = 16 * 1024 * 1024;
const hashesPerTurn = 1024;
const filesPerTurn = 32;

/** The tree and its files. One caller at a time for everything that writes. */
export class PublicTree {
  readonly #files: DurableFiles;
  readonly #tree: MerkleTree;
  readonly #tiles = new ByteCache<Uint8Array>(cacheBytes, (bytes) => bytes.length);
  readonly #bundles = new ByteCache<readonly Uint8Array[]>(cacheBytes, (entries) => {
    let bytes = 0;
    for (const entry of entries) bytes += 200 + entry.length;
    return bytes;
  });
  /** Computed but not written yet; a failed write leaves the rest here for the next attempt. */
  readonly #pending = new Map<string, { readonly tile: TileId; readonly bytes: Uint8Array }>();
  #unsynced: string[] = [];

  constructor(files: DurableFiles, tree: MerkleTree) {
    this.#files = files;
    this.#tree = tree;
  }

  /** Leaves in the tree, written or not. */
  get size(): number {
    return this.#tree.size;
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  /** Grows the tree to `size` and computes the files for that size. Gives way to others now and then. */
  async advance(size: number, envelopeAt: EnvelopeAt): Promise<void> {
    while (this.#tree.size < size) {
      const turnEnd = Math.min(size, this.#tree.size + hashesPerTurn);
      while (this.#tree.size < turnEnd) {
        const index = this.#tree.size;
        this.#tree.append(nodeTreeHasher.leaf(envelopeAt(index)), (level, tile, hashes) => {
          this.#plan({ level, index: tile, width: tileWidth }, hashes);
        });
        if ((index + 1) % tileWidth === 0) this.#planBundle(index + 1 - tileWidth, tileWidth, envelopeAt);
      }
      if (this.#tree.size < size) await yieldToOthers();
    }
    const width = size % tileWidth;
    if (width > 0) this.#planBundle(size - width, width, envelopeAt);
    for (const tile of this.#tree.edge()) this.#plan(tile, tile.hashes);
  }

  /** Writes what {@link advance} computed. Skips files that are there already with the same bytes when `mode` is `compare`. */
  async write(mode: 'overwrite' | 'compare' = 'overwrite'): Promise<void> {
    const queue = this.#pending.entries();
    const worker = async (): Promise<void> => {
      for (const [path, { tile, bytes }] of queue) {
        if (mode === 'overwrite' || !this.#holds(path, bytes)) await this.#files.write(path, bytes);
        if (tile.width === tileWidth) this.#unsynced.push(path);
        this.#pending.delete(path);
      }
    };
    await allSettled([worker(), worker()]);
  }

  /** The full files written since the last call: the caller syncs them or hands them back with {@link returnUnsynced}. */
  takeUnsynced(): string[] {
    const paths = this.#unsynced;
    this.#unsynced = [];
    return paths;
  }

  returnUnsynced(paths: readonly string[]): void {
    this.#unsynced = [...paths, ...this.#unsynced];
  }

  /** Deletes every file that a tree of the present size does not have and one of `pastSize` could. */
  deletePast(pastSize: number): void {
    const levels: TileId['level'][] = ['entries'];
    for (let level = 0; level < 8; level++) levels.push(level);
    for (const level of levels) {
      const count = hashesAtLevel(this.#tree.size, level === 'entries' ? 0 : level);
      const first = Math.floor(count / tileWidth);
      const last = Math.floor(hashesAtLevel(pastSize, level === 'entries' ? 0 : level) / tileWidth);
      for (let index = first; index <= last || this.#exists(level, index); index++) {
        this.#files.remove(formatTilePath({ level, index, width: tileWidth }));
        const keptWidth = index === first ? count % tileWidth : 0;
        this.#deletePartials(level, index, keptWidth);
      }
    }
  }

  /** Deletes the partial versions of tiles that are full between the sizes `from` and `to`. */
  async deletePartialsOfFullTiles(from: number, to: number): Promise<void> {
    await this.#deleteFullRange('entries', from, to);
    for (let level = 0; hashesAtLevel(to, level) >= tileWidth; level++) await this.#deleteFullRange(level, from, to);
  }

  /** A tile's hashes, for proofs up to a published size. */
  readonly readTile: TileReader = async (level, index, minWidth) => {
    const edge = this.#tree.edgeTile(level, index, minWidth);
    if (edge) return edge.slice();
    const path = formatTilePath({ level, index, width: tileWidth });
    const known = this.#pending.get(path)?.bytes ?? this.#tiles.get(path);
    if (known) return known;
    const bytes = new Uint8Array(await readFile(this.#files.path(path)));
    if (bytes.length !== tileWidth * hashSize) throw new Error(`${path} has ${bytes.length} bytes`);
    this.#tiles.set(path, bytes);
    return bytes;
  };

  /** The 256 envelopes of a full bundle. Throws when its file is missing or malformed. */
  async readBundle(bundle: number): Promise<readonly Uint8Array[]> {
    const path = formatTilePath({ level: 'entries', index: bundle, width: tileWidth });
    const known = this.#bundles.get(path);
    if (known) return known;
    const entries = parseEntryBundle(await readFile(this.#files.path(path)), tileWidth);
    this.#bundles.set(path, entries);
    return entries;
  }

  #plan(tile: TileId, bytes: Uint8Array): void {
    this.#pending.set(formatTilePath(tile), { tile, bytes });
  }

  #planBundle(start: number, width: number, envelopeAt: EnvelopeAt): void {
    const envelopes = Array.from({ length: width }, (_, i) => envelopeAt(start + i));
    this.#plan({ level: 'entries', index: start / tileWidth, width }, encodeEntryBundle(envelopes));
  }

  #holds(path: string, bytes: Uint8Array): boolean {
    const absolute = this.#files.path(path);
    return existsSync(absolute) && equalBytes(readFileSync(absolute), bytes);
  }

  #exists(level: TileId['level'], index: number): boolean {
    return (
      existsSync(this.#files.path(formatTilePath({ level, index, width: tileWidth }))) ||
      (index > Math.floor(hashesAtLevel(this.#tree.size, level === 'entries' ? 0 : level) / tileWidth) &&
        existsSync(this.#files.path(formatPartialsPath(level, index))))
    );
  }

  #deletePartials(level: TileId['level'], index: number, keptWidth: number): void {
    const directory = formatPartialsPath(level, index);
    if (keptWidth === 0) return this.#files.remove(directory);
    if (!existsSync(this.#files.path(directory))) return;
    for (const name of readdirSync(this.#files.path(directory))) {
      if (!(Number(name) <= keptWidth)) this.#files.remove(`${directory}/${name}`);
    }
  }

  async #deleteFullRange(level: TileId['level'], from: number, to: number): Promise<void> {
    const depth = level === 'entries' ? 0 : level;
    const last = Math.floor(hashesAtLevel(to, depth) / tileWidth);
    for (let index = Math.floor(hashesAtLevel(from, depth) / tileWidth); index < last; index++) {
      this.#files.remove(formatPartialsPath(level, index));
      if (index % filesPerTurn === 0) await yieldToOthers();
    }
  }
}
