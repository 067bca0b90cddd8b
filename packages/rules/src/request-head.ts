// The guard's first wall: bytes of an HTTP/1.1 request head in, one reading of it or a refusal out.
// Invariant: whatever is accepted here means the same to every HTTP/1.1 parser; what two parsers could read
// differently is refused. Nothing is repaired. Pure, one pass, no regular expression over input.
import { decodeLatin1, HeadLines, type Latin1Decoder } from './head-lines.ts';
import { type HeadRefusal, maxTargetBytes, refuseHead as refuse } from './head-refusal.ts';
import { type HeaderField, isToken, parseContentLength } from './header-field.ts';

/** The methods of the engine's route table. No other is forwarded, and lower case is another. */
export type RequestMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

/** The protocols a Docker client may ask to switch to. */
export type UpgradeProtocol = 'tcp' | 'h2c' | 'websocket';

/** A request head that has exactly one reading. */
export interface RequestHead {
  readonly kind: 'head';
  readonly method: RequestMethod;
  /** Origin form, beginning with `/`, still percent-encoded; an absolute form has lost its scheme and authority. */
  readonly target: string;
  /** In the order sent. */
  readonly headers: readonly HeaderField[];
  /** How the body is framed. `none`: there is no body. */
  readonly framing: 'none' | 'length' | 'chunked';
  /** Bytes of the body when framing is `length`, else 0. */
  readonly contentLength: number;
  /** Length of the head, closing empty line included: the body begins at `start + headBytes`. */
  readonly headBytes: number;
  readonly host: string;
  readonly contentType: string | undefined;
  /** What the client wants to switch to. Tunnel only after the engine agreed. */
  readonly upgrade: UpgradeProtocol | undefined;
  readonly wantsUpgrade: boolean;
  /** The client closes after this exchange. */
  readonly connectionClose: boolean;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectContinue: boolean;
}

/** Too few bytes yet. Pass `scannedTo` as `scanFrom` when more have arrived behind the same ones. */
export interface IncompleteHead {
  readonly kind: 'incomplete';
  readonly scannedTo: number;
}

// Printable ASCII without space. What a path or query may hold of it is the canonical target's business.
const targetByte = new Uint8Array(256);
for (let byte = 0x21; byte < 0x7f; byte++) targetByte[byte] = 1;

// The characters Go's HTTP server lets pass in Host. Percent signs: clients that send the encoded socket path.
const hostByte = new Uint8Array(256);
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:[]%") {
  hostByte[character.charCodeAt(0)] = 1;
}

const lines = new HeadLines();

/** True for the methods of the engine's route table, upper case only. */
export function isRequestMethod(method: string): method is RequestMethod {
  return /^(GET|HEAD|POST|PUT|DELETE|OPTIONS)$/.test(method);
}

/** The method in `bytes[at, end)`, which ends before a space; undefined when the table does not have it. */
function readMethod(bytes: Uint8Array, at: number, end: number): RequestMethod | undefined {
  const word = (text: string): boolean => {
    if (end - at !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
    return true;
  };
  switch (bytes[at]) {
    case 0x47:
      return word('GET') ? 'GET' : undefined;
    case 0x50:
      return word('POST') ? 'POST' : word('PUT') ? 'PUT' : undefined;
    case 0x44:
      return word('DELETE') ? 'DELETE' : undefined;
    case 0x48:
      return word('HEAD') ? 'HEAD' : undefined;
    case 0x4f:
      return word('OPTIONS') ? 'OPTIONS' : undefined;
    default:
      return undefined;
  }
}

/** True when `text[at, end)` reads "HTTP/1.1". */
function isVersion11(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at === 8 &&
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e &&
    bytes[at + 7] === 0x31
  );
}

/**
 * The origin form of a target in origin or absolute form, undefined for any other: for callers that get the target
 * without a head, as an authorization plugin does.
 */
