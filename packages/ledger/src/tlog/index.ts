// The pure part: no Node, no I/O, no clock. What a browser or another program needs to check a ledger by itself.
export { parseBase64, toBase64 } from './base64.ts';
export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
export { encodeCosignature, parseCosignature, toCosignedMessage } from './cosignature.ts';
export { encodeEntryBundle, maxEntryBytes, parseEntryBundle } from './entry-bundle.ts';
export { type FullTileSink, MerkleTree } from './merkle-tree.ts';
export {
  computeKeyId,
  formatKeyId,
  formatNote,
  formatSignatureLine,
  formatVerifierKey,
  isKeyName,
  type NoteSignature,
  type NoteVerifier,
  noteAlgorithm,
  parseNote,
  parseSignatureLine,
  parseVerifierKey,
  type SignedNote,
  type VerifierKey,
  verifyNote,
} from './note.ts';
export {
  createConsistencyProof,
  createInclusionProof,
  type TileReader,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts';
export { formatTilePath, hashesAtLevel, parseTilePath, type TileId, tileWidth, widthAtSize } from './tile-path.ts';
export { createTreeHasher, equalBytes, hashSize, type Sha256, type TreeHasher, toHex } from './tree-hash.ts';
export {
  type AddCheckpoint,
  type AddCheckpointVerdict,
  decideAddCheckpoint,
  formatAddCheckpoint,
  parseAddCheckpoint,
  toWitnessLogPath,
} from './witness.ts';
