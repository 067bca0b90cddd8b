// A recorder that keeps records in memory and lets a test decide when they are written and durable.
import type { EventOutcome, RawRecord, Recorded, Recorder, RequestRecord, Target } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';

/** A recorder with its contents. */
export interface MemoryRecorder extends Recorder {
  readonly records: RawRecord[];
  /** Records of calls and host-log lines, in order. */
  readonly requests: RequestRecord[];
  /** The outcome of a call, wherever it stands. */
  outcomeOf(record: RequestRecord | undefined): EventOutcome | undefined;
  /** What the outcome record added to the target. */
  targetOf(record: RequestRecord | undefined): Target | undefined;
  /** From now on nothing counts as written until `release`. */
  holdWritten(): void;
  /** From now on nothing counts as durable until `release`. */
  holdDurable(): void;
  release(): void;
  /** Calls that were refused for want of room. */
  readonly unrecorded: number;
  /** From now on appends fail. */
  fill(): void;
  /** As {@link fill}, but the recorder does not say so beforehand. */
  failAppends(): void;
}

/** Makes an empty one. */
export function createMemoryRecorder(): MemoryRecorder {
  const records: RawRecord[] = [];
  let rids = 0;
  let held = Promise.resolve();
  let heldDurable = Promise.resolve();
  let open: (() => void) | undefined;
  let isFull = false;
  let isHeld = false;
  let refusal: Recorder['refusal'];
  let unrecorded = 0;
  const gate = () =>
    new Promise<void>((resolve) => {
      const before = open;
      open = () => {
        before?.();
        resolve();
      };
    });
  const append = (record: RawRecord): Recorded => {
    if (isFull) {
      const written = Promise.reject(new AppError('spool_full', 'The spool is full.'));
      written.catch(() => {});
      return { written, durable: () => written };
    }
    records.push(record);
    return { isWritten: !isHeld, written: held, durable: () => heldDurable };
  };
  return {
    records,
    get requests() {
      return records.filter((record) => record.kind === 'request');
    },
    outcomeOf: (record) => {
      const later = records.find((each) => each.kind === 'outcome' && each.rid === record?.rid);
      return record?.outcome ?? later?.outcome;
    },
    targetOf: (record) => {
      const later = records.find((each) => each.kind === 'outcome' && each.rid === record?.rid);
      return later?.kind === 'outcome' ? later.target : undefined;
    },
    holdWritten: () => {
      isHeld = true;
      held = gate();
    },
    holdDurable: () => {
      heldDurable = gate();
    },
    release: () => {
      isHeld = false;
      held = Promise.resolve();
      heldDurable = Promise.resolve();
      open?.();
      open = undefined;
    },
    fill: () => {
      isFull = true;
      refusal = { code: 'spool_full', text: 'The spool is full.' };
    },
    failAppends: () => {
      isFull = true;
    },
    nextRid: () => `test-${++rids}`,
    request: append,
    prepare: (record) => ({ commit: () => append(record) }),
    outcome: (rid, outcome, target) =>
      append({ kind: 'outcome', rid, outcome, at: Date.now(), ...(target === undefined ? {} : { target }) }),
    noteUnrecorded: () => {
      unrecorded += 1;
    },
    get unrecorded() {
      return unrecorded;
    },
    get refusal() {
      return refusal;
    },
  };
}
