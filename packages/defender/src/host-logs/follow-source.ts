// Follows one source: lines in, records out, in the source's order. The position that is recorded never lies behind a line
// whose record is not written: records and position stand in one write, and a line that is held back holds the position back.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@dockledger/contract/error-code';
import {
  createConnectionTracker,
  type HostLineContext,
  type HostLogResult,
  parseHostLine,
} from '@dockledger/host-logs';
import type { SourceRecord, SourceRecorder } from '../ports.ts';
import { openFileLogReader } from './file-log-reader.ts';
import type { HostLogSource } from './find-sources.ts';
import type { HostLogLine, HostLogReader, HostLogReaderOptions } from './host-log-reader.ts';
import { toGapRecord } from './host-log-record.ts';
import { type JournalPosition, openJournalLogReader } from './journal-log-reader.ts';
import type { FilePosition } from './log-file-identity.ts';

/** What following a source needs. */
export interface FollowOptions {
  readonly source: HostLogSource;
  readonly recorder: SourceRecorder;
  /** What parsing needs beside source and clock. */
  readonly context: Omit<HostLineContext, 'source' | 'referenceTimeMs' | 'previousTimeMs'>;
  /** The record of a result; undefined when the line only completes others. */
  readonly toRecord: (result: HostLogResult) => SourceRecord | undefined;
  /** Called before the lines of each delivery are judged. */
  readonly onLines: () => void;
  /** The reader ended on its own and will be opened again; undefined when it reads again. */
  readonly onStopped: (reason: string | undefined) => void;
  readonly now: () => number;
  /** How long a line may be held for what follows it. Defaults to 1 s. */
  readonly holdMs?: number;
}

const recordsAtOnce = 50;
const maxPending = 500;
const roomEveryMs = 500;
const maxRestartMs = 30_000;

/** Follows until disposed. A reader that ends is opened again, after 1 s at first and 30 s at most. */
export function followSource(options: FollowOptions): AsyncDisposable {
  const { source, recorder, onStopped } = options;
  const stop = new AbortController();

  async function run(): Promise<void> {
    for (let waitMs = 1000; !stop.signal.aborted; waitMs = Math.min(waitMs * 2, maxRestartMs)) {
      const taker = createLineTaker(options, stop.signal);
      let hasRead = false;
      await using reader = openReader(source, recorder.position(source.name), {
        deliver: async (lines) => {
          await taker.take(lines);
          if (!hasRead) onStopped(undefined);
          hasRead = true;
          waitMs = 1000;
        },
        onGap: ({ reason }) => taker.noteGap(reason),
      });
      const stopping = new Promise<void>((resolve) => {
        stop.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      try {
        await Promise.race([reader.done, stopping]);
      } catch (error) {
        if (!stop.signal.aborted) onStopped(error instanceof Error ? error.message : String(error));
      } finally {
        taker.close();
      }
      if (!stop.signal.aborted) await delay(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  const done = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

function openReader(
  source: HostLogSource,
  position: unknown,
  handlers: Pick<HostLogReaderOptions<unknown>, 'deliver' | 'onGap'>,
): HostLogReader {
  // What a reader gave out comes back as it was; anything else could only come from another version of it.
  if (source.kind === 'journal') {
    const resumeFrom = (position ?? null) as JournalPosition | null;
    return openJournalLogReader({ ...handlers, resumeFrom, startAt: 'end' });
  }
  const resumeFrom = (position ?? null) as FilePosition | null;
  return openFileLogReader({ ...handlers, path: source.path, resumeFrom, startAt: source.startAt });
}

interface LineTaker {
  take(lines: readonly HostLogLine<unknown>[]): Promise<void>;
  noteGap(reason: string): void;
  close(): void;
}

function createLineTaker(options: FollowOptions, signal: AbortSignal): LineTaker {
  const { source, recorder, context, toRecord, onLines, now, holdMs = 1000 } = options;
  const tracker = createConnectionTracker();
  let pending: SourceRecord[] = [];
  let position: unknown;
  let previousTimeMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn = Promise.resolve();
  let isClosed = false;

  function add(results: readonly HostLogResult[]): void {
    for (const result of results) {
      const record = toRecord(result);
      if (record !== undefined) pending.push(record);
    }
  }

  async function write(): Promise<void> {
    const records = pending;
    pending = [];
    while (!recorder.record(source.name, position, records)) {
      // The lines stay in their source: without room the reader waits, and nothing is lost.
      await delay(roomEveryMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw new AppError('unavailable', 'The spool is full and the Defender stops.');
    }
  }

  /** What is held has waited long enough: nothing that belongs to it will follow. */
  async function release(): Promise<void> {
    add(tracker.flush());
    await write();
  }

  function armHold(): void {
    clearTimeout(timer);
    if (isClosed || (!tracker.isHolding && pending.length === 0)) return;
    // A spool that is closing takes nothing; the line is read again by the next run.
    timer = setTimeout(() => void inTurn(release).catch(() => undefined), holdMs).unref();
  }

  /** One at a time: a delivery and the end of a hold must not write past each other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  async function takeAll(lines: readonly HostLogLine<unknown>[]): Promise<void> {
    onLines();
    for (const line of lines) {
      const result = parseHostLine(line.bytes, {
        ...context,
        source: source.kind,
        referenceTimeMs: now(),
        ...(previousTimeMs !== undefined && { previousTimeMs }),
      });
      if (result !== null && line.isTruncated) result.isTruncated = true;
      previousTimeMs = result?.timeMs ?? previousTimeMs;
      add(tracker.push(result));
      position = line.position;
      if (pending.length >= maxPending) await release();
      else if (pending.length >= recordsAtOnce && !tracker.isHolding) await write();
    }
    if (!tracker.isHolding) await write();
  }

  return {
    take: (lines) => inTurn(() => takeAll(lines)).finally(armHold),
    noteGap(reason) {
      pending.push(toGapRecord('host-log-gap', reason, now(), source.kind === 'journal' ? 'journal' : 'file'));
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
