// Turns raw records into events: joins outcomes, merges repeats, counts what is not audited. Pure: no clock, no disk, no numbers.
// Invariant: every raw record fed is represented exactly once, by an emission, by a later one that holds `low` back until then, or in the checkpoint's counts.
import type { EventDraft, EventOutcome, OutcomeRecord, RawRecord, RequestRecord, Target } from '@dockledger/contract';
import { type IndexRanges, toRanges } from './index-ranges.ts';

/** Everything of an event but its number and host. */
export interface EventBody extends Omit<EventDraft, 'count'> {
  readonly count: number;
  readonly lastTime?: string;
  readonly outcome: EventOutcome;
}

/** An event that was sent as pending and whose outcome has yet to be seen. */
export interface Awaiting {
  readonly rid: string;
  readonly api: string;
  /** The event's id; undefined until it is numbered. */
  id: string | undefined;
  /** An event that tells the outcome is ready. */
  isTold: boolean;
}

/** An event ready to be numbered. */
export interface Emission {
  readonly body: EventBody;
  /** The raw records that it represents. */
  readonly raws: readonly number[];
  /** This event went out as pending: its number goes here. */
  readonly awaits?: Awaiting;
  /** This event tells the outcome of that one. */
  readonly tells?: Awaiting;
  /** This event speaks of the one with that id; for events that are written again. */
  readonly ofEvent?: string;
  /** This event tells that count; until it is written, checkpoints keep the count. */
  readonly counts?: UnauditedCount;
}

/** Calls under a rule that are counted only. */
export interface UnauditedCount {
  readonly rule: string;
  count: number;
  readonly time: string;
  lastTime: string;
}

/** What has to be kept beside a batch of events so that a successor can go on exactly. */
export interface Checkpoint {
  /** Every raw record below this index is represented. */
  readonly low: number;
  /** Records at or above `low` that this batch represents. */
  readonly raws: IndexRanges;
  readonly awaiting: readonly (readonly [rid: string, api: string, id: string])[];
  readonly counts: readonly UnauditedCount[];
}

/** How the finaliser behaves. */
export interface FinaliserOptions {
  /** How long an event waits for its outcome. Defaults to 1000. */
  readonly outcomeWaitMs?: number;
  /** How long repeats are gathered; 0 merges nothing. */
  readonly mergeWindowMs: number;
  /** How long calls under a rule without audit are counted before the count is told. Defaults to one hour. */
  readonly countWindowMs?: number;
  /** More open windows than this close the oldest. Defaults to 1000. */
  readonly maxOpenWindows?: number;
}

interface Held {
  readonly index: number;
  readonly record: RequestRecord;
  readonly dueAt: number;
}

interface MergeWindow {
  readonly dueAt: number;
  readonly raws: number[];
  count: number;
  first: RequestRecord | undefined;
  lastTime: string;
}

const maxRawsOfWindow = 5000;
const maxCountedBetweenBatches = 5000;

/** See the head of the file. Times are monotonic milliseconds. */
export class Finaliser {
  readonly #options: Required<FinaliserOptions>;
  readonly #held = new Map<string, Held>();
  readonly #windows = new Map<string, MergeWindow>();
  readonly #awaiting = new Map<string, Awaiting>();
  readonly #counts = new Map<string, UnauditedCount>();
  readonly #ready: Emission[] = [];
  #counted: number[] = [];
  #countsDueAt = Number.POSITIVE_INFINITY;
  #next = 0;

  /** Goes on from a checkpoint; `next` is the index of the first record that will be fed. */
  constructor(options: FinaliserOptions, next: number, from?: Pick<Checkpoint, 'awaiting' | 'counts'>) {
    this.#options = { outcomeWaitMs: 1000, countWindowMs: 3_600_000, maxOpenWindows: 1000, ...options };
    this.#next = next;
    for (const [rid, api, id] of from?.awaiting ?? []) this.#awaiting.set(rid, { rid, api, id, isTold: false });
    for (const count of from?.counts ?? []) {
      this.#addCount(count);
      this.#countsDueAt = 0;
    }
  }

  /** Index of the next record to feed. */
  get next(): number {
    return this.#next;
  }

  /** Number of events ready. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** True when a checkpoint without events would let the raw log be trimmed. */
  get hasUnsavedCounts(): boolean {
    return this.#counted.length > 0;
  }

  /** True when the counts since the last batch must be saved before more is fed. */
  get mustSaveCounts(): boolean {
    return this.#counted.length >= maxCountedBetweenBatches;
  }

