// Writes events of an ended epoch again under numbers of the new one: after a fork or damage nobody may keep the old ones.
// Invariant: an event carried over names its former id, and events that speak of each other still do.
import { type AccessEvent, isAppError, toEventId } from '@dockledger/contract';
import type { Emission } from './finaliser.ts';
import { toGapBody } from './gap-body.ts';
import type { NumberedOutbox } from './numbered-outbox.ts';
import type { Carry } from './outbox-header.ts';
import { maxEventsOfBatch } from './outbox-search.ts';

/** The next stretch to be written again. Valid only while the outbox still holds `of` as its carry. */
export interface CarryStep {
  readonly of: readonly Carry[];
  readonly emissions: readonly Emission[];
  readonly newIds: ReadonlyMap<string, string>;
  /** What is left to carry once the emissions are written. */
  readonly carry: readonly Carry[];
}

const limits = { maxBytes: 4 * 1024 * 1024, maxEvents: maxEventsOfBatch };

/** Reads the next stretch; undefined when nothing is to be carried over. */
export async function readCarryStep(outbox: NumberedOutbox, wallMs: number): Promise<CarryStep | undefined> {
  const of = outbox.carry;
  const [current, ...rest] = of;
  if (current === undefined) return undefined;
  try {
    const batch = await outbox.readBatch(current.epoch, current.fromSeq, limits);
    if (batch === undefined) return { of, emissions: [], newIds: new Map(), carry: rest };
    const offset = outbox.nextSeq - batch.firstSeq;
    const since = current.offset === offset ? (current.since ?? batch.firstSeq) : batch.firstSeq;
    const events = batch.events.map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as AccessEvent);
    const toNewId = (event: AccessEvent): string => toEventId(event.defenderId, outbox.epoch, event.seq + offset);
    const emissions = events.map((event): Emission => {
      const { v: _v, id, defenderId, epoch, seq: _seq, host: _host, ofEvent, ...body } = event;
      const prefix = `${defenderId}.${epoch}.`;
      const ofSeq = ofEvent?.startsWith(prefix) === true ? Number(ofEvent.slice(prefix.length)) : -1;
      const renamed = ofSeq >= since ? toEventId(defenderId, outbox.epoch, ofSeq + offset) : ofEvent;
      return {
        body: { ...body, details: { ...body.details, formerId: id } },
        raws: [],
        ...(renamed !== undefined && { ofEvent: renamed }),
      };
    });
    const newIds = new Map(events.map((event) => [event.id, toNewId(event)]));
    const fromSeq = batch.firstSeq + batch.events.length;
    return { of, emissions, newIds, carry: [{ epoch: current.epoch, fromSeq, offset, since }, ...rest] };
  } catch (error) {
    const resumeAt = isAppError(error, 'journal_corrupt') ? error.details?.['resumeAt'] : undefined;
    if (typeof resumeAt !== 'number') throw error;
    const fromSeq = await outbox.nextReadable(current.epoch, resumeAt);
    const lost = fromSeq === undefined ? undefined : fromSeq - current.fromSeq;
    const body = toGapBody('outbox-damaged', 'Events in the outbox were damaged on disk', wallMs, {
      ...(lost !== undefined && { count: lost }),
    });
    const carry = fromSeq === undefined ? rest : [{ epoch: current.epoch, fromSeq }, ...rest];
    return { of, emissions: [{ body, raws: [] }], newIds: new Map(), carry };
  }
}
