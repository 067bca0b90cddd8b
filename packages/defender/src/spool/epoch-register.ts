// Which epoch numbers are given out in, and how far the Console has acknowledged it.
// Invariant: an epoch is on disk before its first number is used, and no epoch is ever used twice, even after its disk was lost.
import type { PositionStore } from '@dockledger/journal';
import type { Carry } from './outbox-header.ts';

/** Why an epoch began. `first` needs no gap event. */
interface EpochState {
  readonly epoch: number;
  readonly reason: string;
  readonly carry: readonly Carry[];
  readonly lost?: number;
  readonly ended?: readonly EndedEpoch[];
}

/** An epoch that is over: what it holds below `endSeq` went out under its numbers, the rest under those of a later one. */
export interface EndedEpoch {
  readonly epoch: number;
  readonly endSeq: number;
}

/** More have never been seen within the retention; the list must not grow without end. */
const mostEnded = 100;

/** See the head of the file. */
export class EpochRegister {
  readonly #positions: PositionStore;
  #state: EpochState;
  #acknowledgedSeq: number;

  /** For {@link EpochRegister.open}. */
  constructor(positions: PositionStore, state: EpochState, acknowledgedSeq: number) {
    this.#positions = positions;
    this.#state = state;
    this.#acknowledgedSeq = acknowledgedSeq;
  }

  /** `lastUsed` is the epoch of the newest batch in the outbox. Begins the first epoch where nothing is known. */
  static async open(positions: PositionStore, lastUsed: number | undefined, wallMs: number): Promise<EpochRegister> {
    const saved = parseState(positions.get('epoch'));
    if (saved !== undefined && saved.epoch >= (lastUsed ?? 0)) {
      return new EpochRegister(positions, saved, acknowledgedOf(positions, saved.epoch));
    }
    if (lastUsed !== undefined) {
      const state = { epoch: lastUsed, reason: 'first', carry: [] };
      return new EpochRegister(positions, state, acknowledgedOf(positions, lastUsed));
    }
    const register = new EpochRegister(positions, { epoch: 0, reason: 'first', carry: [] }, 1);
    await register.begin('first', [], wallMs);
    return register;
  }

  /** The epoch in which numbers are given out. */
  get current(): number {
    return this.#state.epoch;
  }

  /** Why it began. */
  get reason(): string {
    return this.#state.reason;
  }

  /** Events of epochs before that it takes over. */
  get carry(): readonly Carry[] {
    return this.#state.carry;
  }

  /** The epochs before, oldest first. */
  get ended(): readonly EndedEpoch[] {
    return this.#state.ended ?? [];
  }

  /** How many numbers of the epoch before were lost, where that is known. */
  get lost(): number | undefined {
    return this.#state.lost;
  }

  /** The first number that the Console has not acknowledged. */
  get acknowledgedSeq(): number {
    return this.#acknowledgedSeq;
  }

  /** Begins an epoch that no one can have seen: seconds since 1970, or one more than the last. Durable when it resolves. */
  async begin(reason: string, carry: readonly Carry[], wallMs: number, lost?: number): Promise<void> {
    const epoch = Math.max(this.#state.epoch + 1, Math.floor(wallMs / 1000));
    const own = carry.find((each) => each.epoch === this.#state.epoch);
    const ended = own === undefined ? this.ended : [...this.ended, { epoch: own.epoch, endSeq: own.fromSeq }];
    const state: EpochState = {
      epoch,
      reason,
      carry,
      ...(lost !== undefined && { lost }),
      ended: ended.slice(-mostEnded),
    };
    await this.#positions.set('epoch', state);
    this.#state = state;
    this.#acknowledgedSeq = 1;
  }

  /** Everything below `seq` is in the ledger. May go back: a Console restored from a backup needs its events kept again. Durable when it resolves. */
  async acknowledge(seq: number): Promise<void> {
    if (seq === this.#acknowledgedSeq) return;
    this.#acknowledgedSeq = seq;
    await this.#positions.set('acknowledged', { epoch: this.#state.epoch, seq });
  }
}

function parseState(value: unknown): EpochState | undefined {
  if (typeof value !== 'object' || value === null || !('epoch' in value) || !('reason' in value)) return undefined;
  if (!('carry' in value) || !Array.isArray(value.carry)) return undefined;
  return typeof value.epoch === 'number' && typeof value.reason === 'string' ? (value as EpochState) : undefined;
}

function acknowledgedOf(positions: PositionStore, epoch: number): number {
  const value = positions.get('acknowledged');
  if (typeof value !== 'object' || value === null || !('epoch' in value) || !('seq' in value)) return 1;
  return value.epoch === epoch && typeof value.seq === 'number' ? value.seq : 1;
}
