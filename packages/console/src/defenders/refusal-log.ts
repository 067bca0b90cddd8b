// Puts on record who was refused on the Defender channel and who was enrolled. The same refusal again and again becomes one
// event a minute with a count, so that whoever knocks without end cannot fill the ledger.
import { type AccessEvent, toInstant } from '@dockledger/contract';
import type { ConsoleEvent } from '../intake/intake-service.ts';

/** One thing to put on record. */
export interface ChannelNote {
  readonly api: 'defender_refused' | 'defender_enrolled';
  /** For programs: no-certificate, wrong-ca, expired, revoked, another-name, token-refused, enrolled. */
  readonly reason: string;
  /** One sentence. */
  readonly text: string;
  readonly address: string;
  /** The Defender it is about, as far as its certificate proves it; else empty, so that made-up names are merged. */
  readonly defenderId: string;
  /** More facts. Of merged notes those of the first are kept. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** See the head of the file. */
export interface RefusalLog {
  /** Never throws and never holds up an answer. */
  note(note: ChannelNote): void;
  /** Puts what is still merged on record. */
  close(): Promise<void>;
}

/** What {@link openRefusalLog} needs. */
export interface RefusalLogParts {
  readonly record: (event: ConsoleEvent) => Promise<AccessEvent>;
  readonly host: AccessEvent['host'];
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
  /** How long repeats are merged, milliseconds. Defaults to 60,000. */
  readonly mergeMs?: number;
}

const mostKinds = 1000;

interface Repeats {
  readonly note: ChannelNote;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** Starts recording. */
export function openRefusalLog({ record, host, now, onProblem, mergeMs = 60_000 }: RefusalLogParts): RefusalLog {
  const repeats = new Map<string, Repeats>();
  const running = new Set<Promise<unknown>>();

  function put({ api, reason, text, address, defenderId, details }: ChannelNote, merged?: Repeats): void {
    const isRefused = api === 'defender_refused';
    const recorded = record({
      type: 'console',
      api,
      decision: { effect: isRefused ? 'deny' : 'allow', rule: '', reason, text, findings: [] },
      outcome: { state: isRefused ? 'refused' : 'done' },
      actor: { user: '', userSource: 'unknown', sourceIP: address },
      target: { kind: 'other', other: defenderId },
      host,
      details: { ...details, ...(defenderId !== '' && { defenderId }) },
      ...(merged && { time: toInstant(merged.firstAt), lastTime: toInstant(merged.lastAt), count: merged.count }),
    }).catch(onProblem);
    running.add(recorded);
    void recorded.finally(() => running.delete(recorded));
  }

  function flush(): void {
    for (const merged of repeats.values()) if (merged.count > 0) put(merged.note, merged);
    repeats.clear();
  }

  const timer = setInterval(flush, mergeMs);
  timer.unref();
  return {
    note: (note) => {
      const at = now();
      const key = JSON.stringify([note.api, note.reason, note.address, note.defenderId]);
      const known = repeats.get(key);
      if (known !== undefined) {
        if (known.count === 0) known.firstAt = at;
        known.count += 1;
        known.lastAt = at;
        return;
      }
      if (repeats.size >= mostKinds) flush();
      repeats.set(key, { note, count: 0, firstAt: at, lastAt: at });
      put(note);
    },
    close: async () => {
      clearInterval(timer);
      flush();
      await Promise.all(running);
    },
  };
}
