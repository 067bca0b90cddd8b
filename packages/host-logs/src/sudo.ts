// The grammar of sudo's text messages and of its own log file. sudo does not quote the directory, the environment or
// most arguments, so a line can have several readings: all are kept and members in which they differ stay null.
import { createHostLogResult, type HostLogKind, type HostLogResult, type SudoReading } from './host-log-result.ts';
import { parseSudoJson } from './sudo-json.ts';

const maxReadings = 8;
const firstKey = /^(?:HOST|TTY|CHROOT|PWD)=/;
const keyAfterReason = / ; (?:HOST|TTY|CHROOT|PWD)=/;
const refusal =
  /^(?:user NOT in sudoers|user NOT authorized on host|command not allowed|\d+ incorrect password attempts?|a password is required|authentication failure|account validation failure|sorry, you |no tty present|a terminal is required|unknown user|unknown group|unknown uid|unknown gid|only root can|you are not permitted|fatal error, unable to|user not allowed to)/i;

/** Parses what follows sudo's tag: text, or JSON behind `@cee:`. Null for messages that are neither. */
export function parseSudoMessage(raw: string): HostLogResult | null {
  if (raw.startsWith('@cee:')) return parseSudoJson(raw);
  // The name is padded to eight columns at the left.
  const text = raw.trimStart();
  const colon = text.indexOf(' : ');
  if (colon <= 0) return null;
  const user = text.slice(0, colon);
  if (/\s/.test(user)) return null;
  const body = text.slice(colon + 3);
  if (body.startsWith('(command continued) ')) {
    const result = createHostLogResult('sudo_continued', 'sudo', raw);
    result.user = user;
    result.command = body.slice(20);
    return result;
  }
  return readBody(raw, user, body);
}

function readBody(raw: string, user: string, body: string): HostLogResult | null {
  let reason: string | null = null;
  let fields = body;
  let isReasonEndUnsure = false;
  if (!firstKey.test(body)) {
    const at = keyAfterReason.exec(body);
    reason = at === null ? body : body.slice(0, at.index);
    fields = at === null ? '' : body.slice(at.index + 3);
    // A reason may quote a name from the command line, which may look like the fields behind it.
    isReasonEndUnsure = fields.split(' ; PWD=').length > 1 + (fields.startsWith('PWD=') ? 0 : 1);
    if (fields === '' && !refusal.test(reason)) return null;
  }
  const kind: HostLogKind = reason === null ? 'sudo_allowed' : refusal.test(reason) ? 'sudo_refused' : 'sudo_alert';
  const result = createHostLogResult(kind, 'sudo', raw);
  result.user = user;
  result.reason = reason;
  if (fields === '') return result;
  const pwdAt = fields.startsWith('PWD=') ? 0 : fields.indexOf(' ; PWD=') + 3;
  if (pwdAt < 3 && pwdAt !== 0) return null;
  if (pwdAt === 0 && !fields.startsWith('PWD=')) return null;
  for (const field of fields.slice(0, Math.max(0, pwdAt - 3)).split(' ; ')) {
    if (field.startsWith('TTY=') && field !== 'TTY=unknown') result.tty = field.slice(4);
  }
  const readings = readingsOf(fields.slice(pwdAt + 4));
  if (readings.length === 0) return null;
  setReadings(result, readings, isReasonEndUnsure);
  return result;
}

function same<Value>(readings: readonly SudoReading[], member: (reading: SudoReading) => Value): Value | null {
  const first = readings[0];
  if (first === undefined) return null;
  const value = member(first);
  return readings.every((reading) => member(reading) === value) ? value : null;
}

function setReadings(result: HostLogResult, readings: readonly SudoReading[], isReasonEndUnsure: boolean): void {
  if (readings.length > 1 || isReasonEndUnsure) result.readings = readings;
  if (isReasonEndUnsure) return;
  result.cwd = same(readings, (reading) => reading.cwd);
  result.runAs = same(readings, (reading) => reading.runAs);
  result.runAsGroup = same(readings, (reading) => reading.runAsGroup);
  result.command = same(readings, (reading) => reading.command);
  result.exitStatus = same(readings, (reading) => reading.exitStatus);
}

// A run-as name has no blanks; GROUP and TSID may follow it; then ENV or COMMAND.
const afterUser = /^([^\s;]+)(?: ; GROUP=([^\s;]+))?(?: ; TSID=[^\s;]+)? ; (ENV|COMMAND)=/;

/** Every way to split `DIR ; USER=… COMMAND=…`, leftmost USER first, at most eight. */
function readingsOf(text: string): SudoReading[] {
  const readings: SudoReading[] = [];
  for (let at = text.indexOf(' ; USER='); at >= 0; at = text.indexOf(' ; USER=', at + 1)) {
    const rest = text.slice(at + 8);
    const head = afterUser.exec(rest);
    if (head === null) continue;
    const base = { cwd: text.slice(0, at), runAs: head[1] ?? null, runAsGroup: head[2] ?? null };
    const tail = rest.slice(head[0].length);
    if (head[3] === 'COMMAND') addCommand(readings, base, null, tail);
    else {
      for (let cut = tail.indexOf(' ; COMMAND='); cut >= 0; cut = tail.indexOf(' ; COMMAND=', cut + 1)) {
        addCommand(readings, base, tail.slice(0, cut), tail.slice(cut + 11));
        if (readings.length >= maxReadings) return readings;
      }
    }
    if (readings.length >= maxReadings) return readings;
  }
  return readings;
}

type ReadingBase = Pick<SudoReading, 'cwd' | 'runAs' | 'runAsGroup'>;

function addCommand(readings: SudoReading[], base: ReadingBase, env: string | null, command: string): void {
  readings.push({ ...base, env, command, exitStatus: null });
  // Written behind the command with log_exit_status, and also a possible end of the arguments.
  const exit = /^(.*?)(?: ; SIGNAL=\w+)? ; EXIT=(\d+)$/s.exec(command);
  if (exit !== null && readings.length < maxReadings) {
    readings.push({ ...base, env, command: exit[1] ?? '', exitStatus: Number(exit[2]) });
  }
}

/**
 * Joins the wrapped lines of sudo's own log file (`Defaults logfile`) into records: a line that begins with four blanks
 * goes on with the one before it. Returns the records, oldest first.
 */
export function unwrapSudoLogfile(lines: readonly string[]): string[] {
  const records: string[] = [];
  for (const line of lines) {
    const last = records.length - 1;
    if (line.startsWith('    ') && last >= 0) records[last] = `${records[last]} ${line.slice(4)}`;
    else if (line !== '') records.push(line);
  }
  return records;
}

/** Parses one unwrapped record of sudo's own log file; the time is returned as written, for the caller's clock. */
export function parseSudoLogfileRecord(
  record: string,
): { readonly stamp: string; readonly result: HostLogResult } | null {
  const head = /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?) : /.exec(record);
  if (head === null) return null;
  const result = parseSudoMessage(record.slice(head[0].length));
  if (result === null) return null;
  result.raw = record;
  return { stamp: head[1] ?? '', result };
}