export function toOriginForm(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const scheme = /^https?:\/\//i.exec(target.slice(0, 8));
  if (scheme === null) return undefined;
  const authorityStart = scheme[0].length;
  const path = target.indexOf('/', authorityStart);
  if (path <= authorityStart) return undefined;
  for (let at = authorityStart; at < path; at++) if (hostByte[target.charCodeAt(at)] === 0) return undefined;
  return target.slice(path);
}

const connectionClose = 1;
const connectionKeepAlive = 2;
const connectionUpgrade = 4;
const connectionHttp2Settings = 8;

/** The options of a Connection field as bits; 0 when it holds an unknown, empty, repeated or contradicting one. */
function readConnection(value: string): number {
  if (value === 'Upgrade') return connectionUpgrade;
  if (value === 'close') return connectionClose;
  if (value === 'keep-alive') return connectionKeepAlive;
  let bits = 0;
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase();
    const bit =
      option === 'close'
        ? connectionClose
        : option === 'keep-alive'
          ? connectionKeepAlive
          : option === 'upgrade'
            ? connectionUpgrade
            : option === 'http2-settings'
              ? connectionHttp2Settings
              : 0;
    if (bit === 0 || (bits & bit) !== 0) return 0;
    bits |= bit;
  }
  if ((bits & connectionHttp2Settings) !== 0 && (bits & connectionUpgrade) === 0) return 0;
  return (bits & connectionClose) !== 0 && bits !== connectionClose ? 0 : bits;
}

/** Undefined: an offer that is dropped and never becomes a tunnel, as `TLS/1.2`, which some clients send with each call. */
function readUpgrade(value: string): UpgradeProtocol | undefined {
  const protocol = value.toLowerCase();
  return protocol === 'tcp' || protocol === 'h2c' || protocol === 'websocket' ? protocol : undefined;
}

