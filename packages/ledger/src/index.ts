// The public surface of the ledger: opening one, verifying one, and the pure tlog pieces that verifiers elsewhere need.
export type { EntryInput, Removal } from './batch-record.ts';
export { maxPayloadBytes } from './batch-record.ts';
export type { DropRequest, Ledger, LedgerEntry, LedgerSizes } from './ledger.ts';
export { createDirectorySource, createUrlSource, type LedgerSource } from './ledger-source.ts';
export { createNoteVerifier, nodeSha256, nodeTreeHasher } from './node-crypto.ts';
export { type LedgerOptions, openLedger } from './open-ledger.ts';
export { createPayloadReader, type FoundPayload, type PayloadReader } from './payload-reader.ts';
export {
  createCosigningKey,
  createSigningKey,
  parseCosigningKey,
  parseSigningKey,
  type SigningKey,
  signNote,
} from './signing-key.ts';
export * from './tlog/index.ts';
export { type CheckedEntry, type VerifyOptions, verifyLedger } from './verify-ledger.ts';
export type { VerifyFailure, VerifyFailureCode, VerifyReport } from './verify-report.ts';
