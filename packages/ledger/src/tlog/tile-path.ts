// Names and shapes of the files of a C2SP tlog-tiles directory: which tiles a tree of a given size has and where they lie.
// A path has exactly one spelling; what does not re-encode to itself is refused.

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256;

/** One tile or entry bundle. `width` is 256 for a full one, 1..255 for a partial one. */
export interface TileId {
  /** Tile level 0..63, or `entries` for an entry bundle. */
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
}

function formatIndex(index: number): string {
  let path = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  }
  return path;
}

/** Path relative to the log's directory or URL, for instance `tile/0/x001/x234/067.p/8`. */
export function formatTilePath(tile: TileId): string {
  const suffix = tile.width === tileWidth ? '' : `.p/${tile.width}`;
  return `tile/${tile.level}/${formatIndex(tile.index)}${suffix}`;
}

/** The directory that holds the partial versions of a tile, for instance `tile/0/067.p`. */
export function formatPartialsPath(level: TileId['level'], index: number): string {
  return `tile/${level}/${formatIndex(index)}.p`;
}

const pathPattern = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/;

/** The tile that a path names, or undefined when it is not the one spelling of a tile's path. */
export function parseTilePath(path: string): TileId | undefined {
  const match = pathPattern.exec(path);
  if (!match) return undefined;
  const level: TileId['level'] = match[1] === 'entries' ? 'entries' : Number(match[1]);
  const index = Number((match[2] ?? '').replaceAll(/[x/]/g, ''));
  const width = match[3] === undefined ? tileWidth : Number(match[3]);
  const isSound =
    (level === 'entries' || level <= 63) &&
    Number.isSafeInteger(index) &&
    width >= 1 &&
    (match[3] === undefined || width < tileWidth);
  if (!isSound) return undefined;
  const tile: TileId = { level, index, width };
  return formatTilePath(tile) === path ? tile : undefined;
}

/** How many hashes level `level` holds in a tree of `size` leaves. Exact up to 2^53 leaves. */
export function hashesAtLevel(size: number, level: number): number {
  let count = size;
  for (let l = 0; l < level && count > 0; l++) count = Math.floor(count / tileWidth);
  return count;
}

/** The width that tile `index` of `level` has in a tree of `size`: 0 when it does not exist, 256 when it is full. */
export function widthAtSize(size: number, level: TileId['level'], index: number): number {
  const count = hashesAtLevel(size, level === 'entries' ? 0 : level) - index * tileWidth;
  return Math.max(0, Math.min(tileWidth, count));
}
