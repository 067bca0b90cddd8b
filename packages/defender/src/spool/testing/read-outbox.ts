// Reads an outbox the way the console-link does.
import type { AccessEvent } from '@dockledger/contract';
import type { Outbox } from '../../ports.ts';

/** All events of the current epoch from `fromSeq` on; throws unless the numbers are dense. */
export async function readOutbox(
  outbox: Outbox,
  fromSeq = 1,
  limits = { maxBytes: 1_000_000, maxEvents: 100 },
): Promise<AccessEvent[]> {
  const events: AccessEvent[] = [];
  const { epoch } = outbox.state();
  for (let next = fromSeq; ; ) {
    const batch = await outbox.readBatch(epoch, next, limits);
    if (batch === undefined) return events;
    if (batch.firstSeq !== next) throw new Error(`Asked for ${next}, got ${batch.firstSeq}.`);
    for (const bytes of batch.events) {
      const event = JSON.parse(Buffer.from(bytes).toString()) as AccessEvent;
      if (event.seq !== next || event.epoch !== epoch) throw new Error(`Expected ${epoch}.${next}, got ${event.id}.`);
      events.push(event);
      next += 1;
    }
  }
}
