// Reads the journal's lines about access through `journalctl -o json --all --follow`, from a cursor. Asks for the entry
// at the cursor again and passes it over: if another one comes first, the journal was rotated away behind our back.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostLogLine, HostLogReader, HostLogReaderOptions } from './host-log-reader.ts';
import { createLineSplitter } from './line-splitter.ts';

/** Where a reader of the journal stands: the cursor of the last entry. */
export interface JournalPosition {
  readonly cursor: string;
}

/** What a journal reader is given beside what all readers are. */
export interface JournalLogReaderOptions extends HostLogReaderOptions<JournalPosition> {
  /** Reads the journal files of this directory instead of the host's. */
  readonly directory?: string;
  /** The program. Defaults to `journalctl` on the path. */
  readonly command?: string;
  /** How long to wait before journalctl is started again after it ended. Defaults to 1 s. */
  readonly restartAfterMs?: number;
  /** Entries over this size give their beginning only, which is no JSON. Defaults to 1 MB. */
  readonly maxEntryBytes?: number;
}

/** auth and authpriv of any program, and what logind, journald and rsyslog say of sessions and of losses. */
const matches = [
  'SYSLOG_FACILITY=4',
  'SYSLOG_FACILITY=10',
  '+',
  'SYSLOG_IDENTIFIER=systemd-logind',
  'SYSLOG_IDENTIFIER=systemd-journald',
  'SYSLOG_IDENTIFIER=rsyslogd',
];

/** Opens a reader of the journal. It runs until it is disposed or `deliver` rejects; journalctl is started again when it ends. */
export function openJournalLogReader(options: JournalLogReaderOptions): HostLogReader {
  const { restartAfterMs = 1000 } = options;
  const stop = new AbortController();
  let cursor = options.resumeFrom?.cursor;

  async function followOnce(): Promise<void> {
    const child = startJournalctl(options, cursor);
    const end = (): void => void child.kill('SIGTERM');
    const ended = new Promise((resolve) => child.once('close', resolve));
    stop.signal.addEventListener('abort', end, { once: true });
    const splitter = createLineSplitter(0, options.maxEntryBytes ?? 1_048_576);
    let expected = cursor;
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        if (stop.signal.aborted) break;
        const lines: HostLogLine<JournalPosition>[] = [];
        for (const { bytes, isTruncated } of splitter.push(chunk)) {
          const at = cursorOf(bytes);
          if (at === undefined) continue;
          if (expected !== undefined) {
            const isExpected = at === expected;
            expected = undefined;
            if (isExpected) continue;
            options.onGap({
              reason: 'the journal no longer holds the entry last read: it was rotated or vacuumed since',
            });
          }
          lines.push({ bytes, isTruncated, position: { cursor: at } });
        }
        if (lines.length === 0) continue;
        await options.deliver(lines);
        cursor = lines.at(-1)?.position.cursor ?? cursor;
      }
    } finally {
      stop.signal.removeEventListener('abort', end);
      end();
      await ended;
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await followOnce();
      if (!stop.signal.aborted) await delay(restartAfterMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  const done = run();
  // Whoever opened the reader looks at `done` when it likes; until then a rejection is no crash.
  done.catch(() => undefined);
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => undefined);
    },
  };
}

function startJournalctl(options: JournalLogReaderOptions, cursor: string | undefined): ChildProcess {
  const from =
    cursor !== undefined ? [`--cursor=${cursor}`] : options.startAt === 'end' ? ['--lines=0'] : ['--no-tail'];
  const place = options.directory === undefined ? [] : [`--directory=${options.directory}`];
  const args = ['--output=json', '--all', '--follow', '--no-pager', '--quiet', ...from, ...place, ...matches];
  const child = spawn(options.command ?? 'journalctl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  // A missing program ends the stream as well; it is tried again like any end.
  child.on('error', () => child.stdout?.destroy());
  return child;
}

// The cursor is the journal's own text, without escapes; the first one counts, whatever text follows in MESSAGE.
const cursorPattern = /"__CURSOR":"([^"\\]+)"/;

function cursorOf(entry: Uint8Array): string | undefined {
  const text = Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString('latin1');
  try {
    const { __CURSOR: cursor } = JSON.parse(text) as { __CURSOR?: unknown };
    return typeof cursor === 'string' ? cursor : undefined;
  } catch {
    // An entry over the limit: its cursor stands in what is kept, or the entry is passed over.
    return cursorPattern.exec(text)?.[1];
  }
}
