import { describe, expect, it } from 'vitest';
import { nodeTreeHasher } from '../node-crypto.ts';
import { MemoryTiles } from '../testing/memory-tiles.ts';
import { NaiveTree } from '../testing/naive-tree.ts';
import { MerkleTree } from './merkle-tree.ts';
import { createConsistencyProof, createInclusionProof, verifyConsistency, verifyInclusion } from './proof.ts';
import { formatTilePath, hashesAtLevel, tileWidth } from './tile-path.ts';
import { hashSize, toHex } from './tree-hash.ts';

const largest = 70_000;
const leaves = Array.from({ length: largest }, (_, i) => NaiveTree.leaf(Buffer.from(`entry ${i}`)));
const leafAt = (index: number): Uint8Array => leaves[index] ?? new Uint8Array();
const naive = new NaiveTree(leaves);

/** Sizes around powers of two and tile edges, and some in between. */
function interestingSizes(): number[] {
  const sizes = new Set<number>();
  for (let power = 1; power <= 65_536; power *= 2) for (const d of [-1, 0, 1]) sizes.add(power + d);
  for (const edge of [512, 768, 65_280, 65_536, 65_792, 69_888]) for (const d of [-1, 0, 1]) sizes.add(edge + d);
  for (const size of [3, 5, 6, 7, 11, 300, 1000, 12_345, 40_000, 66_666, largest]) sizes.add(size);
  return [...sizes].filter((size) => size <= largest).toSorted((a, b) => a - b);
}

/** Repeatable pseudo-random numbers: a failing run can be run again. */
function sampler(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('the tree of up to 70,000 leaves', () => {
  const tiles = new MemoryTiles();
  const roots = new Map<number, Uint8Array>();
  const sizes = interestingSizes();
  for (let size = 0; size <= largest; size++) {
    if (sizes.includes(size)) roots.set(size, tiles.tree.root());
    if (size < largest) tiles.append(leafAt(size));
  }
  const rootAt = (size: number): Uint8Array => roots.get(size) ?? new Uint8Array();

  it('has the root of the recursive definition at every interesting size', () => {
    for (const size of sizes) expect(toHex(rootAt(size)), `size ${size}`).toBe(toHex(naive.root(0, size)));
  });

  it('gives the inclusion proofs of the recursive definition, and they verify for their index only', async () => {
    const sample = sampler(1);
    for (const size of sizes.filter((s) => s > 0)) {
      for (const index of new Set([0, size - 1, Math.floor(size / 256) * 256 - 1, sample(size), sample(size)])) {
        if (index < 0) continue;
        const proof = await createInclusionProof(nodeTreeHasher, tiles.readTile, index, size);
        expect(proof.map(toHex), `${index} in ${size}`).toEqual(naive.path(index, 0, size).map(toHex));
        const claim = { leafHash: leafAt(index), index, size, root: rootAt(size) };
        expect(verifyInclusion(nodeTreeHasher, claim, proof)).toBe(true);
        const other = (index + 1) % size;
        if (other !== index) expect(verifyInclusion(nodeTreeHasher, { ...claim, index: other }, proof)).toBe(false);
        expect(verifyInclusion(nodeTreeHasher, claim, [...proof, leafAt(0)])).toBe(false);
        if (proof.length > 0) expect(verifyInclusion(nodeTreeHasher, claim, proof.slice(1))).toBe(false);
      }
    }
  });

  it('gives the consistency proofs of the recursive definition, and they verify for their pair only', async () => {
    const sample = sampler(2);
    for (const size of sizes.filter((s) => s > 0)) {
      const smaller = sizes.filter((s) => s > 0 && s <= size);
      const chosen = new Set([
        1,
        size,
        ...smaller.slice(-3),
        ...[1, 2].map(() => smaller[sample(smaller.length)] ?? 1),
      ]);
      for (const old of chosen) {
        const proof = await createConsistencyProof(nodeTreeHasher, tiles.readTile, old, size);
        expect(proof.map(toHex), `${old} to ${size}`).toEqual(naive.proof(old, 0, size).map(toHex));
        const older = { size: old, root: rootAt(old) };
        const newer = { size, root: rootAt(size) };
        expect(verifyConsistency(nodeTreeHasher, older, newer, proof)).toBe(true);
        if (old === size) continue;
        const forged = { size: old, root: leaves[old] ?? rootAt(0) };
        expect(verifyConsistency(nodeTreeHasher, forged, newer, proof)).toBe(false);
        expect(verifyConsistency(nodeTreeHasher, older, { ...newer, root: rootAt(0) }, proof)).toBe(false);
      }
    }
  });

  it('never finds an older tree consistent that is larger than the newer one', () => {
    expect(verifyConsistency(nodeTreeHasher, { size: 8, root: rootAt(8) }, { size: 7, root: rootAt(7) }, [])).toBe(
      false,
    );
  });

  it('hands out every full tile once, and nothing else', () => {
    const expected: string[] = [];
    for (let level = 0; hashesAtLevel(largest, level) > 0; level++) {
      for (let i = 0; i < Math.floor(hashesAtLevel(largest, level) / tileWidth); i++) expected.push(`${level}/${i}`);
    }
    expect([...tiles.full.keys()].toSorted()).toEqual(expected.toSorted());
    expect(tiles.full.size).toBe(273 + 1);
    expect(tiles.tree.edge().map((tile) => formatTilePath(tile))).toEqual([
      'tile/0/273.p/112',
      'tile/1/001.p/17',
      'tile/2/000.p/1',
    ]);
  });

  it('grows on from its right edge alone', async () => {
    for (const size of [1, 255, 256, 257, 65_535, 65_536, 65_537]) {
      const grown = new MemoryTiles();
      for (let i = 0; i < size; i++) grown.append(leafAt(i));
      const reloaded = await MerkleTree.load(nodeTreeHasher, size, async (level, index, width) =>
        (await grown.readTile(level, index, width)).subarray(0, width * hashSize),
      );
      expect(toHex(reloaded.root())).toBe(toHex(grown.tree.root()));
      for (let i = size; i < size + 300; i++) reloaded.append(leafAt(i), () => undefined);
      expect(toHex(reloaded.root())).toBe(toHex(naive.root(0, size + 300)));
    }
  });
});
