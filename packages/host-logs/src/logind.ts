// systemd-logind's two lines about sessions, and what journald and rsyslog say about lines they lost.
import { createHostLogResult, type HostLogResult } from './host-log-result.ts';

/** Parses what follows systemd-logind's tag. */
export function parseLogindMessage(raw: string): HostLogResult | null {
  const opened = /^New session '?([A-Za-z0-9]+)'? of user '?([^\s']+?)'?(?: with class .*)?\.$/.exec(raw);
  if (opened !== null) {
    const result = createHostLogResult('logind_session_new', 'systemd-logind', raw);
    result.session = opened[1] ?? null;
    result.user = opened[2] ?? null;
    return result;
  }
  const removed = /^Removed session '?([A-Za-z0-9]+)'?\.$/.exec(raw);
  if (removed === null) return null;
  const result = createHostLogResult('logind_session_removed', 'systemd-logind', raw);
  result.session = removed[1] ?? null;
  return result;
}

const losses: readonly RegExp[] = [
  /^Suppressed (\d+) messages from \S+$/,
  /^imjournal: (\d+) messages lost due to rate-limiting/,
  /^imjournal: begin to drop messages due to rate-limiting/,
  /^imuxsock(?:\[pid \d+\])?(?: from \S+)?(?: ?lost| begins? to drop) ?(\d+)? ?messages from pid \d+ due to rate-limiting/,
  /^imuxsock\[pid: \d+, name: .*\] from \S+: begin to drop messages due to rate-limiting$/,
  /^-- (\d+) messages lost due to rate-limiting$/,
  /^Missed (\d+) kernel messages/,
];

/** Parses a message of journald or rsyslogd about lines it dropped; `count` is how many, 1 when it does not say. */
export function parseLogLossMessage(raw: string, program: string): HostLogResult | null {
  for (const pattern of losses) {
    const match = pattern.exec(raw);
    if (match === null) continue;
    const result = createHostLogResult('log_loss', program, raw);
    result.reason = raw;
    result.count = match[1] === undefined ? 1 : Number(match[1]);
    return result;
  }
  return null;
}
