// The one implementation of the ledger's interface, over tail, tree, payload blocks and integrator.
// Invariant: reading never waits for integration, and whatever rewrites a file runs while nothing else does.
import { AppError } from '@dockledger/contract/error-code';
import type { AcceptedTail } from './accepted-tail.ts';
import type { EntryInput } from './batch-record.ts';
import type { Integrator } from './integrator.ts';
import type { KeyFiles } from './key-files.ts';
import type { DropRequest, Ledger, LedgerEntry, LedgerSizes } from './ledger.ts';
import { nodeTreeHasher } from './node-crypto.ts';
import type { PayloadStore } from './payload-store.ts';
import type { PublicTree } from './public-tree.ts';
import type { Checkpoint } from './tlog/checkpoint.ts';
import { createConsistencyProof, createInclusionProof } from './tlog/proof.ts';
import { tileWidth } from './tlog/tile-path.ts';

/** What {@link OpenedLedger} is made of. */
export interface LedgerParts {
  readonly tail: AcceptedTail;
  readonly tree: PublicTree;
  readonly payloads: PayloadStore;
  readonly keys: KeyFiles;
  readonly integrator: Integrator;
  readonly maxTailBytes: number;
  readonly onProblem: (message: string, error: unknown) => void;
}

const maxReadBytes = 8 * 1024 * 1024;
const nothing = new Uint8Array(0);

