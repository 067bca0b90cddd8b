// The public surface of the host-log parsers: lines and journal entries in, what happened out. Pure, no Node.
export {
  type ConnectionTracker,
  type ConnectionTrackerOptions,
  createConnectionTracker,
} from './connection-tracker.ts';
export type { HostLogConfidence, HostLogKind, HostLogPeer, HostLogResult, SudoReading } from './host-log-result.ts';
export type { JournalEntry, JournalTrust } from './journal-entry.ts';
export { parseJournalJson } from './journal-entry.ts';
export { type HostLineContext, parseHostLine } from './parse-host-line.ts';
export { parseSudoLogfileRecord, unwrapSudoLogfile } from './sudo.ts';
export type { SyslogClock, SyslogTime } from './syslog-time.ts';
