// The growing Merkle tree: only its right edge (the unfinished tile of each level) is in memory.
// Every full tile is handed out exactly once, in the order in which it fills, lower levels first.

import { hashesAtLevel, tileWidth } from './tile-path.ts';
import { hashSize, type TreeHasher } from './tree-hash.ts';

/** Receives a tile that has just become full: 8192 bytes that now belong to the receiver. */
export type FullTileSink = (level: number, index: number, hashes: Uint8Array) => void;

interface EdgeTile {
  hashes: Uint8Array;
  width: number;
}

/** Root of the `width` first hashes of `hashes`, joined with what lies right of them. Undefined when both are empty. */
function foldEdge(hasher: TreeHasher, tile: EdgeTile, right: Uint8Array | undefined): Uint8Array | undefined {
  let root = right;
  let end = tile.width;
  for (let count = 1; end > 0; count *= 2) {
    if (end % (2 * count) === 0) continue;
    const subtree = hasher.fold(tile.hashes.subarray((end - count) * hashSize, end * hashSize));
    root = root === undefined ? subtree : hasher.node(subtree, root);
    end -= count;
  }
  return root;
}

/** An append-only RFC 6962 tree in tiles of 256. Not for use by two writers. */
export class MerkleTree {
  readonly #hasher: TreeHasher;
  readonly #levels: EdgeTile[] = [];
  #size = 0;

  constructor(hasher: TreeHasher) {
    this.#hasher = hasher;
  }

  /**
   * The tree of `size` leaves from its right-edge tiles. `readEdge` gives the hashes of the unfinished tile (level, index,
   * width 1..255); whether they belong together is the caller's to check, by comparing {@link root} with a known one.
   */
  static async load(
    hasher: TreeHasher,
    size: number,
    readEdge: (level: number, index: number, width: number) => Promise<Uint8Array>,
  ): Promise<MerkleTree> {
    const tree = new MerkleTree(hasher);
    tree.#size = size;
    for (let level = 0; hashesAtLevel(size, level) > 0; level++) {
      const count = hashesAtLevel(size, level);
      const width = count % tileWidth;
      const tile = { hashes: new Uint8Array(tileWidth * hashSize), width };
      if (width > 0) tile.hashes.set(await readEdge(level, Math.floor(count / tileWidth), width));
      tree.#levels.push(tile);
    }
    return tree;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash. */
  append(leafHash: Uint8Array, onFullTile: FullTileSink): void {
    this.#size += 1;
    this.#push(0, leafHash, onFullTile);
  }

  #push(level: number, hash: Uint8Array, onFullTile: FullTileSink): void {
    let tile = this.#levels[level];
    if (!tile) {
      tile = { hashes: new Uint8Array(tileWidth * hashSize), width: 0 };
      this.#levels.push(tile);
    }
    tile.hashes.set(hash, tile.width * hashSize);
    tile.width += 1;
    if (tile.width < tileWidth) return;
    const full = tile.hashes;
    tile.hashes = new Uint8Array(tileWidth * hashSize);
    tile.width = 0;
    onFullTile(level, hashesAtLevel(this.#size, level) / tileWidth - 1, full);
    this.#push(level + 1, this.#hasher.fold(full), onFullTile);
  }

  /** RFC 6962 root over all leaves. At most some 255 hash calls per level. */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const tile of this.#levels) root = foldEdge(this.#hasher, tile, root);
    return root ?? this.#hasher.emptyRoot;
  }

  /** The first `minWidth` or more hashes of an unfinished tile, as a view to read at once; undefined when it is not at the edge or narrower. */
  edgeTile(level: number, index: number, minWidth: number): Uint8Array | undefined {
    const tile = this.#levels[level];
    if (!tile || tile.width < minWidth || index !== Math.floor(hashesAtLevel(this.#size, level) / tileWidth))
      return undefined;
    return tile.hashes.subarray(0, tile.width * hashSize);
  }

  /** A copy of the unfinished tile of each level, lowest first; levels whose last tile is full are left out. */
  edge(): { readonly level: number; readonly index: number; readonly width: number; readonly hashes: Uint8Array }[] {
    return this.#levels.flatMap(({ hashes, width }, level) => {
      if (width === 0) return [];
      const index = Math.floor(hashesAtLevel(this.#size, level) / tileWidth);
      return [{ level, index, width, hashes: hashes.slice(0, width * hashSize) }];
    });
  }
}
