// A tree with all its tiles in memory, for tests of proofs and paths.
import { nodeTreeHasher } from '../node-crypto.ts';
import { MerkleTree } from '../tlog/merkle-tree.ts';
import type { TileReader } from '../tlog/proof.ts';
import { hashSize } from '../tlog/tree-hash.ts';

/** The tree, its full tiles by "level/index", and a reader that also serves the unfinished ones. */
export class MemoryTiles {
  readonly tree = new MerkleTree(nodeTreeHasher);
  readonly full = new Map<string, Uint8Array>();

  append(leafHash: Uint8Array): void {
    this.tree.append(leafHash, (level, index, hashes) => this.full.set(`${level}/${index}`, hashes));
  }

  readonly readTile: TileReader = (level, index, minWidth) => {
    const edge = this.tree.edge().find((tile) => tile.level === level && tile.index === index);
    const hashes = this.full.get(`${level}/${index}`) ?? edge?.hashes;
    if (!hashes || hashes.length < minWidth * hashSize)
      throw new Error(`no tile ${level}/${index} of width ${minWidth}`);
    return Promise.resolve(hashes);
  };
}
