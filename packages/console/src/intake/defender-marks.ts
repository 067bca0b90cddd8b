// Which number each Defender's epoch comes to next, and roughly where its numbers stand in the ledger.
// Rebuilt from the ledger at start and moved with every append: never a second truth.
import { AppError } from '@dockledger/contract/error-code';
import type { Ledger, LedgerEntry } from '../ledger-routes/ledger.ts';
import { parseEnvelope } from '../ledger-routes/ledger-entry.ts';
import type { EpochMarks } from './marks-snapshot.ts';

interface EpochMark {
  readonly defenderId: string;
  readonly epoch: number;
  nextSeq: number;
  /** Number and ledger position, at every 256th number: where a search for a number starts. */
  readonly anchors: { readonly seq: number; readonly index: number }[];
}

const anchorEvery = 256;
const readAtOnce = 1000;

/** The marks of all Defenders. */
export class DefenderMarks {
  readonly #marks = new Map<string, EpochMark>();
  readonly #newestEpochs = new Map<string, number>();

  /** The next number that is accepted for this epoch. 1 for an epoch never seen. */
  nextSeq(defenderId: string, epoch: number): number {
    return this.#marks.get(keyOf(defenderId, epoch))?.nextSeq ?? 1;
  }

  /** The newest epoch seen of a Defender, or undefined. */
  newestEpoch(defenderId: string): number | undefined {
    return this.#newestEpochs.get(defenderId);
  }

  /** Notes that this number stands at this ledger position. */
  note(defenderId: string, epoch: number, seq: number, index: number): void {
    const key = keyOf(defenderId, epoch);
    let mark = this.#marks.get(key);
    if (mark === undefined) {
      mark = { defenderId, epoch, nextSeq: 1, anchors: [] };
      this.#add(mark);
    }
    const last = mark.anchors.at(-1);
    if (last === undefined || seq - last.seq >= anchorEvery) mark.anchors.push({ seq, index });
    mark.nextSeq = Math.max(mark.nextSeq, seq + 1);
  }

  /** The marks as they are, to be kept and given to {@link restore}. */
  toSnapshot(): readonly EpochMarks[] {
    return [...this.#marks.values()].map((mark) => ({ ...mark, anchors: [...mark.anchors] }));
  }

  /** Takes over marks of an earlier {@link toSnapshot}. */
  restore(epochs: readonly EpochMarks[]): void {
    for (const mark of epochs) this.#add({ ...mark, anchors: [...mark.anchors] });
  }

  /** Reads the ledger once from a position on and notes all of it. */
  async rebuild(ledger: Ledger, start: number): Promise<void> {
    for (let from = start; from < ledger.size; ) {
      const entries = await ledger.read(from, readAtOnce);
      if (entries.length === 0) throw new AppError('ledger_corrupt', `The ledger has no entry at position ${from}.`);
      for (const [offset, { envelope }] of entries.entries()) {
        const { defender, epoch, seq } = parseEnvelope(envelope);
        this.note(defender, epoch, seq, from + offset);
      }
      from += entries.length;
    }
  }

  #add(mark: EpochMark): void {
    const { defenderId, epoch } = mark;
    this.#marks.set(keyOf(defenderId, epoch), mark);
    this.#newestEpochs.set(defenderId, Math.max(epoch, this.#newestEpochs.get(defenderId) ?? 0));
  }

  /** The entries of numbers `firstSeq` to `lastSeq` (inclusive) as the ledger holds them, by number. */
  async find(
    ledger: Ledger,
    numbers: {
      readonly defenderId: string;
      readonly epoch: number;
      readonly firstSeq: number;
      readonly lastSeq: number;
    },
  ): Promise<ReadonlyMap<number, LedgerEntry>> {
    const found = new Map<number, LedgerEntry>();
    const anchors = this.#marks.get(keyOf(numbers.defenderId, numbers.epoch))?.anchors ?? [];
    const anchor = anchors.findLast(({ seq }) => seq <= numbers.firstSeq);
    for (let from = anchor?.index ?? ledger.size; from < ledger.size; ) {
      const entries = await ledger.read(from, readAtOnce);
      for (const entry of entries) {
        const { defender, epoch, seq } = parseEnvelope(entry.envelope);
        if (defender !== numbers.defenderId || epoch !== numbers.epoch) continue;
        if (seq >= numbers.firstSeq && seq <= numbers.lastSeq) found.set(seq, entry);
        if (seq >= numbers.lastSeq) return found;
      }
      if (entries.length === 0) break;
      from += entries.length;
    }
    return found;
  }
}

function keyOf(defenderId: string, epoch: number): string {
  return `${defenderId}.${epoch}`;
}
