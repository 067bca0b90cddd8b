// What stands in a ledger entry of ours: a compact envelope that names the event and binds the payload by a salted digest,
// and a payload that carries the Defender's bytes verbatim. Envelope keys and their order are part of the format.
import { createHash, randomBytes } from 'node:crypto';
import type { AccessEvent, StoredAccessEvent } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { LedgerEntry, NewLedgerEntry } from './ledger.ts';

/** The envelope. `length` counts the payload's bytes, `digest` is base64 of SHA-256(salt ‖ payload). */
export const Envelope = Type.Object({
  v: Type.Literal(1),
  defender: Type.String(),
  epoch: Type.Integer({ minimum: 1 }),
  seq: Type.Integer({ minimum: 1 }),
  time: Type.String(),
  type: Type.String(),
  length: Type.Integer({ minimum: 0 }),
  digest: Type.String(),
});
export type Envelope = Static<typeof Envelope>;

const envelopeCheck = Compile(Envelope);
const eventKey = ',"event":';

/** An event with the bytes that its Defender sent. */
export interface ReceivedEvent {
  readonly event: AccessEvent;
  /** The event's JSON, verbatim. */
  readonly bytes: Uint8Array;
}

/** Makes the ledger entry of a received event. */
export function toLedgerEntry(
  { event, bytes }: ReceivedEvent,
  received: { readonly at: string; readonly collections: readonly string[] },
): NewLedgerEntry {
  const head = `{"receivedAt":${JSON.stringify(received.at)},"collections":${JSON.stringify(received.collections)}${eventKey}`;
  const payload = Buffer.concat([Buffer.from(head), bytes, Buffer.from('}')]);
  const salt = randomBytes(16);
  const envelope: Envelope = {
    v: 1,
    defender: event.defenderId,
    epoch: event.epoch,
    seq: event.seq,
    time: event.time,
    type: event.type,
    length: payload.length,
    digest: createHash('sha256').update(salt).update(payload).digest('base64'),
  };
  return { envelope: Buffer.from(JSON.stringify(envelope)), salt, payload };
}

/** Reads an envelope. Throws `ledger_corrupt` when it is none. */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const parsed: unknown = parseJson(bytes);
  if (envelopeCheck.Check(parsed)) return parsed;
  throw new AppError('ledger_corrupt', 'A ledger entry does not hold an envelope of this product.');
}

/** The event's bytes as its Defender sent them, or undefined when the payload is gone. */
export function eventBytesOf({ payload }: LedgerEntry): Uint8Array | undefined {
  if (payload === undefined) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  // The head is our own and holds the key only once before the event: collection names are JSON texts, whose quotes are escaped.
  const start = bytes.indexOf(eventKey);
  if (start < 0) throw new AppError('ledger_corrupt', 'A ledger payload does not hold an event.');
  return bytes.subarray(start + eventKey.length, -1);
}

/** The event as the Console keeps it, or undefined when the payload is gone. */
export function toStoredEvent(entry: LedgerEntry, ledgerIndex: number): StoredAccessEvent | undefined {
  if (entry.payload === undefined) return undefined;
  const parsed = parseJson(entry.payload) as { receivedAt: string; collections: string[]; event: AccessEvent };
  return { ...parsed.event, ledgerIndex, receivedAt: parsed.receivedAt, collections: parsed.collections };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (error) {
    throw new AppError('ledger_corrupt', 'A ledger entry is not JSON.', { cause: error });
  }
}
