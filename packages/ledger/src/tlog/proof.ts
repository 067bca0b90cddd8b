// Inclusion and consistency proofs of RFC 6962 / RFC 9162: which hashes they are made of, and their verification.
// Pure: hashes come from the caller, so a browser can check a proof without trusting the server that made it.

import { tileWidth } from './tile-path.ts';
import { equalBytes, hashSize, type TreeHasher } from './tree-hash.ts';

/** Leaves [start, end) of the tree. */
interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Reads the first `minWidth` hashes (or more) of a tile, 32 bytes each. */
export type TileReader = (level: number, index: number, minWidth: number) => Promise<Uint8Array>;

/** Largest power of two below `count`; `count` is at least 2. */
function splitPoint(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.toReversed();
}

function consistencyRanges(oldSize: number, size: number): LeafRange[] {
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (oldSize !== end) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The old tree's own root is known to the verifier, so it is sent only when it is not the whole left part.
  if (start > 0) ranges.push({ start, end });
  return ranges.toReversed();
}

async function rangeRoot(hasher: TreeHasher, readTile: TileReader, start: number, end: number): Promise<Uint8Array> {
  const count = end - start;
  const height = Math.round(Math.log2(count));
  if (2 ** height !== count) {
    const middle = start + splitPoint(count);
    const left = await rangeRoot(hasher, readTile, start, middle);
    return hasher.node(left, await rangeRoot(hasher, readTile, middle, end));
  }
  const level = Math.floor(height / 8);
  const hashes = 2 ** (height % 8);
  const first = start / tileWidth ** level;
  const offset = first % tileWidth;
  const tile = await readTile(level, Math.floor(first / tileWidth), offset + hashes);
  return hasher.fold(tile.subarray(offset * hashSize, (offset + hashes) * hashSize));
}

async function rangeRoots(hasher: TreeHasher, readTile: TileReader, ranges: LeafRange[]): Promise<Uint8Array[]> {
  const roots: Uint8Array[] = [];
  for (const { start, end } of ranges) roots.push(await rangeRoot(hasher, readTile, start, end));
  return roots;
}

/** The audit path of leaf `index` in the tree of `size`, lowest first. Needs 0 <= index < size. */
export async function createInclusionProof(
  hasher: TreeHasher,
  readTile: TileReader,
  index: number,
  size: number,
): Promise<Uint8Array[]> {
  return rangeRoots(hasher, readTile, inclusionRanges(index, size));
}

/** The proof that the tree of `size` extends the tree of `oldSize`. Needs 0 <= oldSize <= size; empty for 0 and for equal sizes. */
export async function createConsistencyProof(
  hasher: TreeHasher,
  readTile: TileReader,
  oldSize: number,
  size: number,
): Promise<Uint8Array[]> {
  return rangeRoots(hasher, readTile, consistencyRanges(oldSize, size));
}

const isEven = (value: number): boolean => value % 2 === 0;
const half = (value: number): number => Math.floor(value / 2);

/** True when `proof` shows that the tree with `root` and `size` holds `leafHash` at `index`. Never throws on bad proofs. */
export function verifyInclusion(
  hasher: TreeHasher,
  claim: { leafHash: Uint8Array; index: number; size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  const { index, size } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if (proof.some((hash) => hash.length !== hashSize) || claim.leafHash.length !== hashSize) return false;
  let first = index;
  let last = size - 1;
  let hash = claim.leafHash;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (!isEven(first) || first === last) {
      hash = hasher.node(sibling, hash);
      while (isEven(first) && first !== 0) {
        first = half(first);
        last = half(last);
      }
    } else {
      hash = hasher.node(hash, sibling);
    }
    first = half(first);
    last = half(last);
  }
  return last === 0 && equalBytes(hash, claim.root);
}

/** True when `proof` shows that the newer tree begins with exactly the older tree's leaves. Never throws on bad proofs. */
export function verifyConsistency(
  hasher: TreeHasher,
  older: { size: number; root: Uint8Array },
  newer: { size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!Number.isSafeInteger(older.size) || !Number.isSafeInteger(newer.size)) return false;
  if (older.size < 0 || older.size > newer.size) return false;
  if (proof.some((hash) => hash.length !== hashSize)) return false;
  if (older.size === newer.size) return proof.length === 0 && equalBytes(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && equalBytes(older.root, hasher.emptyRoot);
  const isPowerOfTwo = 2 ** Math.round(Math.log2(older.size)) === older.size;
  const [start, ...path] = isPowerOfTwo ? [older.root, ...proof] : proof;
  if (start === undefined || proof.length === 0) return false;
  let first = older.size - 1;
  let last = newer.size - 1;
  while (!isEven(first)) {
    first = half(first);
    last = half(last);
  }
  let oldHash = start;
  let newHash = start;
  for (const sibling of path) {
    if (last === 0) return false;
    if (!isEven(first) || first === last) {
      oldHash = hasher.node(sibling, oldHash);
      newHash = hasher.node(sibling, newHash);
      while (isEven(first) && first !== 0) {
        first = half(first);
        last = half(last);
      }
    } else {
      newHash = hasher.node(newHash, sibling);
    }
    first = half(first);
    last = half(last);
  }
  return last === 0 && equalBytes(oldHash, older.root) && equalBytes(newHash, newer.root);
}
