// The grammar of sshd's messages, 7.x to 10.x. A login name may hold any text but ':' (sshd cuts it there), so heads end
// at the first ": " and are read from the right; what stands left of a fixed word is only ever taken as a name.
// Messages of 500 bytes and more were cut by sshd: nothing at their end is believed.
import { utf8Length } from './bytes.ts';
import { createHostLogResult, type HostLogKind, type HostLogPeer, type HostLogResult } from './host-log-result.ts';
import { isIpAddress, toBracketedPeer, toPeer, toPeerWithPort } from './peer-address.ts';
import { decodeVis } from './vis.ts';

/** sshd passes at most this many bytes of a message to syslog. */
const messageLimitBytes = 500;
const preauthSuffix = ' [preauth]';

/** The facts of one message that all its readers need. */
type Message = { readonly text: string; readonly raw: string; readonly depth: 1 | 2; readonly isTruncated: boolean };

/** True when sshd may have cut `message`. */
export function isCutBySshd(message: string): boolean {
  if (message.length >= messageLimitBytes) return true;
  return message.length * 3 >= messageLimitBytes && utf8Length(message) >= messageLimitBytes;
}

/** Parses what follows sshd's tag. Null for messages that say nothing about access. */
export function parseSshdMessage(raw: string): HostLogResult | null {
  const isTruncated = isCutBySshd(raw);
  const isPreauth = raw.endsWith(preauthSuffix);
  let text = isPreauth && !isTruncated ? raw.slice(0, -preauthSuffix.length) : raw;
  if (text.startsWith('error: ') || text.startsWith('fatal: ')) text = text.slice(7);
  return read({ text, raw, depth: isPreauth ? 2 : 1, isTruncated });
}

function read(message: Message): HostLogResult | null {
  const { text } = message;
  switch (text.charCodeAt(0)) {
    case 65: // A
      if (text.startsWith('Accepted key ') || text.startsWith('Accepted certificate ')) return keyAccepted(message);
      return text.startsWith('Accepted ') ? attempt(message, 'login', 9) : authentication(message);
    case 66: // B
      return text.startsWith('Bad protocol version identification ') ? fromTail(message, 'protocol_error') : null;
    case 67: // C
      return connection(message);
    case 68: // D
      if (text.startsWith('Disconnected from ')) return connectionId(message, 'disconnect', 18, text.length);
      if (text.startsWith('Disconnecting')) return disconnecting(message);
      return text.startsWith('Did not receive identification string from ')
        ? fromTail(message, 'protocol_error')
        : null;
    case 70: // F
      return text.startsWith('Failed ') ? attempt(message, 'login_failed', 7) : null;
    case 73: // I
      return text.startsWith('Invalid user ') ? invalidUser(message) : null;
    case 80: // P
      if (text.startsWith('Postponed ')) return attempt(message, 'login_postponed', 10);
      return text.startsWith('Partial ') ? attempt(message, 'login_partial', 8) : null;
    case 82: // R
      if (text.startsWith('Received disconnect from ')) return receivedDisconnect(message);
      return text.startsWith('ROOT LOGIN REFUSED FROM ') ? rootRefused(message) : null;
    case 83: // S
      return text.startsWith('Starting session: ') ? startingSession(message) : null;
    case 84: // T
      return text.startsWith('Timeout before authentication for ') ? timeout(message) : null;
    case 85: // U
      if (text.startsWith('User ')) return user(message);
      return text.startsWith('Unable to negotiate with ') ? headedConnection(message, 25) : null;
    default:
      return lowerCase(message);
  }
}

function lowerCase(message: Message): HostLogResult | null {
  const { text } = message;
  if (text.startsWith('maximum authentication attempts exceeded for ')) return tooManyAttempts(message);
  if (text.startsWith('drop connection #')) return dropped(message);
  if (text.startsWith('banner exchange: Connection from ')) return headedConnection(message, 33);
  if (text.startsWith('ssh_dispatch_run_fatal: Connection from ')) return headedConnection(message, 40);
  if (text.startsWith('srclimit_penalise: ')) return penalty(message);
  if (text === 'beginning MaxStartups throttling') return start(message, 'throttling');
  if (text.startsWith('exited MaxStartups throttling')) return start(message, 'throttling');
  if (text.startsWith('kex_exchange_identification: ') || text.startsWith('kex_protocol_error: ')) {
    const result = start(message, 'protocol_error');
    result.reason = text.slice(text.indexOf(': ') + 2);
    return result;
  }
  return null;
}

