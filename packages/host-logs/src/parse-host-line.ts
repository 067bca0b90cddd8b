// The one entrance: a line of a log file, or an entry of the journal as JSON, to what happened. Never throws. A line
// whose author is not the daemon keeps its peer as a claim only: `peer` is null and confidence is `forgeable`.
import { decodeUtf8 } from './bytes.ts';
import {
  createHostLogResult,
  type HostLogConfidence,
  type HostLogPeer,
  type HostLogResult,
} from './host-log-result.ts';
import { confidenceOf, type JournalTrust, parseJournalJson } from './journal-entry.ts';
import { parseLogindMessage, parseLogLossMessage } from './logind.ts';
import { parsePamMessage } from './pam.ts';
import { parseSshdMessage } from './sshd.ts';
import { parseSuMessage } from './su.ts';
import { parseSudoMessage } from './sudo.ts';
import { parseSyslogFrame } from './syslog-frame.ts';
import type { SyslogClock } from './syslog-time.ts';

/** Where a line comes from and what is known there. */
export type HostLineContext = SyslogClock & {
  /** `file`: one line of a log file. `journal`: one line of `journalctl -o json --all`. */
  readonly source: 'file' | 'journal';
  /** For the journal: what the host knows about writers. Defaults to nothing. */
  readonly trust?: JournalTrust;
  /**
   * For files: whether this peer has, or lately had, a connection to this host (from /proc/net/tcp, say). Whoever may write
   * to the system log may write a whole line of sshd's, and a file does not tell; with this, a peer that never connected
   * stays a claim. `timeMs` is the line's own time. Defaults to believing the file, at confidence `file`.
   */
  readonly isConnected?: (peer: HostLogPeer, timeMs: number | null) => boolean;
};

const repeatedPattern = /^message repeated (\d{1,9}) times: \[ (.*)\]$/s;
const lastRepeatedPattern = /^last message repeated (\d{1,9}) times?$/;

/**
 * Parses one line, without its line feed. Null when it says nothing about access, or is no log line.
 * A result's `count` is how many occurrences the line stands for; `repeated_last` repeats the line before it.
 */
export function parseHostLine(line: string | Uint8Array, context: HostLineContext): HostLogResult | null {
  const text = typeof line === 'string' ? line : decodeUtf8(line);
  return context.source === 'journal' ? parseJournalLine(text, context) : parseFileLine(text, context);
}

function parseFileLine(line: string, context: HostLineContext): HostLogResult | null {
  const frame = parseSyslogFrame(line, context);
  const program = normalProgram(frame.program);
  const lastRepeated = lastRepeatedPattern.exec(frame.message);
  const result =
    lastRepeated === null
      ? parseMessage(program, frame.message, frame.pamService)
      : createHostLogResult('repeated_last', program, line);
  if (result === null) return null;
  if (lastRepeated !== null) result.count = Number(lastRepeated[1]);
  // sudo's JSON comes with its environments taken out of `raw`: put the frame back, not the secrets.
  result.raw =
    result.raw === frame.message || lastRepeated !== null
      ? line
      : line.slice(0, Math.max(0, line.indexOf('@cee:'))) + result.raw;
  result.confidence = 'file';
  result.timeMs ??= frame.time?.timeMs ?? null;
  result.timeIsAmbiguous = frame.time?.isAmbiguous ?? false;
  result.host = frame.host;
  result.pid = frame.pid;
  if (result.peer !== null && context.isConnected?.(result.peer, result.timeMs) === false)
    setConfidence(result, 'forgeable');
  return result;
}

function parseJournalLine(line: string, context: HostLineContext): HostLogResult | null {
  const entry = parseJournalJson(line);
  if (entry === null || entry.message === null) return null;
  const program = normalProgram(entry.program);
  const result = parseMessage(program, entry.message, null);
  if (result === null) return null;
  result.timeMs = entry.timeMs;
  result.host = entry.host;
  result.pid = entry.pid;
  result.uid = entry.uid;
  result.bootId = entry.bootId;
  result.auditSession = entry.auditSession;
  result.loginUid = entry.loginUid;
  setConfidence(result, confidenceOf(entry, program, result.user, context.trust ?? {}));
  return result;
}

function setConfidence(result: HostLogResult, confidence: HostLogConfidence): void {
  result.confidence = confidence;
  if (confidence !== 'forgeable' || result.peer === null) return;
  result.claimedPeer = result.peer;
  result.peer = null;
  result.peerSource = null;
}

/** `sshd-session`, `sshd-auth` → `sshd`; `su-l` → `su`; `rsyslogd-2007` → `rsyslogd`. */
function normalProgram(program: string): string {
  switch (program) {
    case 'sshd-session':
    case 'sshd-auth':
      return 'sshd';
    case 'su-l':
      return 'su';
    default:
      return program.startsWith('rsyslogd-') ? 'rsyslogd' : program;
  }
}

/** Parses what stands behind the tag of `program`. */
function parseMessage(program: string, message: string, pamService: string | null): HostLogResult | null {
  if (message.startsWith('message repeated ')) {
    const repeated = repeatedPattern.exec(message);
    const inner = repeated === null ? null : parseMessage(program, repeated[2] ?? '', pamService);
    if (inner === null) return null;
    inner.count = Number(repeated?.[1] ?? 1);
    inner.raw = message;
    return inner;
  }
  if (pamService !== null || message.startsWith('pam_') || message.startsWith('PAM ')) {
    return parsePamMessage(message, program, pamService);
  }
  switch (program) {
    case 'sshd':
      return parseSshdMessage(message);
    case 'sudo':
      return parseSudoMessage(message);
    case 'su':
      return parseSuMessage(message);
    case 'systemd-logind':
      return parseLogindMessage(message);
    case 'systemd-journald':
    case 'rsyslogd':
    case 'journal':
      return parseLogLossMessage(message, program);
    default:
      return null;
  }
}
