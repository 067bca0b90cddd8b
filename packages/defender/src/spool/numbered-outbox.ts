// The outbox: numbered events on disk, the only way out of a Defender.
// Invariant: an event keeps its number for ever, numbers of an epoch are dense, and no event is handed out before it is durable.
import { type Host, isAppError, toEventId } from '@dockledger/contract';
import type { Journal, PositionStore } from '@dockledger/journal';
import type { Outbox, OutboxBatch } from '../ports.ts';
import type { Clock } from './clock.ts';
import { type EndedEpoch, EpochRegister } from './epoch-register.ts';
import type { Checkpoint, Emission, EventBody } from './finaliser.ts';
import { rangesEnd } from './index-ranges.ts';
import { type Carry, isHeader, type OutboxHeader, parseHeader, toHeaderBytes } from './outbox-header.ts';
import { findHeader, findLastHeader } from './outbox-search.ts';

/** What the outbox needs. It owns neither journal nor positions. */
export interface NumberedOutboxOptions {
  readonly journal: Journal;
  readonly positions: PositionStore;
  readonly clock: Clock;
  readonly defenderId: string;
  readonly host: Host;
  /** How long acknowledged events are kept. */
  readonly retentionMs: number;
  /** Called when a new epoch has begun: the spool writes its gap event and what is to be carried over. */
  readonly onEpoch: () => void;
}

interface ReadPlace {
  readonly epoch: number;
  readonly seq: number;
  readonly index: number;
}

/** See the head of the file. Made by {@link openNumberedOutbox}. */
export class NumberedOutbox implements Outbox {
  readonly #options: NumberedOutboxOptions;
  readonly #epochs: EpochRegister;
  readonly #coverage: { index: number; rawsEnd: number }[] = [];
  #nextSeq: number;
  #low: number;
  #durable: { epoch: number; seq: number };
  #oldest: { epoch: number; seq: number } | undefined;
  #place: ReadPlace | undefined;
  #carry: readonly Carry[];
  #waiters: (() => void)[] = [];

  constructor(options: NumberedOutboxOptions, epochs: EpochRegister, last: OutboxHeader | undefined) {
    this.#options = options;
    this.#epochs = epochs;
    const continues = last !== undefined && last.epoch === epochs.current;
    this.#nextSeq = continues ? last.seq + last.events : 1;
    this.#low = last?.low ?? 0;
    this.#durable = { epoch: epochs.current, seq: this.#nextSeq };
    this.#carry = continues ? last.carry : epochs.carry;
  }

  /** True when the current epoch has no event yet: its first tells why it began, unless it is the very first. */
  get isEpochNew(): boolean {
    return this.#nextSeq === 1;
  }

  /** The epoch in which numbers are given out. */
  get epoch(): number {
    return this.#epochs.current;
  }

  /** The number that the next event gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Why the current epoch began. */
  get epochReason(): string {
    return this.#epochs.reason;
  }

  /** Events of ended epochs that wait for new numbers, in this order. */
  get carry(): readonly Carry[] {
    return this.#carry;
  }

  /** Every raw record below this index is represented in batches that are written. */
  get low(): number {
    return this.#low;
  }

  /** How many numbers were lost with the epoch before, where that is known. */
  get lostWithEpoch(): number | undefined {
    return this.#epochs.lost;
  }

