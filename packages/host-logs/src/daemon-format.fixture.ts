// How the daemons write their lines, for property tests: sshd's vis encoding, name limits, double encoding of relayed
// lines and the cut at 500 bytes; sudo's quoting, escapes and cut into continuation lines. Test material only.

/** Bytes as a string of one character for each byte. */
export type Bytes = string;

const cStyle: Readonly<Record<number, string>> = { 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r' };

/** strnvis(…, VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_OCTAL). */
function visEncode(bytes: Bytes): string {
  let out = '';
  for (let k = 0; k < bytes.length; k++) {
    const code = bytes.charCodeAt(k);
    const known = cStyle[code];
    if (code === 92) out += '\\\\';
    else if (code >= 32 && code < 127) out += bytes[k];
    else if (known !== undefined) out += `\\${known}`;
    else out += `\\${code.toString(8).padStart(3, '0')}`;
  }
  return out;
}

/** What sshd keeps of a login name: up to a NUL, cut at the first colon. */
export function sshdName(name: Bytes): Bytes {
  return (name.split('\0')[0] ?? '').split(':')[0] ?? '';
}

/** A message as it reaches syslog. */
export function sshdMessage(text: Bytes, stage: 'relayed' | 'own'): string {
  const once = visEncode(text).slice(0, 1023);
  const whole = stage === 'relayed' ? visEncode(`${once} [preauth]`).slice(0, 1023) : once;
  return whole.slice(0, 500);
}

/** Control characters as sudo escapes them. */
export function sudoEscape(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, (c) => `#${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** One argument as sudo 1.9 writes it. */
export function sudoArgument(word: string): string {
  const escaped = sudoEscape(word).replace(/[\\']/g, '\\$&');
  return escaped.includes(' ') ? `'${escaped}'` : escaped;
}

/** What a sudo call is. */
export type SudoCall = {
  readonly user: string;
  readonly tty: string | null;
  readonly cwd: string;
  readonly runAs: string;
  readonly env: readonly string[];
  readonly argv: readonly string[];
  readonly reason: string | null;
};

/** The message of a call, before it is cut. */
export function sudoMessage(call: SudoCall): string {
  const fields = [
    ...(call.reason === null ? [] : [call.reason]),
    ...(call.tty === null ? [] : [`TTY=${call.tty}`]),
    `PWD=${sudoEscape(call.cwd)}`,
    `USER=${call.runAs}`,
    ...(call.env.length === 0 ? [] : [`ENV=${call.env.map(sudoEscape).join(' ')}`]),
    `COMMAND=${call.argv.map((word, k) => (k === 0 ? word : sudoArgument(word))).join(' ')}`,
  ];
  return `${call.user.padStart(8)} : ${fields.join(' ; ')}`;
}

/** Cuts a message at blanks so that each line holds at most 980 bytes, as sudo does. */
export function sudoLines(message: string): string[] {
  const [head = '', ...rest] = message.split(' : ');
  const body = rest.join(' : ');
  const lines: string[] = [];
  let text = body;
  let prefix = `${head} : `;
  const limit = 960;
  while (prefix.length + text.length > limit) {
    const room = limit - prefix.length;
    const blank = text.lastIndexOf(' ', room);
    const cut = blank > 0 ? blank : room;
    lines.push(prefix + text.slice(0, cut));
    text = text.slice(blank > 0 ? cut + 1 : cut);
    prefix = `${head} : (command continued) `;
  }
  lines.push(prefix + text);
  return lines;
}
