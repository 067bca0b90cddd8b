// Takes the frame off a log-file line: priority, time, host, tag, pid. RFC 3164, RFC 3339 stamps, RFC 5424, and the odd
// tags of older systems. Only the first tag counts; nothing in the message can change what the frame says.
import { parseBsdTime, parseIsoTime, parseYearFirstTime, type SyslogClock, type SyslogTime } from './syslog-time.ts';

/** A line without its frame. `program` is the tag's last path component as written, '' when there is no tag. */
export type SyslogFrame = {
  readonly time: SyslogTime | null;
  readonly host: string | null;
  readonly program: string;
  readonly pid: number | null;
  /** The PAM service of tags like `su(pam_unix)`. */
  readonly pamService: string | null;
  readonly message: string;
};

const digitZero = 48;

function isDigit(code: number): boolean {
  return code >= digitZero && code <= 57;
}

/** Takes the frame off `line`. Never throws; a line without a frame gives an empty program. */
export function parseSyslogFrame(line: string, clock: SyslogClock): SyslogFrame {
  let text = line;
  // A crash leaves blocks of NUL in front of the next line, and some files have CRLF ends.
  if (text.charCodeAt(0) === 0) text = text.replace(/^\0+/, '');
  while (text.endsWith('\r') || text.endsWith('\n')) text = text.slice(0, -1);
  if (text.charCodeAt(0) === 60) {
    const priority = /^<\d{1,3}>/.exec(text);
    if (priority !== null) {
      text = text.slice(priority[0].length);
      if (text.startsWith('1 ')) return parseRfc5424(text, clock);
    }
  }
  const stamp = stampLength(text);
  const time = stamp === 0 ? null : readTime(text.slice(0, stamp), clock);
  if (time === null) return parseTag(text, null, null);
  return parseHostAndTag(text.slice(stamp), time);
}

/** How long the stamp at the start of `text` is; 0 when there is none. */
function stampLength(text: string): number {
  const first = text.charCodeAt(0);
  if (first >= 65 && first <= 90) {
    // "Nov 23 15:40:00", "Feb  7 15:40:00" or "Feb 7 15:40:00"
    const colon = text.indexOf(':');
    if (colon < 8 || colon > 9) return 0;
    const end = colon + 6;
    return text.charCodeAt(end) === 46 ? endOfWord(text, end) : end;
  }
  if (!isDigit(first)) return 0;
  if (text.charCodeAt(4) === 32) return /^\d{4} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d/.exec(text)?.[0].length ?? 0;
  return endOfWord(text, 0);
}

function endOfWord(text: string, from: number): number {
  const at = text.indexOf(' ', from);
  return at < 0 ? text.length : at;
}

function readTime(stamp: string, clock: SyslogClock): SyslogTime | null {
  if (!isDigit(stamp.charCodeAt(0))) return parseBsdTime(stamp, clock);
  return stamp.charCodeAt(4) === 32 ? parseYearFirstTime(stamp, clock) : parseIsoTime(stamp, clock);
}

const tagPattern = /^([^\s:[\](){}]+(?:\([a-z_]+\))?)(?:\[(\d{1,10})\])?: ?/;

function parseHostAndTag(text: string, time: SyslogTime): SyslogFrame {
  // Two blanks after the stamp: the host is missing.
  if (text.startsWith('  ')) return parseTag(text.slice(2), time, null);
  const rest = text.slice(1);
  const end = rest.indexOf(' ');
  if (end < 0) return parseTag(rest, time, null);
  const host = rest.slice(0, end);
  // A first word that is a whole tag means that the host is missing; an IPv6 host never ends in a single colon.
  if (host.endsWith(':') && tagPattern.test(`${host} `)) return parseTag(rest, time, null);
  return parseTag(rest.slice(end + 1), time, host);
}

/** Reads `tag[pid]: message` by hand: this runs for every line of the log. */
function parseTag(text: string, time: SyslogTime | null, host: string | null): SyslogFrame {
  let at = 0;
  let slash = -1;
  let open = -1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 47) slash = at;
    else if (code === 58 || code === 91 || code === 32) break;
    else if (code === 40) open = at;
  }
  if (at === 0) return parseBracketTag(text, time, host);
  const nameEnd = open > 0 && text.charCodeAt(at - 1) === 41 ? open : at;
  const pamService = nameEnd === at || !text.startsWith('(pam_', open) ? null : text.slice(slash + 1, open);
  const program = text.slice(slash + 1, nameEnd);
  let pid: number | null = null;
  if (text.charCodeAt(at) === 91) {
    const close = text.indexOf(']', at);
    const number = close < 0 ? '' : text.slice(at + 1, close);
    if (close < 0 || !/^\d{1,10}$/.test(number))
      return { time, host, program: '', pid, pamService: null, message: text };
    pid = Number(number);
    at = close + 1;
  }
  // A colon ends a tag; old syslogs leave it out behind a pid.
  if (text.charCodeAt(at) === 58) at++;
  else if (pid === null) return { time, host, program: '', pid, pamService: null, message: text };
  if (text.charCodeAt(at) === 32) at++;
  return { time, host, program, pid, pamService, message: withoutMessageId(text.slice(at)) };
}

/** `[sshd] message`, without a colon. */
function parseBracketTag(text: string, time: SyslogTime | null, host: string | null): SyslogFrame {
  const match = /^\[([A-Za-z][\w.-]*)\]:? /.exec(text);
  if (match === null) return { time, host, program: '', pid: null, pamService: null, message: text };
  return { time, host, program: match[1] ?? '', pid: null, pamService: null, message: text.slice(match[0].length) };
}

/** Takes off Solaris' `[ID 800047 auth.info] `. */
function withoutMessageId(message: string): string {
  return message.startsWith('[ID ') ? message.replace(/^\[ID \d+ [a-z0-9.]+\] /, '') : message;
}

/** `1 TIME HOST APP PROCID MSGID SD MESSAGE`, the version already seen. */
function parseRfc5424(text: string, clock: SyslogClock): SyslogFrame {
  const head = /^1 (\S+) (\S+) (\S+) (\S+) (\S+) /.exec(text);
  if (head === null) return { time: null, host: null, program: '', pid: null, pamService: null, message: text };
  let at = head[0].length;
  if (text.charCodeAt(at) === 45) at++;
  else while (text.charCodeAt(at) === 91) at = elementEnd(text, at);
  if (text.charCodeAt(at) === 32) at++;
  if (text.charCodeAt(at) === 0xfeff) at++;
  const [, stamp = '-', host = '-', app = '-', procid = '-'] = head;
  return {
    time: stamp === '-' ? null : parseIsoTime(stamp, clock),
    host: host === '-' ? null : host,
    program: app === '-' ? '' : app.slice(app.lastIndexOf('/') + 1),
    pid: /^\d{1,10}$/.test(procid) ? Number(procid) : null,
    pamService: null,
    message: text.slice(at),
  };
}

/** The index behind the structured-data element that opens at `open`. */
function elementEnd(text: string, open: number): number {
  let isQuoted = false;
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isQuoted && code === 92) at++;
    else if (code === 34) isQuoted = !isQuoted;
    else if (code === 93 && !isQuoted) return at + 1;
  }
  return text.length;
}
