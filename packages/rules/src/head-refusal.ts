// Every reason for which a request head is refused, with its status and the sentence that the client gets.
// Invariant: a sentence never holds what the client sent.
import { maxHeadBytes, maxHeaderFields } from './head-lines.ts';

/** The head is not forwarded: answer with `status` and close, since the end of this request can't be trusted. */
export interface HeadRefusal {
  readonly kind: 'refusal';
  readonly status: 400 | 405 | 414 | 417 | 431 | 505;
  /** Stable, for tests and counters. */
  readonly code: string;
  /** A sentence for people. Holds nothing that the client sent. */
  readonly reason: string;
}

/** The most bytes a request target may have. */
export const maxTargetBytes = 32 * 1024;

const refusals = {
  'incomplete-at-limit': [431, `The request head is larger than ${maxHeadBytes} bytes.`],
  'too-many-fields': [431, `The request head has more than ${maxHeaderFields} header fields.`],
  'target-too-long': [414, `The request target is longer than ${maxTargetBytes} bytes.`],
  'bare-lf': [400, 'A line of the request head ends in a bare LF.'],
  'bare-cr': [400, 'The request head holds a CR that ends no line.'],
  'control-character': [400, 'The request head holds a control character.'],
  'empty-start-line': [400, 'The request begins with an empty line.'],
  'request-line': [400, 'The request line is not "METHOD target HTTP/1.1" with single spaces.'],
  'http2-preface': [
    505,
    'This is HTTP/2, which newer BuildKit clients use for native gRPC: the guard cannot judge it and refuses it. ' +
      'Build with DOCKER_BUILDKIT=1 docker build, which uses /session over HTTP/1.1; with buildx, choose the builder of ' +
      '--driver docker and a release that asks for the session, or a builder with an address of its own.',
  ],
  version: [505, 'The guard speaks HTTP/1.1 only. Set the client, or the proxy in front of it, to HTTP/1.1.'],
  method: [405, 'The Docker API knows the methods GET, HEAD, POST, PUT, DELETE and OPTIONS only.'],
  'target-form': [400, 'The request target is neither a path nor an http(s) address with a path.'],
  'target-character': [400, 'The request target holds a character that must be percent-encoded.'],
  'folded-field': [400, 'A header field is continued on a second line.'],
  'field-name': [400, 'A header line has no valid field name directly before its colon.'],
  'host-missing': [400, 'The request has no Host header field.'],
  'host-invalid': [400, 'The Host header field is not a valid host.'],
  'field-twice': [400, 'A header field that must be unique is there twice.'],
  'content-length': [400, 'Content-Length is not a plain decimal number.'],
  'transfer-encoding': [400, 'Transfer-Encoding is something other than "chunked".'],
  'two-framings': [400, 'The request has both Content-Length and Transfer-Encoding.'],
  'connection-option': [400, 'Connection holds something other than "close", "keep-alive" and "upgrade".'],
  'connection-upgrade': [400, 'Upgrade and "Connection: upgrade" must come together.'],
  expectation: [417, 'Expect is something other than "100-continue".'],
  'trailer-field': [400, 'The request announces trailers.'],
} as const satisfies Record<string, readonly [HeadRefusal['status'], string]>;

/** Why a request head was refused. */
export type HeadRefusalCode = keyof typeof refusals;

/** The refusal under a code. */
export function refuseHead(code: HeadRefusalCode): HeadRefusal {
  const [status, reason] = refusals[code];
  return { kind: 'refusal', status, code, reason };
}
