// Reads what the engine tells its authorization plugin (AuthZReq, AuthZRes). Everything not understood is a refusal.
// Invariant: nothing that a client controls counts as identity; only the name that the engine itself verified over TLS does.
import { isCertificateName } from '@dockledger/contract';
import { parseRequestHead, type RequestHead } from '@dockledger/rules';
import type { Caller } from '../../ports.ts';
import { latin1 } from '../latin1.ts';
import { passMarkHeader } from '../request-writer.ts';

/** One call as the engine describes it. */
export interface PluginRequest {
  readonly head: RequestHead;
  readonly method: string;
  /** As it was on the request line. */
  readonly uri: string;
  /** Empty when the engine sent none, which it also does for bodies that it does not show. */
  readonly body: Buffer;
  /** The client says that there is a body, or of what type it is. */
  readonly claimsBody: boolean;
  readonly isForm: boolean;
  readonly passMark: string | undefined;
  readonly caller: Caller;
  /** The status of the answer; absent in AuthZReq, for an implicit 200 and for every error of a handler. */
  readonly status: number | undefined;
}

/** Why the message is not judged. A sentence without what was sent. */
export interface PluginRefusal {
  readonly refusal: string;
}

const known: Readonly<Record<string, 'string' | 'object' | 'number'>> = {
  User: 'string',
  UserAuthNMethod: 'string',
  RequestMethod: 'string',
  RequestUri: 'string',
  RequestBody: 'string',
  RequestHeaders: 'object',
  RequestPeerCertificates: 'object',
  ResponseBody: 'string',
  ResponseStatusCode: 'number',
  ResponseHeaders: 'object',
};

const refuse = (refusal: string): PluginRefusal => ({ refusal });

/** Reads one message. Never throws. */
export function parsePluginRequest(bytes: Buffer): PluginRequest | PluginRefusal {
  if (bytes.length === 0) return refuse('the engine sent an empty message, as it does when it repeats one');
  let message: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      return refuse('the message is no object');
    message = parsed as Record<string, unknown>;
  } catch {
    return refuse('the message is not JSON');
  }
  for (const [name, value] of Object.entries(message)) {
    if (known[name] === undefined) return refuse('the message has a field that this version does not know');
    if (value !== null && typeof value !== known[name]) return refuse('a field of the message has the wrong type');
  }
  const text = (name: string) => (typeof message[name] === 'string' ? message[name] : '');
  const headers = headersOf(message['RequestHeaders']);
  if (headers === undefined) return refuse('the headers of the message are not texts');
  const encoded = text('RequestBody');
  const body = Buffer.from(encoded, 'base64');
  if (body.toString('base64') !== encoded) return refuse('the body of the message is not base64');

  const method = text('RequestMethod');
  const uri = text('RequestUri');
  const contentType = headers.get('content-type') ?? '';
  const head = readHead(method, uri, contentType, body.length);
  if ('refusal' in head) return head;
  const mediaType = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  return {
    head,
    method,
    uri,
    body,
    claimsBody: mediaType === 'application/json' || !/^0*$/.test(headers.get('content-length') ?? ''),
    isForm: mediaType === 'application/x-www-form-urlencoded' || mediaType === 'multipart/form-data',
    passMark: headers.get(passMarkHeader),
    caller: callerOf(text('UserAuthNMethod'), text('User')),
    status: typeof message['ResponseStatusCode'] === 'number' ? message['ResponseStatusCode'] : undefined,
  };
}

/** By lower-case name. Go has made the names canonical, so none is there twice. */
function headersOf(value: unknown): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  if (value === undefined || value === null) return headers;
  for (const [name, content] of Object.entries(value)) {
    if (typeof content !== 'string') return undefined;
    headers.set(name.toLowerCase(), content);
  }
  return headers;
}

/** The head through the parser of the proxy: what that refuses, two parsers could read differently. */
function readHead(method: string, uri: string, contentType: string, bodyBytes: number): RequestHead | PluginRefusal {
  if (!/^[\u0021-\u007e]+$/.test(uri) || !/^[A-Z]+$/.test(method) || !/^[\u0020-\u007e]*$/.test(contentType)) {
    return refuse('the request line or the content type holds a character that must be encoded');
  }
  const type = contentType === '' ? '' : `Content-Type: ${contentType}\r\n`;
  const bytes = Buffer.from(
    `${method} ${uri} HTTP/1.1\r\nHost: docker\r\n${type}Content-Length: ${bodyBytes}\r\n\r\n`,
    'latin1',
  );
  const head = parseRequestHead(bytes, 0, bytes.length, 0, latin1);
  if (head.kind === 'head') return head;
  return refuse(head.kind === 'refusal' ? head.reason.replace(/\.$/, '') : 'the request head is not complete');
}

const nobody: Caller = { actor: { user: '', userSource: 'unknown' }, principals: [], groups: [] };

function callerOf(method: string, user: string): Caller {
  if (method !== 'TLS' || !isCertificateName(user)) return nobody;
  return {
    actor: { user, userSource: 'certificate', certificate: `CN=${user}` },
    principals: [user],
    groups: [],
  };
}
