// What an entry of a ledger must be: an envelope, its Defender's next number, a payload with the digest that the envelope states.
// A payload that is gone is in order only when a tombstone on the same record says so.
import { createHash } from 'node:crypto';
import { type Envelope, parseEnvelope } from '@dockledger/console';
import type { CheckedEntry } from '@dockledger/ledger';

/** What was found over all entries. */
export interface EntryFindings {
  readonly defenders: number;
  /** Declared gaps. */
  readonly gaps: number;
  /** Tombstones: erasures and expiries on record. */
  readonly tombstones: number;
  /** Payloads that were taken away, with or without a tombstone. */
  readonly payloadsRemoved: number;
  /** One sentence for each stretch of removed payloads that no tombstone covers. */
  readonly uncovered: readonly { readonly index: number; readonly message: string }[];
}

/** The check of each entry, in order, and what it found when all were shown. */
export interface EntryCheck {
  check(entry: CheckedEntry): string | undefined;
  findings(): EntryFindings;
}

interface Tombstone {
  readonly index: number;
  readonly ledgerIndexes: ReadonlySet<number>;
  readonly types: ReadonlySet<string>;
  /** Entries at or above are not covered by `types`. */
  readonly to: number;
  /** Entries of this time or later are not covered by `types`; for expiry. Undefined covers all. */
  readonly before: number | undefined;
}

interface RemovedPayload {
  readonly index: number;
  readonly type: string;
  readonly timeMs: number;
}

/** Starts a check. Entries come from 0 on, without holes. */
export function createEntryCheck(): EntryCheck {
  const last = new Map<string, { epoch: number; seq: number }>();
  const tombstones: Tombstone[] = [];
  const removed: RemovedPayload[] = [];
  let gaps = 0;

  function checkNumber({ defender, epoch, seq }: Envelope): string | undefined {
    const before = last.get(defender);
    last.set(defender, { epoch, seq });
    if (before === undefined || before.epoch < epoch) {
      return seq === 1 ? undefined : `epoch ${epoch} of Defender ${defender} begins with number ${seq}`;
    }
    if (epoch < before.epoch) return `epoch ${epoch} of Defender ${defender} follows epoch ${before.epoch}`;
    return seq === before.seq + 1
      ? undefined
      : `number ${seq} of Defender ${defender}, epoch ${epoch}, follows ${before.seq}`;
  }

  function checkPayload(envelope: Envelope, { index, content }: CheckedEntry): string | undefined {
    if (content === null) return undefined;
    const name = `event ${envelope.defender}.${envelope.epoch}.${envelope.seq}`;
    if (content.removed === 'lost') return `the payload of ${name} lies in a damaged block`;
    if (content.removed === 'unavailable') return `the payload of ${name} is in no file, and nothing says why`;
    const { salt, payload } = content;
    if (payload === null) {
      removed.push({ index, type: envelope.type, timeMs: Date.parse(envelope.time) });
      return undefined;
    }
    if (payload.length !== envelope.length)
      return `the payload of ${name} has ${payload.length} bytes instead of ${envelope.length}`;
    const digest = createHash('sha256').update(salt).update(payload).digest('base64');
    if (digest !== envelope.digest) return `the payload of ${name} is not the one that was recorded`;
    if (envelope.type === 'tombstone') tombstones.push(parseTombstone(index, payload));
    return undefined;
  }

  return {
    check: (entry) => {
      let envelope: Envelope;
      try {
        envelope = parseEnvelope(entry.envelope);
      } catch (error) {
        return (error as Error).message;
      }
      if (envelope.type === 'gap') gaps++;
      return checkNumber(envelope) ?? checkPayload(envelope, entry);
    },
    findings: () => ({
      defenders: last.size,
      gaps,
      tombstones: tombstones.length,
      payloadsRemoved: removed.length,
      uncovered: toUncovered(removed.filter((payload) => !tombstones.some((tombstone) => covers(tombstone, payload)))),
    }),
  };
}

function covers(tombstone: Tombstone, { index, type, timeMs }: RemovedPayload): boolean {
  if (tombstone.ledgerIndexes.has(index)) return index < tombstone.index;
  if (!tombstone.types.has(type) || index >= tombstone.to || index >= tombstone.index) return false;
  return tombstone.before === undefined || timeMs < tombstone.before;
}

function parseTombstone(index: number, payload: Uint8Array): Tombstone {
  const { event } = JSON.parse(Buffer.from(payload).toString('utf8')) as {
    event: { details?: { ledgerIndexes?: number[]; types?: string[]; to?: number; before?: string } };
  };
  const { ledgerIndexes = [], types = [], to = index, before } = event.details ?? {};
  return {
    index,
    ledgerIndexes: new Set(ledgerIndexes),
    types: new Set(types),
    to,
    before: before === undefined ? undefined : Date.parse(before),
  };
}

function toUncovered(payloads: readonly RemovedPayload[]): { index: number; message: string }[] {
  const stretches: { first: number; last: number }[] = [];
  for (const { index } of payloads) {
    const stretch = stretches.at(-1);
    if (stretch?.last === index - 1) stretch.last = index;
    else stretches.push({ first: index, last: index });
  }
  return stretches.map(({ first, last: end }) => ({
    index: first,
    message:
      first === end
        ? `The payload of entry ${first} was taken away, but no tombstone on record says so.`
        : `The payloads of entries ${first} to ${end} were taken away, but no tombstone on record says so.`,
  }));
}