/** The one implementation of {@link Ledger}; made by `openLedger`. */
export class OpenedLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #listeners = new Set<(sizes: LedgerSizes) => void>();
  #closing: Promise<void> | undefined;
  #waitingForRoom: (() => void)[] = [];

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  get origin(): string {
    return this.#parts.integrator.state.origin;
  }

  get vkey(): string {
    return this.#parts.keys.keys[0]?.vkey ?? '';
  }

  get sizes(): LedgerSizes {
    return { accepted: this.#parts.tail.acceptedSize, published: this.#parts.integrator.state.size };
  }

  get problem(): string | null {
    const { problem } = this.#parts.integrator;
    return problem === undefined ? null : problem instanceof Error ? problem.message : 'unknown';
  }

  async append(entries: readonly EntryInput[]): Promise<{ readonly firstIndex: number }> {
    await this.#waitForRoom();
    this.#assertOpen();
    const { firstIndex, accepted } = this.#parts.tail.append(entries);
    await accepted;
    this.#parts.integrator.poke();
    this.#announce();
    return { firstIndex };
  }

  async read(from: number, limit: number): Promise<LedgerEntry[]> {
    this.#assertOpen();
    const entries: LedgerEntry[] = [];
    let bytes = 0;
    const end = Math.min(this.#parts.tail.acceptedSize, from + limit);
    for (let index = from; index < end && bytes < maxReadBytes; ) {
      for (const entry of await this.#readBlockFrom(index, end)) {
        entries.push(entry);
        bytes += entry.envelope.length + (entry.payload?.length ?? 0);
        index += 1;
        if (bytes >= maxReadBytes) break;
      }
    }
    return entries;
  }

  async readEnvelopes(from: number, limit: number): Promise<{ index: number; envelope: Uint8Array }[]> {
    this.#assertOpen();
    const { tail, tree } = this.#parts;
    const found: { index: number; envelope: Uint8Array }[] = [];
    let bytes = 0;
    let bundle: readonly Uint8Array[] | undefined;
    const end = Math.min(tail.acceptedSize, from + limit);
    for (let index = from; index < end && bytes < maxReadBytes; index++) {
      const inMemory = tail.entry(index)?.envelope;
      if (!inMemory && (bundle === undefined || index % tileWidth === 0)) {
        bundle = await tree.readBundle(Math.floor(index / tileWidth));
      }
      const envelope = inMemory ?? bundle?.[index % tileWidth];
      if (!envelope) throw new AppError('ledger_corrupt', `Entry ${index} is missing from its bundle.`);
      found.push({ index, envelope });
      bytes += envelope.length;
    }
    return found;
  }

  async readEntry(index: number): Promise<LedgerEntry> {
    this.#assertAccepted(index);
    const [entry] = await this.read(index, 1);
    if (!entry) throw new AppError('ledger_corrupt', `Entry ${index} is missing.`);
    return entry;
  }

  async readPayload(index: number): Promise<Uint8Array | null> {
    return (await this.readEntry(index)).payload;
  }

  async erase(indexes: number | readonly number[]): Promise<void> {
    this.#assertOpen();
    const { tail, payloads, integrator } = this.#parts;
    const all = new Set(typeof indexes === 'number' ? [indexes] : indexes);
    for (const index of all) this.#assertAccepted(index);
    if (all.size === 0) return;
    await integrator.exclusively(async () => {
      // First out of the journal: a power cut must not bring back from there what is taken out of a block.
      for (const index of all) tail.removePayload(index, 'erased');
      await integrator.settleEverything('leave-no-byte');
      const inBlocks = [...all].filter((index) => tail.entry(index) === undefined);
      for (const block of new Set(inBlocks.map((index) => Math.floor(index / tileWidth)))) {
        const before = await payloads.read(block);
        const after = before.map((entry, i) =>
          all.has(block * tileWidth + i) ? { salt: nothing, payload: null, removed: 'erased' as const } : entry,
        );
        if (after.some(({ removed }, i) => removed !== before[i]?.removed)) await payloads.rewrite(block, after);
      }
    });
  }

  async dropPayloads(request: DropRequest): Promise<{ dropped: number; bytes: number }> {
    const { tree, payloads, integrator } = this.#parts;
    const sum = { dropped: 0, bytes: 0 };
    const from = request.from ?? 0;
    for (let block = Math.floor(from / tileWidth); ; block++) {
      this.#assertOpen();
      const settled = integrator.state.settledSize;
      const to = Math.min(request.to ?? settled, settled - (settled % tileWidth));
      if (block * tileWidth >= to) return sum;
      await integrator.exclusively(async () => {
        const envelopes = await tree.readBundle(block);
        const before = await payloads.read(block);
        const after = before.map((entry, i) => {
          const index = block * tileWidth + i;
          const envelope = envelopes[i] ?? new Uint8Array(0);
          if (entry.payload === null || index < from || index >= to) return entry;
          if (!request.shouldDrop({ index, envelope, ...entry })) return entry;
          sum.dropped += 1;
          sum.bytes += entry.payload.length;
          return { salt: nothing, payload: null, removed: 'dropped' as const };
        });
        if (after.some((entry, i) => entry !== before[i])) await payloads.rewrite(block, after);
      });
    }
  }

  checkpoint(): Checkpoint {
    const { origin, size, root } = this.#parts.integrator.state;
    return { origin, size, root: new Uint8Array(Buffer.from(root, 'hex')) };
  }

  async inclusionProof(index: number, size = this.sizes.published): Promise<Uint8Array[]> {
    this.#assertWithin('index', index, size - 1);
    this.#assertWithin('size', size, this.sizes.published);
    return createInclusionProof(nodeTreeHasher, this.#parts.tree.readTile, index, size);
  }

  async consistencyProof(oldSize: number, size = this.sizes.published): Promise<Uint8Array[]> {
    this.#assertWithin('old size', oldSize, size);
    this.#assertWithin('size', size, this.sizes.published);
    return createConsistencyProof(nodeTreeHasher, this.#parts.tree.readTile, oldSize, size);
  }

  publishNow(): Promise<void> {
    this.#assertOpen();
    return this.#parts.integrator.integrate();
  }

  rotateKey(): Promise<string> {
    this.#assertOpen();
    return this.#parts.integrator.exclusively(async () => {
      const { vkey } = await this.#parts.keys.rotate();
      await this.#parts.integrator.publish();
      return vkey;
    });
  }

  retireOldKeys(): Promise<void> {
    this.#assertOpen();
    return this.#parts.integrator.exclusively(async () => {
      await this.#parts.keys.retire();
      await this.#parts.integrator.publish();
    });
  }

  keyHistory(): readonly string[] {
    return this.#parts.keys.history;
  }

  subscribe(onGrown: (sizes: LedgerSizes) => void): () => void {
    this.#listeners.add(onGrown);
    return () => this.#listeners.delete(onGrown);
  }

  /** Called by the integrator after each checkpoint. */
  onPublished(): void {
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    this.#announce();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { integrator, tail } = this.#parts;
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    await integrator.stop();
    try {
      await integrator.exclusively(() => integrator.settleEverything('trim'));
    } catch (error) {
      this.#parts.onProblem('The ledger could not settle at close; the next start does it from the journal.', error);
    }
    await tail.close();
    this.#listeners.clear();
  }

  /** Entries from `index` on, at most to the end of its block or to `end`. */
  async #readBlockFrom(index: number, end: number): Promise<LedgerEntry[]> {
    const { tail, tree, payloads } = this.#parts;
    const block = Math.floor(index / tileWidth);
    const last = Math.min(end, (block + 1) * tileWidth);
    const indexes = Array.from({ length: last - index }, (_, i) => index + i);
    const fromMemory = indexes.flatMap((at) => {
      const entry = tail.entry(at);
      return entry ? [{ index: at, ...entry }] : [];
    });
    if (fromMemory.length === indexes.length) return fromMemory;
    const [envelopes, contents] = await Promise.all([tree.readBundle(block), payloads.read(block)]);
    return indexes.map((at) => {
      const envelope = envelopes[at % tileWidth];
      const content = contents[at % tileWidth];
      if (!envelope || !content) throw new AppError('ledger_corrupt', `Entry ${at} is missing from its block.`);
      return { index: at, envelope, ...content };
    });
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener(this.sizes);
      } catch (error) {
        this.#parts.onProblem('A subscriber of the ledger failed.', error);
      }
    }
  }

  /** Bounds the memory: appending waits for integration, and fails with its reason when that does not get on. */
  async #waitForRoom(): Promise<void> {
    const { tail, integrator, maxTailBytes } = this.#parts;
    // The unfinished block stays in memory whatever it weighs, and waiting for it to end would be waiting for oneself.
    const isFull = (): boolean => tail.bytes > maxTailBytes && tail.acceptedSize - tail.start >= tileWidth;
    while (isFull() && this.#closing === undefined) {
      if (integrator.problem !== undefined) throw integrator.problem;
      integrator.poke();
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new AppError('ledger_closed', 'The ledger is closed.');
  }

  #assertAccepted(index: number): void {
    if (Number.isSafeInteger(index) && index >= 0 && index < this.#parts.tail.acceptedSize) return;
    throw new AppError('not_found', `The ledger has no entry ${index}; its size is ${this.sizes.accepted}.`);
  }

  #assertWithin(name: string, value: number, most: number): void {
    if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
    throw new AppError('bad_parameter', `The ${name} ${value} is not between 0 and ${most}.`);
  }
}
