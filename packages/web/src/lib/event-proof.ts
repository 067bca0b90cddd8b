// Proves in the browser that an event as shown stands in the signed ledger: content → digest → envelope → leaf → root → signature.
// Trusts the Console for nothing but the keys it names, which a reader can compare with the ones kept elsewhere.
import type { StoredAccessEvent } from '@dockledger/contract';
import {
  createInclusionProof,
  createTreeHasher,
  equalBytes,
  formatTilePath,
  hashSize,
  type NoteVerifier,
  noteAlgorithm,
  parseBase64,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  verifyInclusion,
  verifyNote,
  widthAtSize,
} from '@dockledger/ledger/tlog';
import { sha256 } from './sha256.ts';

/** What the Console hands out of one event for proving it: exact bytes in base64. */
export interface EventEvidence {
  readonly ledgerIndex: number;
  readonly envelope: string;
  readonly salt: string;
  readonly payload: string;
}

/** How bytes are fetched; resolves to undefined for a file that is not there. */
export type LoadLedgerFile = (path: string) => Promise<Uint8Array | undefined>;

/** The outcome. `too-new`: accepted, but the next head that covers it is not signed yet. */
export type EventProof =
  | { readonly state: 'proven'; readonly size: number; readonly signers: readonly string[] }
  | { readonly state: 'too-new' }
  | { readonly state: 'broken'; readonly reason: string };

const hasher = createTreeHasher(sha256);

/** Checks Ed25519 signatures with the browser's own cryptography. */
function toVerifier(vkey: string): NoteVerifier | undefined {
  const { name, keyId, algorithm, publicKey } = parseVerifierKey(sha256, vkey);
  if (algorithm !== noteAlgorithm.ed25519) return undefined;
  return {
    name,
    keyId,
    verify: async (text, signature) => {
      const key = await crypto.subtle.importKey('raw', publicKey.slice(), 'Ed25519', false, ['verify']);
      return crypto.subtle.verify('Ed25519', key, signature.slice(), text.slice());
    },
  };
}

const broken = (reason: string): EventProof => ({ state: 'broken', reason });

/** JSON with sorted keys, so that two readings of one event compare equal whatever the order of keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`)
    .join(',')}}`;
}

function findContentProblem(event: StoredAccessEvent, evidence: EventEvidence): string | undefined {
  const envelopeBytes = parseBase64(evidence.envelope);
  const salt = parseBase64(evidence.salt);
  const payload = parseBase64(evidence.payload);
  if (envelopeBytes === undefined || salt === undefined || payload === undefined) return 'its evidence cannot be read';
  const text = new TextDecoder();
  const envelope = JSON.parse(text.decode(envelopeBytes)) as Record<string, unknown>;
  const salted = new Uint8Array(salt.length + payload.length);
  salted.set(salt);
  salted.set(payload, salt.length);
  const digest = parseBase64(String(envelope['digest']));
  if (digest === undefined || !equalBytes(digest, sha256(salted)))
    return 'its content does not match the digest in the ledger';
  const kept = JSON.parse(text.decode(payload)) as { event?: Record<string, unknown> };
  const { ledgerIndex: _, receivedAt: __, collections: ___, outcome, ...shown } = event;
  const { outcome: keptOutcome, ...keptRest } = kept.event ?? {};
  if (canonical(shown) !== canonical(keptRest)) return 'what is shown differs from what the ledger holds';
  // An outcome that came later stands in an entry of its own; only one that was known at once is compared.
  const wasOpen = ['pending', 'unknown'].includes(String((keptOutcome as { state?: unknown } | undefined)?.state));
  if (!wasOpen && canonical(outcome) !== canonical(keptOutcome))
    return 'its outcome differs from what the ledger holds';
  return undefined;
}

/** Proves one event. Network failures throw as `load` throws them; everything else is an answer. */
export async function proveEvent(
  event: StoredAccessEvent,
  evidence: EventEvidence,
  load: LoadLedgerFile,
): Promise<EventProof> {
  const problem = findContentProblem(event, evidence);
  if (problem !== undefined) return broken(problem);
  if (evidence.ledgerIndex !== event.ledgerIndex) return broken('its place in the ledger is not the one shown');
  const [checkpointBytes, keyBytes] = await Promise.all([load('checkpoint'), load('vkeys')]);
  if (checkpointBytes === undefined) return { state: 'too-new' };
  const keys = keyBytes ?? (await load('vkey'));
  if (keys === undefined) return broken('the Console names no key');
  const note = parseNote(checkpointBytes);
  const verifiers = new TextDecoder()
    .decode(keys)
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => toVerifier(line) ?? []);
  const signatures = await verifyNote(note, verifiers);
  const { size, root } = parseCheckpoint(note.text);
  const index = event.ledgerIndex;
  if (index >= size) return { state: 'too-new' };
  const readTile = async (level: number, tile: number): Promise<Uint8Array> => {
    const width = widthAtSize(size, level, tile);
    // A full tile may already have replaced the partial one that the head speaks of.
    const bytes =
      (await load(formatTilePath({ level, index: tile, width }))) ??
      (await load(formatTilePath({ level, index: tile, width: 256 })));
    if (bytes === undefined || bytes.length < width * hashSize) throw new Error(`Tile ${level}/${tile} is missing.`);
    return bytes;
  };
  const proof = await createInclusionProof(hasher, readTile, index, size);
  const leafHash = hasher.leaf(parseBase64(evidence.envelope) ?? new Uint8Array());
  if (!verifyInclusion(hasher, { leafHash, index, size, root }, proof)) {
    return broken('the signed ledger holds something else at its place');
  }
  return { state: 'proven', size, signers: [...new Set(signatures.map(({ name }) => name))] };
}