  /** Number of the first event of `epoch` behind a damaged place; `index` is where the journal can be read again. */
  async nextReadable(epoch: number, index: number): Promise<number | undefined> {
    const found = await findHeader(this.#options.journal, index);
    return found?.header.epoch === epoch ? found.header.seq : undefined;
  }

  /** Remembers which raw records headers already on disk represent. */
  restoreCoverage(index: number, header: OutboxHeader): void {
    this.#coverage.push({ index, rawsEnd: rangesEnd(header.raws) });
  }

  /** Reads where the oldest event kept is. */
  async refreshOldest(): Promise<void> {
    const { journal } = this.#options;
    const found = await findHeader(journal, journal.first);
    this.#oldest = found === undefined ? undefined : { epoch: found.header.epoch, seq: found.header.seq };
  }

  /**
   * Numbers and writes events with the checkpoint beside them, all or none. `toCheckpoint` is called once the ids are given.
   * Throws what the journal throws, and then no number is used.
   */
  append(emissions: readonly Emission[], toCheckpoint: () => Checkpoint, carry: readonly Carry[] = this.#carry): void {
    const { journal, clock, defenderId } = this.#options;
    const epoch = this.#epochs.current;
    const seq = this.#nextSeq;
    for (const [position, { awaits }] of emissions.entries()) {
      if (awaits !== undefined) awaits.id = toEventId(defenderId, epoch, seq + position);
    }
    const checkpoint = toCheckpoint();
    const index = journal.next;
    let covering = 0;
    while ((this.#coverage[covering]?.rawsEnd ?? Infinity) <= checkpoint.low) covering += 1;
    const header: OutboxHeader = {
      epoch,
      seq,
      events: emissions.length,
      at: clock.wallMs(),
      scanFrom: this.#coverage[covering]?.index ?? index,
      ...checkpoint,
      carry,
    };
    const events = emissions.map(({ body, tells, ofEvent }, position) =>
      this.#toEventBytes(body, epoch, seq + position, tells?.id ?? ofEvent),
    );
    try {
      journal.append([toHeaderBytes(header), ...events]);
    } catch (error) {
      for (const { awaits } of emissions) if (awaits !== undefined) awaits.id = undefined;
      throw error;
    }
    this.#coverage.splice(0, covering);
    this.#coverage.push({ index, rawsEnd: rangesEnd(header.raws) });
    this.#oldest ??= { epoch, seq };
    this.#low = checkpoint.low;
    this.#nextSeq += emissions.length;
    this.#carry = carry;
  }

  /** Makes all appended events durable and lets them be read. */
  async sync(): Promise<void> {
    const upTo = { epoch: this.#epochs.current, seq: this.#nextSeq };
    await this.#options.journal.durable();
    if (upTo.epoch > this.#durable.epoch || upTo.seq > this.#durable.seq) this.#durable = upTo;
    this.#wake();
  }

  state(): { epoch: number; firstSeq: number; nextSeq: number; acknowledgedSeq: number } {
    const { current: epoch, acknowledgedSeq } = this.#epochs;
    const firstSeq = this.#oldest?.epoch === epoch ? this.#oldest.seq : 1;
    return { epoch, firstSeq, nextSeq: this.#nextSeq, acknowledgedSeq };
  }

  endedEpochs(): readonly EndedEpoch[] {
    const oldest = this.#oldest?.epoch ?? this.#epochs.current;
    return this.#epochs.ended.filter(({ epoch, endSeq }) => epoch >= oldest && endSeq > 1);
  }

  async readBatch(
    epoch: number,
    fromSeq: number,
    limits: { maxBytes: number; maxEvents: number },
  ): Promise<OutboxBatch | undefined> {
    const end = epoch === this.#epochs.current ? this.#durable.seq : Number.POSITIVE_INFINITY;
    if (fromSeq >= end) return undefined;
    const place = await this.#find(epoch, fromSeq);
    if (place === undefined) return undefined;
    const events: Uint8Array[] = [];
    let { seq, index } = place;
    let bytes = 0;
    while (seq < end && events.length < limits.maxEvents) {
      const entries = await this.#readFrom(index, limits, events.length > 0, { epoch, seq });
      if (entries.length === 0) break;
      for (const { index: at, record } of entries) {
        if (isHeader(record)) {
          const header = parseHeader(record);
          if (header.epoch !== epoch) return this.#toBatch(epoch, seq, events, index);
          if (header.seq !== seq && events.length > 0) return this.#toBatch(epoch, seq, events, index);
          seq = header.seq;
        } else {
          if (seq >= fromSeq) {
            if (events.length > 0 && (bytes + record.length > limits.maxBytes || events.length >= limits.maxEvents)) {
              return this.#toBatch(epoch, seq, events, index);
            }
            if (seq >= end) return this.#toBatch(epoch, seq, events, index);
            events.push(record);
            bytes += record.length;
          }
          seq += 1;
        }
        index = at + 1;
      }
    }
    return this.#toBatch(epoch, seq, events, index);
  }

  waitForMore(seq: number, signal: AbortSignal): Promise<void> {
    const epoch = this.#epochs.current;
    const isDue = (): boolean => this.#epochs.current !== epoch || this.#durable.seq > seq + 1;
    if (signal.aborted || isDue()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!signal.aborted && !isDue()) return;
        this.#waiters = this.#waiters.filter((waiter) => waiter !== check);
        signal.removeEventListener('abort', check);
        resolve();
      };
      signal.addEventListener('abort', check);
      this.#waiters.push(check);
    });
  }

  async acknowledge(epoch: number, seq: number): Promise<void> {
    if (epoch !== this.#epochs.current) return;
    // The Console holds numbers that this Defender never gave out: its disk went back in time.
    if (seq > this.#nextSeq) return this.beginEpoch('numbers-lost');
    const { firstSeq } = this.state();
    // The Console went back further than events are kept: what is left goes out behind a gap event, or it would wait for ever.
    if (seq < firstSeq) return this.#beginEpoch('events-dropped', firstSeq, firstSeq - seq);
    await this.#epochs.acknowledge(seq);
  }

  async beginEpoch(reason: string): Promise<void> {
    await this.#beginEpoch(reason, this.#epochs.acknowledgedSeq);
  }

  /** Drops acknowledged events that are older than the retention, or all of them when `room` is needed. */
  async trim(purpose: 'age' | 'room'): Promise<void> {
    const { journal, clock, retentionMs } = this.#options;
    const { current: epoch, acknowledgedSeq } = this.#epochs;
    const keepFrom = clock.wallMs() - retentionMs;
    const placed = await findLastHeader(
      journal,
      (header) =>
        ((header.epoch < epoch && this.#carry.length === 0) ||
          (header.epoch === epoch && header.seq + header.events <= acknowledgedSeq)) &&
        (purpose === 'room' || header.at < keepFrom),
    );
    if (placed === undefined) return;
    const before = journal.first;
    await journal.trim(Math.min(placed.index, this.#coverage[0]?.index ?? placed.index));
    if (journal.first !== before) await this.refreshOldest();
  }

  /** Ends the epoch: its events from `fromSeq` on go out under new numbers. */
  async #beginEpoch(reason: string, fromSeq: number, lost?: number): Promise<void> {
    const epoch = this.#epochs.current;
    // An unfinished take-over goes on behind the one that begins now: its events so far are in the epoch that ends.
    const carry = [{ epoch, fromSeq }, ...this.#carry];
    await this.#epochs.begin(reason, carry, this.#options.clock.wallMs(), lost);
    this.#nextSeq = 1;
    this.#durable = { epoch: this.#epochs.current, seq: 1 };
    this.#carry = carry;
    this.#place = undefined;
    this.#options.onEpoch();
    this.#wake();
  }

  async #readFrom(
    index: number,
    limits: { maxBytes: number; maxEvents: number },
    hasEvents: boolean,
    at: { epoch: number; seq: number },
  ): Promise<Awaited<ReturnType<Journal['readBatch']>>> {
    const { journal } = this.#options;
    try {
      return await journal.readBatch(index, { maxBytes: limits.maxBytes, maxRecords: limits.maxEvents + 1 });
    } catch (error) {
      const resumeAt = isAppError(error, 'journal_corrupt') ? error.details?.['resumeAt'] : undefined;
      if (typeof resumeAt !== 'number') throw error;
      if (hasEvents) return [];
      if (at.epoch !== this.#epochs.current) throw error;
      // Numbers are missing for good. What follows them goes out under new ones, behind a gap event.
      const fromSeq = (await this.nextReadable(at.epoch, resumeAt)) ?? this.#nextSeq;
      if (at.epoch === this.#epochs.current) await this.#beginEpoch('outbox-damaged', fromSeq, fromSeq - at.seq);
      return [];
    }
  }

  async #find(epoch: number, seq: number): Promise<ReadPlace | undefined> {
    const { journal } = this.#options;
    if (this.#place?.epoch === epoch && this.#place.seq === seq && this.#place.index >= journal.first)
      return this.#place;
    const placed =
      (await findLastHeader(
        journal,
        (header) => header.epoch < epoch || (header.epoch === epoch && header.seq <= seq),
      )) ?? (await findHeader(journal, journal.first));
    if (placed === undefined) return undefined;
    if (placed.header.epoch === epoch) return { epoch, seq: placed.header.seq, index: placed.index };
    const next = await findHeader(journal, placed.index + 1);
    return next?.header.epoch === epoch ? { epoch, seq: next.header.seq, index: next.index } : undefined;
  }

  #toBatch(epoch: number, seq: number, events: readonly Uint8Array[], index: number): OutboxBatch | undefined {
    if (events.length === 0) return undefined;
    this.#place = { epoch, seq, index };
    return { epoch, firstSeq: seq - events.length, events };
  }

  #toEventBytes(body: EventBody, epoch: number, seq: number, ofEvent: string | undefined): Buffer {
    const { defenderId, host } = this.#options;
    const id = toEventId(defenderId, epoch, seq);
    return Buffer.from(
      JSON.stringify({ v: 1, id, defenderId, epoch, seq, ...body, ...(ofEvent !== undefined && { ofEvent }), host }),
    );
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}

/** What a spool needs to go on where the last run stopped. */
export interface OpenedOutbox {
  readonly outbox: NumberedOutbox;
  /** The last header; undefined when there is none that can be read. */
  readonly last: OutboxHeader | undefined;
  /** Headers that say which raw records at or above `last.low` are represented, oldest first. */
  readonly recent: readonly OutboxHeader[];
}

/** Finds the end of the outbox. Numbers that were lost begin a new epoch. */
export async function openNumberedOutbox(options: NumberedOutboxOptions): Promise<OpenedOutbox> {
  const { journal, positions, clock } = options;
  const placed = await findLastHeader(journal, () => true);
  const last = placed?.header;
  const epochs = await EpochRegister.open(positions, last?.epoch, clock.wallMs());
  const outbox = new NumberedOutbox(options, epochs, last);
  const recent: OutboxHeader[] = [];
  if (placed !== undefined) {
    let found = await findHeader(journal, placed.header.scanFrom);
    while (found !== undefined) {
      recent.push(found.header);
      outbox.restoreCoverage(found.index, found.header);
      found = await findHeader(journal, found.index + 1);
    }
    // A batch is whole or absent, so a journal that ends elsewhere than its last readable batch has lost a later one.
    if (journal.next !== placed.index + 1 + placed.header.events) await outbox.beginEpoch('outbox-damaged');
  } else if (epochs.acknowledgedSeq > 1) await outbox.beginEpoch('outbox-lost');
  await outbox.refreshOldest();
  return { outbox, last, recent };
}
