// What a verification found: a list of named failures, bounded, and a verdict that is good only when there is none.

/** What can be wrong. `entry-check` comes from the caller's own check of an entry. */
export type VerifyFailureCode =
  | 'checkpoint-missing'
  | 'checkpoint-malformed'
  | 'key-missing'
  | 'signature-invalid'
  | 'origin-changed'
  | 'bundle-missing'
  | 'bundle-malformed'
  | 'entry-changed'
  | 'tile-missing'
  | 'tile-changed'
  | 'root-mismatch'
  | 'truncated'
  | 'forked'
  | 'head-invalid'
  | 'entry-check';

/** One thing that is wrong, by name. */
export interface VerifyFailure {
  readonly code: VerifyFailureCode;
  /** A sentence for people that names file and entry. */
  readonly message: string;
  /** The entry, when it is about one. */
  readonly index?: number;
  /** The file, relative to the log. */
  readonly path?: string;
}

/** The result of a verification. */
export interface VerifyReport {
  /** True only when everything was checked and nothing was wrong. */
  readonly ok: boolean;
  readonly origin: string | null;
  /** Entries that the checkpoint covers; 0 without a valid checkpoint. */
  readonly size: number;
  /** Hexadecimal root of the checkpoint, null without one. */
  readonly root: string | null;
  /** False when no key was given and the log's own was believed: then a re-signed log goes unnoticed. */
  readonly keyPinned: boolean;
  /** Entries recomputed from their bundles. */
  readonly entriesChecked: number;
  /** Payloads that could not be read from outside, though nothing says that they were removed. */
  readonly payloadsUnavailable: number;
  /** The first 100, in the order found. */
  readonly failures: readonly VerifyFailure[];
  /** All, also beyond those listed. */
  readonly failureCount: number;
}

const listedAtMost = 100;

/** Collects failures. */
export class FailureList {
  readonly listed: VerifyFailure[] = [];
  count = 0;

  add(code: VerifyFailureCode, message: string, where: { readonly index?: number; readonly path?: string } = {}): void {
    this.count += 1;
    if (this.listed.length < listedAtMost) this.listed.push({ code, message, ...where });
  }
}

/** The sentence of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