function start(message: Message, kind: HostLogKind): HostLogResult {
  const result = createHostLogResult(kind, 'sshd', message.raw);
  result.isTruncated = message.isTruncated;
  return result;
}

function setPeer(result: HostLogResult, peer: HostLogPeer | null): void {
  result.peer = peer;
  result.peerSource = peer === null ? null : 'line';
}

function setUser(result: HostLogResult, message: Message, name: string): void {
  result.user = decodeVis(name, message.depth);
}

/** Where the head ends: at the first ": ", or at the end. */
function headEnd(text: string, from: number): number {
  let at = text.indexOf(': ', from);
  // An IPv6 address may end in "::", as in "2001:db8:: port 22"; a name never holds a colon.
  while (at >= 0 && text.startsWith(': port ', at)) at = text.indexOf(': ', at + 1);
  return at < 0 ? text.length : at;
}

/** Reads `NAME from PEER`, the peer at the right. False when it does not end in a peer's form. */
function nameFromPeer(result: HostLogResult, message: Message, text: string, isPortRequired: boolean): boolean {
  const at = text.lastIndexOf(' from ');
  if (at < 0) return false;
  const place = text.slice(at + 6);
  const peer = isPortRequired ? toPeerWithPort(place) : toPeer(place);
  // A host name or UNKNOWN stands here when sshd could not tell the address: a name without a peer, still a result.
  if (peer === null && !/^\S+( port \d+)?$/.test(place)) return false;
  setPeer(result, peer);
  setUser(result, message, text.slice(0, at));
  return true;
}

/** `METHOD for [invalid user ]NAME from PEER ssh2[: EXTRA]` */
function attempt(message: Message, kind: HostLogKind, from: number): HostLogResult | null {
  const { text } = message;
  const result = start(message, kind);
  const methodEnd = text.indexOf(' for ', from);
  const method = methodEnd < 0 ? '' : text.slice(from, methodEnd);
  if (method === '' || method.includes(' ')) return null;
  result.method = method;
  let nameStart = methodEnd + 5;
  if (text.startsWith('invalid user ', nameStart)) {
    result.invalidUser = true;
    nameStart += 13;
  }
  if (message.isTruncated) return result;
  const end = headEnd(text, nameStart);
  const protocolAt = text.lastIndexOf(' ssh', end);
  const protocol = text.slice(protocolAt, end);
  if (protocolAt < nameStart || (protocol !== ' ssh2' && protocol !== ' ssh1')) return null;
  if (!nameFromPeer(result, message, text.slice(nameStart, protocolAt), true)) return null;
  if (end < text.length) extra(result, text.slice(end + 2), message.depth);
  return result;
}

const keyPattern =
  /^([A-Za-z0-9@.-]+) ((?:SHA256|SHA512|SHA1):[A-Za-z0-9+/=]+|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15})/;

/** `TYPE FP`, `TYPE-CERT FP ID keyid (serial N) CA TYPE FP`, and hostbased's `, client user "U", client host "H"`. */
function extra(result: HostLogResult, text: string, depth: 1 | 2): void {
  const key = keyPattern.exec(text);
  if (key === null) return;
  result.keyType = key[1] ?? null;
  result.keyFingerprint = key[2] ?? null;
  const rest = text.slice(key[0].length);
  if (!rest.startsWith(' ID ')) return;
  // The key id is the authority's text and may look like all that follows it: the last serial is the real one.
  const serialAt = rest.lastIndexOf(' (serial ');
  const tail = /^ \(serial (\d+)\) CA (\S+) (\S+?)(?:, client .*)?$/.exec(rest.slice(serialAt));
  if (serialAt < 4 || tail === null) return;
  result.certificateId = decodeVis(rest.slice(4, serialAt), depth);
  result.certificateSerial = tail[1] ?? null;
  result.certificateAuthority = tail[3] ?? null;
}

function keyAccepted(message: Message): HostLogResult | null {
  const result = start(message, 'key_accepted');
  const key = /^Accepted key (\S+) (\S+) found at /.exec(message.text);
  if (key !== null) {
    result.keyType = key[1] ?? null;
    result.keyFingerprint = key[2] ?? null;
    return result;
  }
  const open = 'Accepted certificate ID "';
  const serialAt = message.text.lastIndexOf('" (serial ');
  if (!message.text.startsWith(open) || serialAt < open.length || message.isTruncated) return null;
  result.certificateId = decodeVis(message.text.slice(open.length, serialAt), message.depth);
  result.certificateSerial = /^\d+/.exec(message.text.slice(serialAt + 10))?.[0] ?? null;
  return result;
}

