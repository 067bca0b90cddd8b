// sudo's JSON messages (`log_format=json`): exact words, one reading. The environments they carry are secrets and
// leave this file neither in a member nor in the raw line. A message cut by a transport is read as far as it goes.
import { createHostLogResult, type HostLogKind, type HostLogResult } from './host-log-result.ts';

const kinds: Readonly<Record<string, HostLogKind>> = {
  accept: 'sudo_allowed',
  reject: 'sudo_refused',
  alert: 'sudo_alert',
  exit: 'sudo_exit',
};

/** Parses `@cee:{"sudo":{…}}`. Null when it is not sudo's. */
export function parseSudoJson(raw: string): HostLogResult | null {
  const text = raw.slice(raw.indexOf('{'));
  const safe = withoutEnvironments(raw);
  const whole = toObject(text);
  const body = member(whole ?? mended(text), 'sudo');
  const name = /^\{"sudo": ?\{"(accept|reject|alert|exit)":/.exec(text)?.[1];
  if (name === undefined) return null;
  const result = createHostLogResult(kinds[name] ?? 'sudo_alert', 'sudo', safe);
  result.isTruncated = whole === null;
  const event = member(body, name);
  if (event === null) return result;
  result.user = string(event['submituser']);
  result.runAs = string(event['runuser']);
  result.runAsGroup = string(event['rungroup']);
  result.runAsUid = integer(event['runuid']);
  // Where it was called from, as the text form has it; runcwd is where the command runs.
  result.cwd = string(event['submitcwd']) ?? string(event['runcwd']);
  const tty = string(event['ttyname']);
  result.tty = tty?.startsWith('/dev/') === true ? tty.slice(5) : tty;
  result.reason = string(event['reason']);
  result.exitStatus = integer(event['exit_value']);
  const seconds = integer(member(event, 'server_time')?.['seconds']);
  const nanoseconds = integer(member(event, 'server_time')?.['nanoseconds']) ?? 0;
  if (seconds !== null) result.timeMs = seconds * 1000 + Math.floor(nanoseconds / 1_000_000);
  setCommand(result, event);
  return result;
}

function setCommand(result: HostLogResult, event: Record<string, unknown>): void {
  const path = string(event['command']);
  const words = event['runargv'];
  if (!Array.isArray(words)) {
    result.command = path;
    return;
  }
  const argv = words.map((word: unknown) => string(word) ?? '');
  if (path !== null) argv[0] = path;
  result.argv = argv;
  result.command = argv.join(' ');
}

/** Closes a message that was cut behind its last complete member before an array, where cuts happen. */
function mended(text: string): Record<string, unknown> | null {
  for (const name of [',"runenv":', ',"runargv":', ',"columns":', ',"submithost":']) {
    const at = text.lastIndexOf(name);
    const value = at < 0 ? null : toObject(`${text.slice(0, at)}}}}`);
    if (value !== null) return value;
  }
  return null;
}

function withoutEnvironments(raw: string): string {
  let out = raw;
  for (const name of ['"runenv":', '"submitenv":', '"env_add":']) {
    for (let at = out.indexOf(name); at >= 0; at = out.indexOf(name, at + name.length)) {
      const open = at + name.length;
      out = `${out.slice(0, open)}[]${out.slice(arrayEnd(out, open))}`;
    }
  }
  return out;
}

/** The index behind the array that begins at or after `open`; the end of the text when it was cut. */
function arrayEnd(text: string, open: number): number {
  let isInString = false;
  for (let at = open; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === 92) at++;
      else if (code === 34) isInString = false;
    } else if (code === 34) isInString = true;
    else if (code === 93) return at + 1;
  }
  return text.length;
}

function toObject(text: string): Record<string, unknown> | null {
  try {
    return object(JSON.parse(text));
  } catch {
    // Not JSON: cut by a transport, or not sudo's.
    return null;
  }
}

function object(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function member(value: Record<string, unknown> | null, name: string): Record<string, unknown> | null {
  return value === null ? null : object(value[name]);
}

function string(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function integer(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}