/**
 * Reads the request head at the beginning of `bytes[start, end)`. Never throws. Bytes behind the head are not looked
 * at. `scanFrom` is `start`, or the `scannedTo` of the last answer for the same beginning; `decode` may be the
 * runtime's native Latin-1 decoder.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  scanFrom: number = start,
  decode: Latin1Decoder = decodeLatin1,
): RequestHead | IncompleteHead | HeadRefusal {
  const scan = lines.scan(bytes, start, end, scanFrom);
  if (scan !== 'complete') {
    if (scan === 'incomplete') return { kind: 'incomplete', scannedTo: lines.scannedTo };
    return refuse(scan === 'too-large' ? 'incomplete-at-limit' : scan);
  }
  const { ends, colons, headEnd, count } = lines;

  const lineEnd = ends[0]!;
  let methodEnd = start;
  while (methodEnd < lineEnd && bytes[methodEnd] !== 0x20) methodEnd++;
  const method = readMethod(bytes, start, methodEnd);
  if (method === undefined) {
    if (!isToken(bytes, start, methodEnd)) return refuse('request-line');
    return refuse(decode(bytes, start, lineEnd) === 'PRI * HTTP/2.0' ? 'http2-preface' : 'method');
  }
  const targetStart = methodEnd + 1;
  let targetEnd = targetStart;
  while (targetEnd < lineEnd && targetByte[bytes[targetEnd]!] === 1) targetEnd++;
  if (targetEnd === targetStart || targetEnd === lineEnd) return refuse('request-line');
  if (bytes[targetEnd] !== 0x20) return refuse('target-character');
  if (!isVersion11(bytes, targetEnd + 1, lineEnd)) {
    return refuse(/^HTTP\/\d\.\d$/.test(decode(bytes, targetEnd + 1, lineEnd)) ? 'version' : 'request-line');
  }
  if (targetEnd - targetStart > maxTargetBytes) return refuse('target-too-long');

  const text = decode(bytes, start, headEnd);
  let target = text.slice(targetStart - start, targetEnd - start);
  if (bytes[targetStart] !== 0x2f) {
    const origin = toOriginForm(target);
    if (origin === undefined) return refuse('target-form');
    target = origin;
  }

  const headers: HeaderField[] = [];
  let host: string | undefined;
  let contentType: string | undefined;
  let contentLength = -1;
  let isChunked = false;
  let connection = 0;
  let upgrade: UpgradeProtocol | undefined;
  let offersUpgrade = false;
  let hasHttp2Settings = false;
  let expectContinue = false;
  let seenRegistryAuth = 0;

  for (let line = 1; line < count; line++) {
    const from = ends[line - 1]! + 2;
    const to = ends[line]!;
    const colon = colons[line]!;
    const first = bytes[from];
    if (first === 0x20 || first === 0x09) return refuse('folded-field');
    if (colon < 0 || !isToken(bytes, from, colon)) return refuse('field-name');
    let valueStart = colon + 1;
    let valueEnd = to;
    while (valueStart < valueEnd && (bytes[valueStart] === 0x20 || bytes[valueStart] === 0x09)) valueStart++;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === 0x20 || bytes[valueEnd - 1] === 0x09)) valueEnd--;
    const name = text.slice(from - start, colon - start);
    const lowerName = name.toLowerCase();
    const value = text.slice(valueStart - start, valueEnd - start);

    switch (colon - from) {
      case 4:
        if (lowerName === 'host') {
          if (host !== undefined) return refuse('field-twice');
          for (let at = valueStart; at < valueEnd; at++) {
            if (hostByte[bytes[at]!] === 0) return refuse('host-invalid');
          }
          host = value;
        }
        break;
      case 6:
        if (lowerName === 'expect') {
          if (expectContinue) return refuse('field-twice');
          if (value.toLowerCase() !== '100-continue') return refuse('expectation');
          expectContinue = true;
        }
        break;
      case 7:
        if (lowerName === 'upgrade') {
          if (offersUpgrade) return refuse('field-twice');
          offersUpgrade = true;
          upgrade = readUpgrade(value);
        } else if (lowerName === 'trailer') {
          return refuse('trailer-field');
        }
        break;
      case 10:
        if (lowerName === 'connection') {
          if (connection !== 0) return refuse('field-twice');
          connection = readConnection(value);
          if (connection === 0) return refuse('connection-option');
        }
        break;
      case 12:
        if (lowerName === 'content-type') {
          if (contentType !== undefined) return refuse('field-twice');
          contentType = value;
        }
        break;
      case 14:
        if (lowerName === 'http2-settings') hasHttp2Settings = true;
        else if (lowerName === 'content-length') {
          if (contentLength >= 0) return refuse('field-twice');
          contentLength = parseContentLength(value);
          if (contentLength < 0) return refuse('content-length');
        }
        break;
      case 15:
        if (lowerName === 'x-registry-auth') {
          if ((seenRegistryAuth & 1) !== 0) return refuse('field-twice');
          seenRegistryAuth |= 1;
        }
        break;
      case 17:
        if (lowerName === 'transfer-encoding') {
          if (isChunked) return refuse('field-twice');
          if (value !== 'chunked') return refuse('transfer-encoding');
          isChunked = true;
        } else if (lowerName === 'x-registry-config') {
          if ((seenRegistryAuth & 2) !== 0) return refuse('field-twice');
          seenRegistryAuth |= 2;
        }
        break;
      default:
        break;
    }
    headers.push({ name, lowerName, value });
  }

  if (host === undefined) return refuse('host-missing');
  if (isChunked && contentLength >= 0) return refuse('two-framings');
  if (offersUpgrade !== ((connection & connectionUpgrade) !== 0)) return refuse('connection-upgrade');
  // An offer of HTTP/2 for the whole connection, as Java's client makes it. BuildKit's tunnels carry no settings.
  if (hasHttp2Settings || (connection & connectionHttp2Settings) !== 0) upgrade = undefined;

  return {
    kind: 'head',
    method,
    target,
    headers,
    framing: isChunked ? 'chunked' : contentLength >= 0 ? 'length' : 'none',
    contentLength: contentLength > 0 ? contentLength : 0,
    headBytes: headEnd - start,
    host,
    contentType,
    upgrade,
    wantsUpgrade: upgrade !== undefined,
    connectionClose: (connection & connectionClose) !== 0,
    expectContinue,
  };
}
