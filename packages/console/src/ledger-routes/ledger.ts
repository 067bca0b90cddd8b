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

/** The ledger. Positions are dense from 0. */
export interface Ledger {
  /** Appends all or none, in order. Resolves when envelopes and payloads are fsynced. Fails with `disk_full` or `unavailable`. */
  append(entries: readonly NewLedgerEntry[]): Promise<{ readonly firstIndex: number }>;
  /** Entries from a position on, at most `limit`, fewer at the end. Only entries that are durable. */
  read(from: number, limit: number): Promise<readonly LedgerEntry[]>;
  /** How many entries are durable. */
  readonly size: number;
  /** Resolves once the ledger is larger than `size`, or when the signal aborts. */
  grownBeyond(size: number, signal: AbortSignal): Promise<void>;
  /** Deletes salt and payload of one entry for good. Its envelope and all proofs stay. Idempotent. */
  erase(index: number): Promise<void>;
  /** Deletes salt and payload of every entry before `to` whose envelope is chosen. Resolves to how many went. */
  eraseWhere(to: number, isChosen: (envelope: Uint8Array) => boolean): Promise<number>;
  close(): Promise<void>;
}
