import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNoteVerifier, nodeTreeHasher } from '../node-crypto.ts';
import { createCosigningKey, parseCosigningKey, signNote } from '../signing-key.ts';
import { MemoryTiles } from '../testing/memory-tiles.ts';
import { parseCosignature } from './cosignature.ts';
import { formatNote, parseNote, parseSignatureLine, verifyNote } from './note.ts';
import { createConsistencyProof } from './proof.ts';
import { decideAddCheckpoint, formatAddCheckpoint, parseAddCheckpoint } from './witness.ts';

interface Vectors {
  checkpoints: Record<string, string>;
  cosignature_line_size_7: string;
  witness_vkey: string;
  vkey: string;
}
const vectors: Vectors = JSON.parse(readFileSync(new URL('../../cases/tlog-vectors.json', import.meta.url), 'utf8'));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a cosignature', () => {
  it('of the vectors verifies beside the log’s own signature, and over no other checkpoint', async () => {
    const both = [createNoteVerifier(vectors.vkey), createNoteVerifier(vectors.witness_vkey)];
    const cosigned = parseNote(bytes(vectors.checkpoints['7'] + vectors.cosignature_line_size_7));
    expect(await verifyNote(cosigned, both)).toHaveLength(2);
    const moved = parseNote(bytes(vectors.checkpoints['8'] + vectors.cosignature_line_size_7));
    await expect(verifyNote(moved, both)).rejects.toThrow(/witness\.example\/w1/);
  });

  it('made here verifies with the witness’s public key and carries its time', async () => {
    const key = createCosigningKey('witness.example/w2', () => 1_700_000_000);
    const again = parseCosigningKey(key.skey, () => 1_700_000_000);
    expect(again.vkey).toBe(key.vkey);
    const note = signNote('a\n1\nb\n', [again]);
    expect(await verifyNote(parseNote(bytes(formatNote(note))), [createNoteVerifier(key.vkey)])).toHaveLength(1);
    expect(parseCosignature(note.signatures[0]?.signature ?? bytes(''))?.time).toBe(1_700_000_000);
  });

  it('whose time was changed is refused', async () => {
    const line = parseSignatureLine(vectors.cosignature_line_size_7.trimEnd());
    const { text } = parseNote(bytes(vectors.checkpoints['7'] ?? ''));
    if (!line) throw new Error('the vector has no signature line');
    const later = { ...line, signature: line.signature.with(7, (line.signature[7] ?? 0) ^ 1) };
    await expect(
      verifyNote({ text, signatures: [later] }, [createNoteVerifier(vectors.witness_vkey)]),
    ).rejects.toMatchObject({ code: 'bad_record' });
  });
});

describe('a witness', () => {
  const tiles = new MemoryTiles();
  const roots = [nodeTreeHasher.emptyRoot];
  for (let i = 0; i < 300; i++) {
    tiles.append(nodeTreeHasher.leaf(bytes(String(i))));
    roots.push(tiles.tree.root());
  }
  const at = (size: number): { origin: string; size: number; root: Uint8Array } => ({
    origin: 'dockledger.example/log-1',
    size,
    root: roots[size] ?? nodeTreeHasher.emptyRoot,
  });
  const prove = (old: number, size: number): Promise<Uint8Array[]> =>
    createConsistencyProof(nodeTreeHasher, tiles.readTile, old, size);

  it.each([
    [0, 0],
    [0, 5],
    [5, 5],
    [5, 300],
    [256, 257],
  ])('signs what extends what it knows (%i to %i)', async (old, size) => {
    const request = { oldSize: old, proof: await prove(old, size) };
    expect(decideAddCheckpoint(nodeTreeHasher, at(old), request, at(size))).toEqual({ status: 200 });
  });

  it('answers the size that it knows to another old size, 400 to one above the checkpoint, 422 to what does not extend', async () => {
    const proof = await prove(5, 300);
    expect(decideAddCheckpoint(nodeTreeHasher, at(7), { oldSize: 5, proof }, at(300))).toEqual({
      status: 409,
      size: 7,
    });
    expect(decideAddCheckpoint(nodeTreeHasher, at(7), { oldSize: 7, proof: [] }, at(6))).toMatchObject({ status: 400 });
    const forked = { ...at(300), root: at(299).root };
    expect(decideAddCheckpoint(nodeTreeHasher, at(5), { oldSize: 5, proof }, forked)).toMatchObject({ status: 422 });
    const other = { ...at(5), root: at(6).root };
    expect(decideAddCheckpoint(nodeTreeHasher, at(5), { oldSize: 5, proof: [] }, other)).toMatchObject({ status: 422 });
  });

  it('reads back the request that a log wrote', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const request = fc.record({
      oldSize: fc.maxSafeNat(),
      proof: fc.array(hash, { maxLength: 63 }),
      note: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(request, (one) => {
        expect(parseAddCheckpoint(formatAddCheckpoint(one))).toEqual(one);
      }),
    );
  });

  it.each([
    '',
    'old 1',
    'old 1\n',
    'old 01\n\n',
    'old -1\n\n',
    'size 1\n\n',
    'old 1\nAAAA\n\n',
    `old 1\n${'A'.repeat(43)}=\n`.padEnd(400, 'A'),
  ])('refuses the malformed request %j', (body) => {
    expect(() => parseAddCheckpoint(bytes(body))).toThrow(/malformed/);
  });
});
