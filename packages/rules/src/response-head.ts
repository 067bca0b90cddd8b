// Reads the engine's response heads: bytes in, one reading or `malformed` out.
// Invariant: the framing answered is RFC 9112's for this status and request method. The engine is Go's HTTP server plus
// moby's hand-written 101/200 of hijacked streams, so anything irregular means a broken engine, not another dialect.
import { decodeLatin1, HeadLines, type Latin1Decoder } from './head-lines.ts';
import { type HeaderField, isToken, parseContentLength } from './header-field.ts';
import type { IncompleteHead } from './request-head.ts';

/** A response head of the engine. */
export interface ResponseHead {
  readonly kind: 'head';
  readonly status: number;
  /** The words behind the status, may be empty. */
  readonly statusText: string;
  readonly headers: readonly HeaderField[];
  /** `until-close`: the body ends when the engine closes, as with raw streams. */
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close';
  /** Bytes of the body when framing is `length`, else 0. */
  readonly contentLength: number;
  readonly headBytes: number;
  readonly contentType: string | undefined;
  /** Another head follows on the same request (1xx, but for 101). */
  readonly isInterim: boolean;
  /** The engine agreed to switch protocols: bytes from here on belong to the tunnel. */
  readonly isSwitch: boolean;
  /** 200 with Docker's raw or multiplexed stream type and no length: a tunnel when the route is one that hijacks. */
  readonly isRawStream: boolean;
  /** The engine closes after this response. */
  readonly connectionClose: boolean;
}

/** The engine sent something that is no HTTP/1.1 response head. */
export interface MalformedResponse {
  readonly kind: 'malformed';
  readonly reason: string;
}

const lines = new HeadLines();

function malformed(reason: string): MalformedResponse {
  return { kind: 'malformed', reason };
}

/**
 * Reads the response head at the beginning of `bytes[start, end)`. `requestMethod` is needed since HEAD has no body.
 * Never throws. For `scanFrom` and `decode` see `parseRequestHead`.
 */
export function parseResponseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  requestMethod: string,
  scanFrom: number = start,
  decode: Latin1Decoder = decodeLatin1,
): ResponseHead | IncompleteHead | MalformedResponse {
  const scan = lines.scan(bytes, start, end, scanFrom);
  if (scan === 'incomplete') return { kind: 'incomplete', scannedTo: lines.scannedTo };
  if (scan !== 'complete') return malformed(`response head: ${scan}`);
  const { ends, colons, headEnd, count } = lines;
  const text = decode(bytes, start, headEnd);

  const statusEnd = ends[0]! - start;
  const is11 = text.startsWith('HTTP/1.1 ');
  if (!is11 && !text.startsWith('HTTP/1.0 ')) return malformed('status line: not HTTP/1.1');
  const status = parseContentLength(text.slice(9, 12));
  if (status < 100 || statusEnd < 12 || (statusEnd > 12 && text.charCodeAt(12) !== 0x20)) {
    return malformed('status line: no three-digit status');
  }

  const headers: HeaderField[] = [];
  let contentLength = -1;
  let isChunked = false;
  let contentType: string | undefined;
  let connection = '';
  for (let line = 1; line < count; line++) {
    const from = ends[line - 1]! + 2;
    const colon = colons[line]!;
    if (colon < 0 || !isToken(bytes, from, colon)) return malformed('header line without a field name');
    let valueStart = colon + 1;
    let valueEnd = ends[line]!;
    while (valueStart < valueEnd && (bytes[valueStart] === 0x20 || bytes[valueStart] === 0x09)) valueStart++;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === 0x20 || bytes[valueEnd - 1] === 0x09)) valueEnd--;
    const name = text.slice(from - start, colon - start);
    const lowerName = name.toLowerCase();
    const value = text.slice(valueStart - start, valueEnd - start);
    switch (lowerName) {
      case 'content-length': {
        const length = parseContentLength(value);
        if (length < 0 || (contentLength >= 0 && contentLength !== length)) return malformed('Content-Length');
        contentLength = length;
        break;
      }
      case 'transfer-encoding':
        if (isChunked || value.toLowerCase() !== 'chunked') return malformed('Transfer-Encoding');
        isChunked = true;
        break;
      case 'content-type':
        contentType ??= value;
        break;
      case 'connection':
        connection = connection === '' ? value.toLowerCase() : `${connection},${value.toLowerCase()}`;
        break;
      default:
        break;
    }
    headers.push({ name, lowerName, value });
  }
  if (isChunked && contentLength >= 0) return malformed('both Content-Length and Transfer-Encoding');

  const isInterim = status < 200 && status !== 101;
  const hasNoBody = status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD';
  const framing = hasNoBody ? 'none' : isChunked ? 'chunked' : contentLength >= 0 ? 'length' : 'until-close';
  return {
    kind: 'head',
    status,
    statusText: text.slice(13, Math.max(13, statusEnd)),
    headers,
    framing,
    contentLength: framing === 'length' ? contentLength : 0,
    headBytes: headEnd - start,
    contentType,
    isInterim,
    isSwitch: status === 101,
    isRawStream:
      status === 200 &&
      framing === 'until-close' &&
      (contentType === 'application/vnd.docker.raw-stream' ||
        contentType === 'application/vnd.docker.multiplexed-stream'),
    connectionClose:
      framing === 'until-close' ||
      connection.split(',').some((option) => option.trim() === 'close') ||
      (!is11 && !connection.includes('keep-alive')),
  };
}