  /** Takes the record of index {@link next}. */
  feed(index: number, record: RawRecord, nowMs: number): void {
    this.#next = index + 1;
    if (record.kind === 'outcome') this.#feedOutcome(index, record);
    else if (record.audit === false && record.draft.decision.effect === 'allow') this.#count(index, record, nowMs);
    else if (record.outcome === undefined) {
      this.#held.set(record.rid, { index, record, dueAt: nowMs + this.#options.outcomeWaitMs });
    } else this.#feedComplete(index, record, record.outcome, nowMs);
  }

  /** Steps over a record that is represented already. */
  skip(index: number): void {
    this.#next = index + 1;
  }

  /** Records from {@link next} to `end` cannot be read: one gap event stands for them. */
  feedLost(end: number, body: EventBody): void {
    const raws = Array.from({ length: end - this.#next }, (_, position) => this.#next + position);
    this.#next = end;
    this.#ready.push({ body, raws });
  }

  /** All records of earlier runs are fed: what has no outcome by now will never get one. */
  endEarlierRuns(time: string): void {
    const outcome: EventOutcome = { state: 'unknown' };
    for (const { index, record } of this.#held.values()) this.#ready.push(toEmission(record, outcome, [index]));
    this.#held.clear();
    for (const awaiting of this.#awaiting.values()) {
      if (!awaiting.isTold) this.#ready.push(toOutcomeEmission(awaiting, outcome, time, []));
    }
  }

  /** Makes ready what has waited long enough. */
  advance(nowMs: number): void {
    for (const [rid, held] of this.#held) {
      if (held.dueAt > nowMs) break;
      this.#held.delete(rid);
      const awaits: Awaiting = { rid, api: held.record.draft.api, id: undefined, isTold: false };
      this.#awaiting.set(rid, awaits);
      this.#ready.push({ ...toEmission(held.record, { state: 'pending' }, [held.index]), awaits });
    }
    for (const [key, window] of this.#windows) {
      if (window.dueAt > nowMs) break;
      this.#close(key, window);
    }
    if (this.#countsDueAt <= nowMs) this.#tellCounts();
  }

  /** Ends all waiting, before an orderly stop: windows close, counts are told. Events without outcome stay for the next run to judge. */
  finish(): void {
    for (const [key, window] of this.#windows) this.#close(key, window);
    this.#tellCounts();
  }

  /** When {@link advance} has something to do next; infinity for never. */
  get dueAt(): number {
    const [held] = this.#held.values();
    const [window] = this.#windows.values();
    return Math.min(held?.dueAt ?? Infinity, window?.dueAt ?? Infinity, this.#countsDueAt);
  }

  /** The oldest events that are ready, at most `limit`. They stay until {@link confirm}. */
  peek(limit: number): readonly Emission[] {
    return this.#ready.slice(0, limit);
  }

  /** What to keep beside the first `count` ready events, once each that awaits its outcome has its id. */
  checkpoint(count: number): Checkpoint {
    const batch = this.#ready.slice(0, count);
    const told = new Set(batch.map((emission) => emission.tells));
    let low = this.#next;
    for (const held of this.#held.values()) low = Math.min(low, held.index);
    for (const window of this.#windows.values()) low = Math.min(low, window.raws[0] ?? low);
    const counts = [...this.#counts.values()];
    for (let at = count; at < this.#ready.length; at += 1) {
      const later = this.#ready[at];
      for (const raw of later?.raws ?? []) low = Math.min(low, raw);
      if (later?.counts !== undefined) counts.push(later.counts);
    }
    const awaiting: [string, string, string][] = [];
    for (const entry of this.#awaiting.values()) {
      if (entry.id !== undefined && !told.has(entry)) awaiting.push([entry.rid, entry.api, entry.id]);
    }
    const raws = batch.flatMap((emission) => emission.raws);
    return {
      low,
      raws: toRanges([...raws, ...this.#counted], low),
      awaiting,
      counts: counts.map((entry) => ({ ...entry })),
    };
  }

  /** Events got new ids: those that await their outcome follow. */
  renameAwaiting(newIds: ReadonlyMap<string, string>): void {
    for (const entry of this.#awaiting.values()) entry.id = newIds.get(entry.id ?? '') ?? entry.id;
  }

  /** The first `count` ready events and the checkpoint beside them are written. */
  confirm(count: number): void {
    for (const { tells } of this.#ready.splice(0, count)) if (tells !== undefined) this.#awaiting.delete(tells.rid);
    this.#counted = [];
  }

  #feedOutcome(index: number, record: OutcomeRecord): void {
    const held = this.#held.get(record.rid);
    if (held !== undefined) {
      this.#held.delete(record.rid);
      this.#ready.push(toEmission(held.record, record.outcome, [held.index, index], record.target));
      return;
    }
    const awaiting = this.#awaiting.get(record.rid);
    if (awaiting === undefined || awaiting.isTold) return;
    const time = new Date(record.at).toISOString();
    this.#ready.push(toOutcomeEmission(awaiting, record.outcome, time, [index], record.target));
  }

  #feedComplete(index: number, record: RequestRecord, outcome: EventOutcome, nowMs: number): void {
    const { mergeKey, draft } = record;
    const mayMerge = draft.type === 'docker' ? draft.decision.effect === 'allow' : draft.type === 'sshd';
    if (mergeKey === undefined || !mayMerge || this.#options.mergeWindowMs === 0) {
      this.#ready.push(toEmission(record, outcome, [index]));
      return;
    }
    let window = this.#windows.get(mergeKey);
    if (window !== undefined && (window.dueAt <= nowMs || window.raws.length >= maxRawsOfWindow)) {
      this.#close(mergeKey, window);
      window = undefined;
    }
    if (window === undefined) {
      // The first is told at once; what follows within the window is told when it closes.
      this.#ready.push(toEmission(record, outcome, [index]));
      const dueAt = nowMs + this.#options.mergeWindowMs;
      this.#windows.set(mergeKey, { dueAt, raws: [], count: 0, first: undefined, lastTime: '' });
      const [oldest] = this.#windows;
      if (oldest !== undefined && this.#windows.size > this.#options.maxOpenWindows) this.#close(...oldest);
      return;
    }
    window.first ??= record;
    window.raws.push(index);
    window.count += draft.count ?? 1;
    window.lastTime = draft.time > window.lastTime ? draft.time : window.lastTime;
  }

  #close(key: string, window: MergeWindow): void {
    this.#windows.delete(key);
    if (window.first === undefined) return;
    const { body } = toEmission(window.first, window.first.outcome ?? { state: 'done' }, []);
    const { count, lastTime } = window;
    this.#ready.push({ body: { ...body, count, ...(count > 1 && { lastTime }) }, raws: window.raws });
  }

  #count(index: number, record: RequestRecord, nowMs: number): void {
    const { decision, time, count = 1 } = record.draft;
    this.#counted.push(index);
    this.#addCount({ rule: decision.rule, count, time, lastTime: time });
    if (this.#countsDueAt === Number.POSITIVE_INFINITY) this.#countsDueAt = nowMs + this.#options.countWindowMs;
  }

  #addCount(added: UnauditedCount): void {
    const entry = this.#counts.get(added.rule);
    if (entry === undefined) {
      this.#counts.set(added.rule, { ...added });
      return;
    }
    entry.count += added.count;
    entry.lastTime = added.lastTime > entry.lastTime ? added.lastTime : entry.lastTime;
  }

  #tellCounts(): void {
    this.#countsDueAt = Number.POSITIVE_INFINITY;
    for (const counts of this.#counts.values()) {
      const { rule, count, time, lastTime } = counts;
      const text = `${count} calls were allowed by rule ${rule}, which asks for no record of each`;
      const body: EventBody = {
        type: 'condition',
        api: 'unaudited_calls',
        time,
        lastTime,
        count,
        decision: { effect: 'allow', rule, reason: 'rule', text, findings: [] },
        outcome: { state: 'done' },
        actor: { user: '', userSource: 'unknown' },
        target: {},
        provenance: 'defender',
      };
      this.#ready.push({ body, raws: [], counts });
    }
    this.#counts.clear();
  }
}

function toEmission(record: RequestRecord, outcome: EventOutcome, raws: readonly number[], made?: Target): Emission {
  const { count = 1, ...draft } = record.draft;
  const target = made === undefined ? draft.target : { ...draft.target, ...made };
  return { body: { ...draft, target, count, outcome }, raws };
}

function toOutcomeEmission(
  awaiting: Awaiting,
  outcome: EventOutcome,
  time: string,
  raws: readonly number[],
  target: Target = {},
): Emission {
  awaiting.isTold = true;
  const body: EventBody = {
    type: 'outcome',
    api: awaiting.api,
    time,
    count: 1,
    decision: { effect: 'allow', rule: '', reason: 'outcome', text: '', findings: [] },
    outcome,
    actor: { user: '', userSource: 'unknown' },
    target,
    provenance: 'defender',
  };
  return { body, raws, tells: awaiting };
}
