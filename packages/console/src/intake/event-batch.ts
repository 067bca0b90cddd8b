// Reads a batch of access events off the wire: NDJSON, bounded, each event checked against the contract, numbers dense.
// The bytes of each line are kept as they came: they are what the ledger will prove.
import { AccessEvent, toEventId } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { Compile } from 'typebox/compile';
import { nestingOf } from '../http/bounded-json.ts';
import type { ReceivedEvent } from '../ledger-routes/ledger-entry.ts';

/** Bounds of one batch, after decompression. An event leaves room for what the Console adds within the ledger's 4 MiB. */
export const batchLimits = { bytes: 32 * 1024 * 1024, events: 10_000, eventBytes: 3 * 1024 * 1024 } as const;

const accessEventCheck = Compile(AccessEvent);
const deepestEvent = 32;

/** Parses a batch of one epoch of one Defender. Throws `bad_record` (which line, why) or `too_large`. Never empty. */
export function parseEventBatch(body: Uint8Array, defenderId: string): readonly ReceivedEvent[] {
  const events: ReceivedEvent[] = [];
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    if (end > start) events.push(parseLine(bytes.subarray(start, end), defenderId, events));
    if (events.length > batchLimits.events) {
      throw new AppError('too_large', `A batch holds at most ${batchLimits.events} events.`);
    }
    start = end + 1;
  }
  if (events.length === 0) throw new AppError('bad_record', 'The batch holds no event.');
  return events;
}

function parseLine(bytes: Buffer, defenderId: string, before: readonly ReceivedEvent[]): ReceivedEvent {
  const refuse = (why: string) =>
    new AppError('bad_record', `Line ${before.length + 1} of the batch ${why}.`, {
      details: { line: before.length + 1 },
    });
  if (bytes.length > batchLimits.eventBytes) throw refuse(`is larger than ${batchLimits.eventBytes} bytes`);
  const text = decode(bytes);
  if (text === undefined) throw refuse('is not UTF-8');
  if (nestingOf(text) > deepestEvent) throw refuse(`nests deeper than ${deepestEvent} levels`);
  const event = parseJson(text);
  if (!accessEventCheck.Check(event)) {
    const [first] = accessEventCheck.Errors(event);
    throw refuse(`is not an access event: ${first?.instancePath ?? ''} ${first?.message ?? 'not JSON'}`);
  }
  if (event.defenderId !== defenderId) throw refuse('names another Defender than the request');
  if (event.id !== toEventId(event.defenderId, event.epoch, event.seq))
    throw refuse('has an id that does not fit its number');
  if (Number.isNaN(Date.parse(event.time))) throw refuse('has a time that does not exist');
  const previous = before.at(-1)?.event;
  if (previous !== undefined && (event.epoch !== previous.epoch || event.seq !== previous.seq + 1)) {
    throw refuse(`does not follow number ${previous.seq} of epoch ${previous.epoch}`);
  }
  return { event, bytes };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
