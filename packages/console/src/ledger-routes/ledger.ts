// The port of the ledger: the append-only truth that everything else is a projection of. It knows bytes, not events.

/** One entry as appended: the envelope is what the ledger proves, salt and payload lie beside it. */
export interface LedgerEntry {
  readonly envelope: Uint8Array;
  /** 16 random bytes. Undefined, as the payload, once the entry was erased or has expired. */
  readonly salt: Uint8Array | undefined;
  readonly payload: Uint8Array | undefined;
}

/** An entry that is being appended. */
export interface NewLedgerEntry {
  readonly envelope: Uint8Array;
  readonly salt: Uint8Array;
  readonly payload: Uint8Array;
}

/** What the ledger signs and proves about itself. Sizes are numbers of entries; proofs are about the published part. */
export interface LedgerProofs {
  /** Name of the log in its checkpoints. */
  readonly origin: string;
  /** Size of the newest signed checkpoint. */
  readonly publishedSize: number;
  /** Signs what is accepted now instead of within the next second. */
  publishNow(): Promise<void>;
  /** Root of the newest checkpoint. */
  publishedRoot(): Uint8Array;
  /** Audit path of an entry in the tree of `size`. Throws `bad_parameter` for an entry or a size that is not published. */
  inclusionProof(index: number, size: number): Promise<readonly Uint8Array[]>;
  /** Proof that the tree of `size` extends the one of `oldSize`. Throws `bad_parameter` likewise. */
  consistencyProof(oldSize: number, size: number): Promise<readonly Uint8Array[]>;
  /** All public keys that ever signed, oldest first; the last one signs first. */
  keyHistory(): readonly string[];
  /** Makes a new key that signs first; older ones sign beside it until {@link retireOldKeys}. Resolves to its vkey. */
  rotateKey(): Promise<string>;
  /** Deletes the secrets of all keys but the newest. */
  retireOldKeys(): Promise<void>;
}

/** The ledger. Positions are dense from 0. */
export interface Ledger {
  readonly proofs: LedgerProofs;
  /** Appends all or none, in order. Resolves when envelopes and payloads are fsynced. Fails with `disk_full` or `unavailable`. */
  append(entries: readonly NewLedgerEntry[]): Promise<{ readonly firstIndex: number }>;
  /** Entries from a position on, at most `limit`, fewer at the end. Only entries that are durable. */
  read(from: number, limit: number): Promise<readonly LedgerEntry[]>;
  /** How many entries are durable. */
  readonly size: number;
  /** Resolves once the ledger is larger than `size`, or when the signal aborts. */
  grownBeyond(size: number, signal: AbortSignal): Promise<void>;
  /** Envelopes alone, at most `limit`, several times quicker than {@link read}. */
  readEnvelopes(from: number, limit: number): Promise<readonly Uint8Array[]>;
  /** Deletes salt and payload of these entries for good. Their envelopes and all proofs stay. Idempotent. */
  erase(indexes: readonly number[]): Promise<void>;
  /** As {@link erase} for every entry from `from` to `to` (exclusive) that is chosen. Resolves to how many went, and to the bytes of their payloads. */
  eraseWhere(
    range: { readonly from: number; readonly to: number },
    isChosen: (entry: LedgerEntry, index: number) => boolean,
  ): Promise<{ readonly erased: number; readonly bytes: number }>;
  /** Bytes on the disk of the payloads of each 256 entries in a row, from position 0 on. What is not settled yet is not among them. */
  payloadBlockBytes(): Promise<readonly number[]>;
  close(): Promise<void>;
}
