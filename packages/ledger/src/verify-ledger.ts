// Verifies a whole log from its public files: signature, every bundle against its tile, every tile against the ones above, the root, older heads.
// Trusts nothing of the log but the checkpoint's signature, and recomputes everything else.

import { loadKeys, openCheckpoint, openHeads } from './checkpoint-trust.ts';
import type { LedgerSource } from './ledger-source.ts';
import { nodeTreeHasher } from './node-crypto.ts';
import type { FoundPayload, PayloadReader } from './payload-reader.ts';
import { readTile, readTileAbove } from './tile-source.ts';
import type { Checkpoint } from './tlog/checkpoint.ts';
import { parseEntryBundle } from './tlog/entry-bundle.ts';
import { MerkleTree } from './tlog/merkle-tree.ts';
import { formatTilePath, type TileId, tileWidth } from './tlog/tile-path.ts';
import { equalBytes, hashSize, toHex } from './tlog/tree-hash.ts';
import { FailureList, messageOf, type VerifyReport } from './verify-report.ts';

/** One entry as handed to the caller's own check. */
export interface CheckedEntry {
  readonly index: number;
  readonly envelope: Uint8Array;
  /** Null when no payload reader was given. */
  readonly content: FoundPayload | null;
}

/** What to verify and how. */
export interface VerifyOptions {
  readonly source: LedgerSource;
  /** Keys to accept. Without one the log's own `vkeys` or `vkey` is believed and the report says so. */
  readonly vkeys?: readonly string[];
  /** Signed checkpoints seen earlier or elsewhere: the log must extend each of them. */
  readonly heads?: readonly Uint8Array[];
  /** Where payloads come from; without one they are not looked at. */
  readonly payloads?: PayloadReader;
  /** Called for every entry in order; a returned sentence is a failure of that entry. */
  readonly checkEntry?: (entry: CheckedEntry) => string | undefined;
  /** Called now and then, and at the end. */
  readonly onProgress?: (progress: { readonly checked: number; readonly size: number }) => void;
}

interface BundleFiles {
  readonly bundle: number;
  readonly width: number;
  readonly entries: Uint8Array | undefined;
  readonly tile: Uint8Array | undefined;
  readonly contents: readonly FoundPayload[] | undefined;
}

const bundlesAhead = 8;