function authentication(message: Message): HostLogResult | null {
  if (!message.text.startsWith('Authentication refused: ')) return null;
  const result = start(message, 'key_refused');
  result.reason = message.text.slice(24);
  return result;
}

function fromTail(message: Message, kind: HostLogKind): HostLogResult | null {
  const result = start(message, kind);
  if (message.isTruncated) return result;
  const at = message.text.lastIndexOf(' from ');
  setPeer(result, at < 0 ? null : toPeer(message.text.slice(at + 6)));
  return result;
}

function connection(message: Message): HostLogResult | null {
  const { text } = message;
  if (text.startsWith('Connection closed by ')) return connectionId(message, 'disconnect', 21, text.length);
  if (text.startsWith('Connection reset by ')) return connectionId(message, 'disconnect', 20, text.length);
  if (text.startsWith('Connection from ')) {
    const result = start(message, 'connection_open');
    const on = text.indexOf(' on ');
    setPeer(result, toPeerWithPort(text.slice(16, on < 0 ? text.length : on)));
    return result;
  }
  if (text.startsWith('Close session: user ')) {
    const result = start(message, 'session_close');
    return withSessionId(result, message, text.slice(20));
  }
  if (text.startsWith('Certificate invalid: ')) {
    const result = start(message, 'key_refused');
    result.reason = text.slice(21);
    return result;
  }
  return null;
}

const userPrefixes = ['invalid user ', 'authenticating user ', 'user '] as const;

/** `[invalid user |authenticating user |user NAME ]IP port N` between `from` and `end`. */
function connectionId(message: Message, kind: HostLogKind, from: number, end: number): HostLogResult | null {
  const { text } = message;
  const result = start(message, kind);
  const prefix = userPrefixes.find((candidate) => text.startsWith(candidate, from));
  if (prefix === 'invalid user ') result.invalidUser = true;
  if (prefix === undefined) {
    const peer = toPeer(text.slice(from, end));
    if (peer === null && !/^\S+( port \d+)?$/.test(text.slice(from, end))) return null;
    setPeer(result, peer);
    return result;
  }
  if (message.isTruncated && end === text.length) return result;
  const nameStart = from + prefix.length;
  const portAt = text.lastIndexOf(' port ', end);
  const blank = text.lastIndexOf(' ', portAt - 1);
  // An empty name leaves two blanks: the one after the prefix is not part of what is cut here.
  if (portAt < nameStart || blank < nameStart - 1) return null;
  setPeer(result, toPeerWithPort(text.slice(blank + 1, end)));
  setUser(result, message, text.slice(nameStart, Math.max(nameStart, blank)));
  return result;
}

function disconnecting(message: Message): HostLogResult | null {
  const { text } = message;
  const end = headEnd(text, 0);
  const result = end <= 13 ? start(message, 'disconnect') : connectionId(message, 'disconnect', 14, end);
  if (result !== null && end < text.length) result.reason = text.slice(end + 2);
  return result;
}

/** `PREFIX [user NAME ]IP port N: TEXT`, where only TEXT is the peer's. */
function headedConnection(message: Message, from: number): HostLogResult | null {
  const end = headEnd(message.text, from);
  const result = connectionId(message, 'protocol_error', from, end);
  if (result !== null && end < message.text.length) result.reason = message.text.slice(end + 2);
  return result;
}

function invalidUser(message: Message): HostLogResult | null {
  const result = start(message, 'invalid_user');
  result.invalidUser = true;
  if (message.isTruncated) return result;
  return nameFromPeer(result, message, message.text.slice(13), false) ? result : null;
}

function receivedDisconnect(message: Message): HostLogResult | null {
  const current = /^Received disconnect from (\S+ port \d+):(\d+):(?: (.*))?$/s.exec(message.text);
  // Before 7.4 there was no port, and a blank before the code.
  const match = current ?? /^Received disconnect from (\S+): (\d+):(?: (.*))?$/s.exec(message.text);
  if (match === null) return null;
  const result = start(message, 'disconnect');
  setPeer(result, toPeer(match[1] ?? ''));
  result.detail = match[2] ?? null;
  result.reason = decodeVis(match[3] ?? '', message.depth);
  return result;
}

