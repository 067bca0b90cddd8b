// Accepts events into the ledger exactly once per (defender, epoch, seq): only the next number, known numbers only with equal bytes.
// Acknowledged means: the ledger has fsynced it. The event store plays no part here.
import { type AccessEvent, type EventsAnswer, toEventId, toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { Ledger, NewLedgerEntry } from '../ledger-routes/ledger.ts';
import { eventBytesOf, type ReceivedEvent, toLedgerEntry } from '../ledger-routes/ledger-entry.ts';
import { DefenderMarks } from './defender-marks.ts';
import { loadMarksSnapshot, saveMarksSnapshot } from './marks-snapshot.ts';

/** Accepts events. */
export interface Intake {
  /** The next number that is accepted for this epoch. */
  expectedSeq(defenderId: string, epoch: number): number;
  /**
   * Accepts a batch of one epoch with dense numbers. Numbers that the ledger holds with equal bytes are skipped.
   * Throws `sequence_mismatch` when numbers are missing before it, `forked` when a known number comes with other bytes,
   * and passes on what the ledger throws; details.expectedSeq says what to send next.
   */
  accept(batch: readonly ReceivedEvent[]): Promise<EventsAnswer>;
  /** Records an event of the Console itself; it gets the Console's own next number. Resolves when durable. */
  record(event: ConsoleEvent): Promise<AccessEvent>;
  /** Saves the marks, so that the next start is quick. Call when nothing is being accepted. */
  close(): Promise<void>;
}

/** What the Console says of itself or of a Defender: the caller gives everything but the number. Time defaults to now, count to 1. */
export type ConsoleEvent = Omit<
  AccessEvent,
  'v' | 'id' | 'defenderId' | 'epoch' | 'seq' | 'time' | 'count' | 'provenance'
> &
  Partial<Pick<AccessEvent, 'time' | 'count'>>;

/** What {@link openIntake} needs. */
export interface IntakeParts {
  readonly ledger: Ledger;
  /** Names of the collections an event falls into at this moment. */
  readonly collectionsOf: (event: AccessEvent) => readonly string[];
  /** The name under which this Console numbers its own events. */
  readonly consoleId: string;
  /** Where the marks are kept between runs. */
  readonly snapshotFile: string;
  readonly now: () => number;
}

/** Rebuilds the marks from the ledger and starts accepting. */
export async function openIntake({
  ledger,
  collectionsOf,
  consoleId,
  snapshotFile,
  now,
}: IntakeParts): Promise<Intake> {
  const marks = new DefenderMarks();
  const snapshot = await loadMarksSnapshot(snapshotFile, ledger);
  marks.restore(snapshot?.epochs ?? []);
  await marks.rebuild(ledger, snapshot?.size ?? 0);
  const queues = new Map<string, Promise<unknown>>();

  /** Runs one after the other what concerns one Defender: two connections of one must not both see the same next number. */
  function serialised<T>(defenderId: string, work: () => Promise<T>): Promise<T> {
    const before = queues.get(defenderId) ?? Promise.resolve();
    const result = before.then(work, work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    queues.set(defenderId, settled);
    void settled.finally(() => {
      if (queues.get(defenderId) === settled) queues.delete(defenderId);
    });
    return result;
  }

  async function append(events: readonly ReceivedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const at = toInstant(now());
    const entries = events.map((received) =>
      toLedgerEntry(received, { at, collections: collectionsOf(received.event) }),
    );
    // In pieces that one ledger record takes. Each piece is all or nothing, and they go in order, so a failure in between
    // leaves a shorter batch accepted, never a hole.
    for (const [start, end] of toPieces(entries)) {
      const { firstIndex } = await ledger.append(entries.slice(start, end));
      for (const [offset, { event }] of events.slice(start, end).entries()) {
        marks.note(event.defenderId, event.epoch, event.seq, firstIndex + offset);
      }
    }
  }

  async function firstDifference(known: readonly ReceivedEvent[]): Promise<AccessEvent | undefined> {
    const [first, last] = [known[0]?.event, known.at(-1)?.event];
    if (first === undefined || last === undefined) return undefined;
    const held = await marks.find(ledger, {
      defenderId: first.defenderId,
      epoch: first.epoch,
      firstSeq: first.seq,
      lastSeq: last.seq,
    });
    return known.find(({ event, bytes }) => {
      const entry = held.get(event.seq);
      const heldBytes = entry && eventBytesOf(entry);
      // An erased payload cannot be compared; the number is taken, so the resend is skipped.
      if (entry !== undefined && heldBytes === undefined) return false;
      return heldBytes === undefined || Buffer.compare(heldBytes, bytes) !== 0;
    })?.event;
  }

  async function acceptNow(batch: readonly ReceivedEvent[]): Promise<EventsAnswer> {
    const first = batch[0]?.event;
    if (first === undefined) throw new AppError('bad_record', 'The batch holds no event.');
    const { defenderId, epoch } = first;
    const expectedSeq = marks.nextSeq(defenderId, epoch);
    if (first.seq > expectedSeq) {
      const sentence = `Number ${first.seq} of epoch ${epoch} comes too early: ${expectedSeq} is expected.`;
      throw new AppError('sequence_mismatch', sentence, { details: { expectedSeq } });
    }
    const different = await firstDifference(batch.filter(({ event }) => event.seq < expectedSeq));
    if (different !== undefined) {
      await reportFork(different);
      const sentence = `Number ${different.seq} of epoch ${epoch} is known with other content. Begin a new epoch.`;
      throw new AppError('forked', sentence, { details: { expectedSeq } });
    }
    const fresh = batch.filter(({ event }) => event.seq >= expectedSeq);
    if (expectedSeq === 1 && fresh.length > 0) await reportNewEpoch(first);
    await append(fresh);
    return { expectedSeq: marks.nextSeq(defenderId, epoch), ledgerSize: ledger.size };
  }

  /** A Defender that numbers anew lost its count: what it had not sent before may be missing. */
  async function reportNewEpoch({ defenderId, epoch, host }: AccessEvent): Promise<void> {
    const before = marks.newestEpoch(defenderId);
    if (before === undefined || before >= epoch) return;
    const last = marks.nextSeq(defenderId, before) - 1;
    await reportGap({
      api: 'defender_epoch_began',
      reason: 'epoch-began',
      text: `Defender ${defenderId} began epoch ${epoch}. Events after number ${last} of epoch ${before} that it had not sent may be missing.`,
      host,
      details: { defenderId, epoch, previousEpoch: before, lastSeq: last },
    });
  }

  const reportedForks = new Set<string>();
  async function reportFork(event: AccessEvent): Promise<void> {
    // Once per epoch and run: a Defender that keeps resending must not fill the ledger.
    const fork = `${event.defenderId}.${event.epoch}`;
    if (reportedForks.has(fork)) return;
    reportedForks.add(fork);
    await reportGap({
      api: 'defender_forked',
      reason: 'forked',
      text: `Defender ${event.defenderId} sent number ${event.seq} of epoch ${event.epoch} with other content than is on record: a cloned host or a restored snapshot.`,
      host: event.host,
      details: { defenderId: event.defenderId, epoch: event.epoch, seq: event.seq },
    });
  }

  async function reportGap(
    gap: Pick<AccessEvent, 'api' | 'host'> & { reason: string; text: string; details: Record<string, unknown> },
  ): Promise<void> {
    const { api, host, details, reason, text } = gap;
    await record({
      type: 'gap',
      api,
      decision: { effect: 'allow', rule: '', reason, text, findings: [] },
      outcome: { state: 'done' },
      actor: { user: '', userSource: 'unknown' },
      target: { kind: 'other', other: String(details['defenderId']) },
      host,
      details,
    });
  }

  function record(event: ConsoleEvent): Promise<AccessEvent> {
    return serialised(consoleId, async () => {
      const seq = marks.nextSeq(consoleId, 1);
      const full: AccessEvent = {
        v: 1,
        id: toEventId(consoleId, 1, seq),
        defenderId: consoleId,
        epoch: 1,
        seq,
        time: toInstant(now()),
        count: 1,
        provenance: 'console',
        ...event,
      };
      await append([{ event: full, bytes: Buffer.from(JSON.stringify(full)) }]);
      return full;
    });
  }

  return {
    expectedSeq: (defenderId, epoch) => marks.nextSeq(defenderId, epoch),
    accept: async (batch) => {
      const defenderId = batch[0]?.event.defenderId ?? '';
      if (defenderId === consoleId) throw new AppError('forbidden', `The name ${consoleId} is the Console's own.`);
      return serialised(defenderId, () => acceptNow(batch));
    },
    record,
    close: async () => {
      await Promise.all(queues.values());
      await saveMarksSnapshot(snapshotFile, ledger, ledger.size, marks.toSnapshot());
    },
  };
}

const pieceBytes = 8 * 1024 * 1024;

/** Cuts entries into runs `[start, end)` of at most 8 MiB of payload, or of one entry that is larger. */
function toPieces(entries: readonly NewLedgerEntry[]): readonly (readonly [number, number])[] {
  const pieces: (readonly [number, number])[] = [];
  let [start, bytes] = [0, 0];
  for (const [index, { payload }] of entries.entries()) {
    if (bytes + payload.length > pieceBytes && index > start) {
      pieces.push([start, index]);
      [start, bytes] = [index, 0];
    }
    bytes += payload.length;
  }
  return [...pieces, [start, entries.length]];
}
