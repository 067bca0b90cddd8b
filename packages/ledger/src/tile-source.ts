// Tiles as a verifier gets them from a source: the exact width, or the same hashes out of the full tile that took its place.
import type { LedgerSource } from './ledger-source.ts';
import { formatTilePath, type TileId, tileWidth } from './tlog/tile-path.ts';
import { hashSize } from './tlog/tree-hash.ts';

/** The tile or bundle; undefined when it is not there. A partial one may be gone once the full one exists, which begins with the same. */
export async function readTile(source: LedgerSource, tile: TileId): Promise<Uint8Array | undefined> {
  const exact = await source.read(formatTilePath(tile));
  if (exact || tile.width === tileWidth) return exact;
  const full = await source.read(formatTilePath({ ...tile, width: tileWidth }));
  if (!full) return undefined;
  if (tile.level !== 'entries') return full.subarray(0, tile.width * hashSize);
  let end = 0;
  for (let i = 0; i < tile.width; i++) end += 2 + ((full[end] ?? 0) << 8) + (full[end + 1] ?? 0);
  return full.subarray(0, end);
}

/** Some width of the level 1 tile that covers full bundle `bundle`; undefined when none is there. */
export async function readTileAbove(source: LedgerSource, bundle: number): Promise<Uint8Array | undefined> {
  const index = Math.floor(bundle / tileWidth);
  for (let width = tileWidth; width > bundle % tileWidth; width--) {
    const tile = await source.read(formatTilePath({ level: 1, index, width }));
    if (tile) return tile;
  }
  return undefined;
}