function rootRefused(message: Message): HostLogResult {
  const result = start(message, 'login_refused');
  result.user = 'root';
  setPeer(result, message.isTruncated ? null : toPeer(message.text.slice(24)));
  return result;
}

/** `TYPE[ on TTY] for NAME from IP port N id K` */
function startingSession(message: Message): HostLogResult | null {
  const { text } = message;
  const result = start(message, 'session_open');
  if (message.isTruncated) return result;
  // The name is a system account here, but the forced command before it is free text: split from the right.
  const from = text.lastIndexOf(' from ');
  const forAt = text.lastIndexOf(' for ', from - 1);
  if (from < 0 || forAt < 18) return null;
  if (withSessionId(result, message, text.slice(forAt + 5)) === null) return null;
  const what = text.slice(18, forAt);
  const on = /^(.*) on ((?:pts\/|tty)[A-Za-z0-9/]+)$/s.exec(what);
  result.detail = on?.[1] ?? what;
  result.tty = on?.[2] ?? null;
  return result;
}

/** `NAME from IP port N id K` */
function withSessionId(result: HostLogResult, message: Message, text: string): HostLogResult | null {
  if (message.isTruncated) return result;
  const id = / id (\d+)$/.exec(text);
  const end = id === null ? text.length : id.index;
  result.session = id?.[1] ?? null;
  return nameFromPeer(result, message, text.slice(0, end), true) ? result : null;
}

function timeout(message: Message): HostLogResult | null {
  const result = start(message, 'login_timeout');
  const place = message.text.slice(34);
  const since98 = /^connection from (\S+) to \S+, pid = (\d+)$/.exec(place);
  if (since98 === null) setPeer(result, toPeer(place));
  else {
    const address = since98[1] ?? '';
    if (isIpAddress(address)) setPeer(result, { address, port: null });
    result.childPid = Number(since98[2]);
  }
  return result;
}

const refusals =
  /^(?:not allowed because (?:not listed in AllowUsers|listed in DenyUsers|none of user's groups are listed in AllowGroups|a group is listed in DenyGroups|not in any group|account is locked)|not allowed because shell \S+ (?:does not exist|is not executable))$/;

function user(message: Message): HostLogResult | null {
  const { text } = message;
  const child = /^User child is on pid (\d+)$/.exec(text);
  if (child !== null) {
    const result = start(message, 'child_started');
    result.childPid = Number(child[1]);
    return result;
  }
  if (message.isTruncated) return null;
  const at = text.lastIndexOf(' not allowed because ');
  if (at < 5 || !refusals.test(text.slice(at + 1))) return null;
  const result = start(message, 'login_refused');
  result.invalidUser = true;
  result.reason = text.slice(at + 21);
  const head = text.slice(5, at);
  // The list refusals name the host, the account refusals do not.
  const isAboutAccount = result.reason.startsWith('shell ') || result.reason === 'account is locked';
  if (isAboutAccount || !nameFromPeer(result, message, head, false)) setUser(result, message, head);
  return result;
}

function tooManyAttempts(message: Message): HostLogResult | null {
  const result = start(message, 'too_many_attempts');
  let from = 45;
  if (message.text.startsWith('invalid user ', from)) {
    result.invalidUser = true;
    from += 13;
  }
  if (message.isTruncated) return result;
  if (!message.text.endsWith(' ssh2')) return null;
  return nameFromPeer(result, message, message.text.slice(from, -5), true) ? result : null;
}

function dropped(message: Message): HostLogResult | null {
  const match = /^drop connection #\d+ from (\S+) on \S+ (.*)$/s.exec(message.text);
  if (match === null) return null;
  const result = start(message, 'connection_dropped');
  setPeer(result, toBracketedPeer(match[1] ?? ''));
  result.reason = match[2] ?? null;
  return result;
}

function penalty(message: Message): HostLogResult | null {
  const match = /^srclimit_penalise: (?:ipv[46]: )?(\S+?)\/(\d+): (.*)$/s.exec(message.text);
  if (match === null) return null;
  const result = start(message, 'penalty');
  const address = match[1] ?? '';
  const isOneHost = match[2] === (address.includes(':') ? '128' : '32');
  if (isOneHost && isIpAddress(address)) setPeer(result, { address, port: null });
  result.reason = match[3] ?? null;
  return result;
}
