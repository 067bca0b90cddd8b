import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNoteVerifier, nodeSha256, nodeTreeHasher } from '../node-crypto.ts';
import { parseSigningKey, signNote } from '../signing-key.ts';
import { MemoryTiles } from '../testing/memory-tiles.ts';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { formatNote, formatVerifierKey, parseNote, parseVerifierKey, verifyNote } from './note.ts';
import { createConsistencyProof, createInclusionProof, verifyConsistency, verifyInclusion } from './proof.ts';
import { toHex } from './tree-hash.ts';

interface ProofVector {
  Index: number;
  Old: number;
  Size: number;
  Hashes: string[];
}
interface Vectors {
  checkpoints: Record<string, string>;
  consistency: ProofVector[];
  inclusion: ProofVector[];
  leaf_hashes: Record<string, string>;
  origin: string;
  roots: Record<string, string>;
  skey: string;
  vkey: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../cases/tlog-vectors.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const leafHash = (index: number): Uint8Array => nodeTreeHasher.leaf(bytes(String(index)));
const rootOf = (size: number): Uint8Array => fromHex(vectors.roots[size] ?? '');
const treeOf = (size: number): MemoryTiles => {
  const tiles = new MemoryTiles();
  for (let i = 0; i < size; i++) tiles.append(leafHash(i));
  return tiles;
};

describe('the vectors of x/mod', () => {
  it('give the same leaf hashes', () => {
    for (const [index, expected] of Object.entries(vectors.leaf_hashes)) {
      expect(toHex(leafHash(Number(index)))).toBe(expected);
    }
  });

  it('give the same roots', () => {
    for (const [size, expected] of Object.entries(vectors.roots)) {
      expect(toHex(treeOf(Number(size)).tree.root())).toBe(expected);
    }
  });

  it('give the same inclusion proofs, which verify', async () => {
    for (const { Index: index, Size: size, Hashes: expected } of vectors.inclusion) {
      const proof = await createInclusionProof(nodeTreeHasher, treeOf(size).readTile, index, size);
      expect(proof.map(toHex)).toEqual(expected);
      const claim = { leafHash: leafHash(index), index, size, root: treeOf(size).tree.root() };
      expect(verifyInclusion(nodeTreeHasher, claim, expected.map(fromHex))).toBe(true);
    }
  });

  it('give the same consistency proofs, which verify', async () => {
    for (const { Old: old, Size: size, Hashes: expected } of vectors.consistency) {
      const proof = await createConsistencyProof(nodeTreeHasher, treeOf(size).readTile, old, size);
      expect(proof.map(toHex)).toEqual(expected);
      const older = { size: old, root: treeOf(old).tree.root() };
      const newer = { size, root: treeOf(size).tree.root() };
      expect(verifyConsistency(nodeTreeHasher, older, newer, proof)).toBe(true);
    }
  });

  it('give the same keys and byte for byte the same signed checkpoints', async () => {
    const key = parseSigningKey(vectors.skey);
    expect(formatVerifierKey(parseVerifierKey(nodeSha256, vectors.vkey))).toBe(vectors.vkey);
    expect(key.vkey).toBe(vectors.vkey);
    expect(key.skey).toBe(vectors.skey);
    for (const [size, expected] of Object.entries(vectors.checkpoints)) {
      const text = formatCheckpoint({ origin: vectors.origin, size: Number(size), root: rootOf(Number(size)) });
      expect(formatNote(signNote(text, [key]))).toBe(expected);
      const note = parseNote(bytes(expected));
      expect(await verifyNote(note, [createNoteVerifier(vectors.vkey)])).toHaveLength(1);
      expect(parseCheckpoint(note.text)).toMatchObject({ origin: vectors.origin, size: Number(size) });
    }
  });
});
