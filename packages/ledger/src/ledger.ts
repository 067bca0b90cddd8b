// What an open ledger promises: appending, reading, proofs, erasing. Entries are bytes; what they mean is the caller's.
// Invariant: an acknowledged entry keeps its index and its envelope for ever; only payloads can be taken away, and that stays visible.
import type { EntryInput, Removal } from './batch-record.ts';
import type { Checkpoint } from './tlog/checkpoint.ts';

/** An entry as read. */
export interface LedgerEntry {
  readonly index: number;
  readonly envelope: Uint8Array;
  /** Empty when the payload is removed. */
  readonly salt: Uint8Array;
  /** Null exactly when `removed` says why. */
  readonly payload: Uint8Array | null;
  readonly removed: Removal | null;
}

/** How far the ledger has grown, in entries. `published` is the size of the newest checkpoint, never more than `accepted`. */
export interface LedgerSizes {
  readonly accepted: number;
  readonly published: number;
}

/** Which payloads {@link Ledger.dropPayloads} looks at, and which it drops. */
export interface DropRequest {
  /** First index looked at. Defaults to 0. */
  readonly from?: number;
  /** Index before which it stops. Defaults to all that is settled in full blocks of 256. */
  readonly to?: number;
  readonly shouldDrop: (entry: LedgerEntry) => boolean;
}

/** One open ledger. Whoever opened it closes it. */
export interface Ledger extends AsyncDisposable {
  /** Name of the log in its checkpoints. */
  readonly origin: string;
  /** The public key that signs first. */
  readonly vkey: string;
  readonly sizes: LedgerSizes;
  /** Why accepted entries do not reach the published tree at present, for a health page; null while they do. */
  readonly problem: string | null;
  /**
   * Appends a batch, all or none, and resolves when it is on the disk. Indexes are dense, final, and in the order of calls.
   * Throws `too_large`, `disk_full` (passes when there is room), `ledger_closed`, and `journal_failed` for good. When integration fails it
   * goes on accepting, as the journal keeps what it accepts, until memory is full; then it throws integration's error.
   */
  append(entries: readonly EntryInput[]): Promise<{ readonly firstIndex: number }>;
  /** Accepted entries from `from` on, in order, at most `limit`; fewer when they pass 8 MiB, none at the end. */
  read(from: number, limit: number): Promise<LedgerEntry[]>;
  /** As {@link read} without the payloads, which is several times quicker: for whoever rebuilds something from envelopes. */
  readEnvelopes(from: number, limit: number): Promise<{ readonly index: number; readonly envelope: Uint8Array }[]>;
  /** One accepted entry. Throws `not_found` past the end. */
  readEntry(index: number): Promise<LedgerEntry>;
  /** The payload, or null when it is removed. Throws `not_found` past the end. */
  readPayload(index: number): Promise<Uint8Array | null>;
  /**
   * Deletes salt and payload of these entries everywhere, and resolves when no file holds them. Idempotent. Costs some tenths of a second
   * however many they are, so erase together what belongs together. Throws `not_found` for an index past the end, before anything is erased.
   * The tombstone event is the caller's.
   */
  erase(indexes: number | readonly number[]): Promise<void>;
  /** Deletes salts and payloads that `shouldDrop` names, block by block, while others append and read. */
  dropPayloads(request: DropRequest): Promise<{ readonly dropped: number; readonly bytes: number }>;
  /** The newest published checkpoint. */
  checkpoint(): Checkpoint;
  /** Audit path of `index` in the tree of `size`. `size` defaults to the published one and may be any smaller one. */
  inclusionProof(index: number, size?: number): Promise<Uint8Array[]>;
  /** Proof that the tree of `size` (default: the published one) extends the tree of `oldSize`. */
  consistencyProof(oldSize: number, size?: number): Promise<Uint8Array[]>;
  /** Integrates and publishes what is accepted now, without waiting for the next second. */
  publishNow(): Promise<void>;
  /** Makes a new key that signs first from now on; older keys sign beside it until {@link retireOldKeys}. Resolves to its vkey. */
  rotateKey(): Promise<string>;
  /** Older keys stop signing and their secrets are deleted. Their public keys stay in `vkeys`. */
  retireOldKeys(): Promise<void>;
  /** All public keys that ever signed, oldest first. */
  keyHistory(): readonly string[];
  /** Calls `onGrown` after each acceptance and each publication until the returned function is called. */
  subscribe(onGrown: (sizes: LedgerSizes) => void): () => void;
  /** Publishes and settles everything, and lets the next opener in. Idempotent. */
  close(): Promise<void>;
}