/** Verifies a log as its present checkpoint has it, also while it grows. Throws only when the source itself fails. */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  return new Verification(options).run();
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #failures = new FailureList();
  readonly #tree = new MerkleTree(nodeTreeHasher);
  #entriesChecked = 0;
  #payloadsUnavailable = 0;
  /** Tiles of level 1 and up as they fill; compared with the log's after the bundle that filled them. */
  #computed: { readonly tile: TileId; readonly hashes: Uint8Array }[] = [];

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  async run(): Promise<VerifyReport> {
    const { source, vkeys, heads } = this.#options;
    const verifiers = await loadKeys(source, vkeys, this.#failures);
    const checkpoint = await openCheckpoint(source, verifiers, this.#failures);
    if (checkpoint)
      await this.#checkTree(checkpoint, await openHeads(heads ?? [], checkpoint, verifiers, this.#failures));
    return {
      ok: this.#failures.count === 0,
      origin: checkpoint?.origin ?? null,
      size: checkpoint?.size ?? 0,
      root: checkpoint ? toHex(checkpoint.root) : null,
      keyPinned: this.#options.vkeys !== undefined,
      entriesChecked: this.#entriesChecked,
      payloadsUnavailable: this.#payloadsUnavailable,
      failures: this.#failures.listed,
      failureCount: this.#failures.count,
    };
  }

  async #checkTree({ size, root }: Checkpoint, heads: Checkpoint[]): Promise<void> {
    const bundles = Math.ceil(size / tileWidth);
    const ahead: Promise<BundleFiles>[] = [];
    const load = (bundle: number): void => {
      if (bundle >= bundles) return;
      const files = this.#loadBundle(bundle, Math.min(tileWidth, size - bundle * tileWidth));
      // Awaited later, in order; this only keeps an early failure from counting as unhandled.
      files.catch(() => undefined);
      ahead.push(files);
    };
    const passHeads = (): void => {
      for (let head = heads[0]; head?.size === this.#tree.size; head = heads[0]) {
        heads.shift();
        if (equalBytes(this.#tree.root(), head.root)) continue;
        this.#failures.add(
          'forked',
          `An earlier checkpoint of size ${head.size} has root ${toHex(head.root)}, but the log now has ${toHex(this.#tree.root())} there.`,
        );
      }
    };
    passHeads();
    for (let bundle = 0; bundle < bundlesAhead; bundle++) load(bundle);
    for (let files = ahead.shift(); files; files = ahead.shift()) {
      const loaded = await files;
      load(loaded.bundle + bundlesAhead);
      await this.#checkBundle(loaded, passHeads);
      if (loaded.bundle % 64 === 63) this.#options.onProgress?.({ checked: this.#tree.size, size });
    }
    for (const tile of this.#tree.edge()) {
      if (tile.level > 0) await this.#checkUpperTile(tile, tile.hashes);
    }
    if (!equalBytes(this.#tree.root(), root)) {
      this.#failures.add(
        'root-mismatch',
        `The entries and tiles give root ${toHex(this.#tree.root())} for size ${size}, but ${toHex(root)} is signed.`,
        { path: 'checkpoint' },
      );
    }
    this.#options.onProgress?.({ checked: this.#tree.size, size });
  }

  async #loadBundle(bundle: number, width: number): Promise<BundleFiles> {
    const [entries, tile, contents] = await Promise.all([
      readTile(this.#options.source, { level: 'entries', index: bundle, width }),
      readTile(this.#options.source, { level: 0, index: bundle, width }),
      this.#options.payloads?.(bundle, width),
    ]);
    return { bundle, width, entries, tile, contents };
  }

  async #checkBundle(files: BundleFiles, passHeads: () => void): Promise<void> {
    const { bundle, width } = files;
    const first = bundle * tileWidth;
    const path = formatTilePath({ level: 'entries', index: bundle, width });
    const span = `entries ${first} to ${first + width - 1}`;
    const tilePath = formatTilePath({ level: 0, index: bundle, width });
    const entries = this.#parseBundle(files, path, span);
    let tile = files.tile;
    if (!tile) this.#failures.add('tile-missing', `${tilePath} is missing (${span}).`, { path: tilePath });
    else if (tile.length !== width * hashSize) {
      this.#failures.add(
        'tile-changed',
        `${tilePath} has ${tile.length} bytes instead of ${width * hashSize} (${span}).`,
        {
          path: tilePath,
        },
      );
      tile = undefined;
    }
    let leaves: Uint8Array | undefined;
    if (entries) {
      leaves = new Uint8Array(width * hashSize);
      for (const [i, entry] of entries.entries()) leaves.set(nodeTreeHasher.leaf(entry), i * hashSize);
    }
    if (leaves && tile && !equalBytes(leaves, tile)) leaves = await this.#blame(files, leaves, tile, path, tilePath);
    leaves ??= tile ?? new Uint8Array(width * hashSize);
    for (let i = 0; i < width; i++) {
      this.#tree.append(leaves.subarray(i * hashSize, (i + 1) * hashSize), (level, index, hashes) => {
        if (level > 0) this.#computed.push({ tile: { level, index, width: tileWidth }, hashes });
      });
      passHeads();
    }
    for (const { tile: upper, hashes } of this.#computed.splice(0)) await this.#checkUpperTile(upper, hashes);
    if (entries) this.#checkEntries(first, entries, files.contents);
  }

  #parseBundle(files: BundleFiles, path: string, span: string): Uint8Array[] | undefined {
    if (!files.entries) {
      this.#failures.add('bundle-missing', `${path} is missing: ${span} cannot be read.`, { path });
      return undefined;
    }
    try {
      return parseEntryBundle(files.entries, files.width);
    } catch (error) {
      this.#failures.add('bundle-malformed', `${path} (${span}): ${messageOf(error)}`, { path });
      return undefined;
    }
  }

  /** Bundle and tile differ: names the one that does not agree with the tile above, and gives the leaves to go on with. */
  async #blame(
    { bundle, width }: BundleFiles,
    leaves: Uint8Array,
    tile: Uint8Array,
    path: string,
    tilePath: string,
  ): Promise<Uint8Array> {
    const above = width === tileWidth ? await readTileAbove(this.#options.source, bundle) : undefined;
    const at = (bundle % tileWidth) * hashSize;
    if (above && equalBytes(nodeTreeHasher.fold(leaves), above.subarray(at, at + hashSize))) {
      this.#failures.add(
        'tile-changed',
        `${tilePath} is not the tile of its entries, which agree with the tile above.`,
        {
          path: tilePath,
        },
      );
      return leaves;
    }
    for (let i = 0; i < width; i++) {
      const [from, to] = [i * hashSize, (i + 1) * hashSize];
      if (equalBytes(leaves.subarray(from, to), tile.subarray(from, to))) continue;
      const index = bundle * tileWidth + i;
      this.#failures.add('entry-changed', `Entry ${index} is not the one that the tree was built from (${path}).`, {
        index,
        path,
      });
    }
    return tile;
  }

  async #checkUpperTile(tile: TileId, hashes: Uint8Array): Promise<void> {
    if (tile.level === 'entries') return;
    const path = formatTilePath(tile);
    const found = await readTile(this.#options.source, tile);
    if (!found) {
      this.#failures.add('tile-missing', `${path} is missing.`, { path });
      return;
    }
    if (equalBytes(found, hashes)) return;
    const leavesPerHash = tileWidth ** tile.level;
    const differing = Array.from({ length: tile.width }, (_, i) => i).filter(
      (i) =>
        !equalBytes(
          found.subarray(i * hashSize, (i + 1) * hashSize),
          hashes.subarray(i * hashSize, (i + 1) * hashSize),
        ),
    );
    const start = (tile.index * tileWidth + (differing[0] ?? 0)) * leavesPerHash;
    this.#failures.add(
      'tile-changed',
      `${path} does not fit to the ${differing.length} tile(s) below it that begin at entry ${start} (hash ${differing[0] ?? 'count'}).`,
      { path, index: start },
    );
  }

  #checkEntries(first: number, entries: readonly Uint8Array[], contents: readonly FoundPayload[] | undefined): void {
    this.#entriesChecked += entries.length;
    for (const content of contents ?? []) if (content.removed === 'unavailable') this.#payloadsUnavailable += 1;
    const { checkEntry } = this.#options;
    if (!checkEntry) return;
    for (const [i, envelope] of entries.entries()) {
      const index = first + i;
      const problem = checkEntry({ index, envelope, content: contents?.[i] ?? null });
      if (problem !== undefined) this.#failures.add('entry-check', `Entry ${index}: ${problem}`, { index });
    }
  }
}
