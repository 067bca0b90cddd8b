// Writes the request head that the engine gets: built from what was judged, never copied from what was sent.
// Invariant: the framing, the Host and the hop-by-hop fields are ours; a client's Connection list removes nothing.
import { formatTarget, type HeaderField, type RequestHead } from '@dockledger/rules';
import type { ClassifiedRequest } from './proxy-context.ts';

/** Header that tells our authorization plugin that the proxy has judged and recorded this call. A client's own is dropped. */
export const passMarkHeader = 'x-dockledger-pass';

// Deliberately a fixed list: honouring `Connection: close, Content-Type` would let a client remove what we judged.
const dropped = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'host',
  'http2-settings',
  passMarkHeader,
]);

/** What goes to the engine. */
export interface ForwardedHead {
  readonly head: RequestHead;
  /** Canonical path and query. */
  readonly target: string;
  /** Length of the body that replaces the client's; undefined keeps the client's framing. */
  readonly bodyLength: number | undefined;
  /** Replaces the client's Content-Type. */
  readonly contentType: string | undefined;
  /** The route may switch protocols, so an Upgrade goes through. */
  readonly mayUpgrade: boolean;
  readonly passMark: string | undefined;
}

/**
 * The canonical target, with the name in the path replaced by the full id of the object that was judged: a rename in
 * between changes nothing.
 */
export function forwardedTarget(request: ClassifiedRequest, id: string | undefined): string {
  const { route, target } = request;
  if (id === undefined || id === route.name) return target.canonicalTarget;
  const at = route.route.indexOf('{');
  const path = target.path.slice(0, at) + id + target.path.slice(at + route.name.length);
  return formatTarget(path, target.apiMinor, target.query);
}

/** The head as Latin-1 text, closing empty line included. */
export function formatRequestHead(request: ForwardedHead): string {
  const { head } = request;
  let text = `${head.method} ${request.target} HTTP/1.1\r\nHost: docker\r\n`;
  for (const field of head.headers) text += formatField(field, request);
  if (request.contentType !== undefined) text += `Content-Type: ${request.contentType}\r\n`;
  if (request.mayUpgrade && head.upgrade !== undefined) {
    text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  }
  if (request.bodyLength !== undefined) text += `Content-Length: ${request.bodyLength}\r\n`;
  else if (head.framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (head.framing === 'length') text += `Content-Length: ${head.contentLength}\r\n`;
  if (request.passMark !== undefined) text += `X-Dockledger-Pass: ${request.passMark}\r\n`;
  return `${text}\r\n`;
}

function formatField(field: HeaderField, request: ForwardedHead): string {
  if (dropped.has(field.lowerName)) return '';
  if (field.lowerName === 'content-type' && request.contentType !== undefined) return '';
  return `${field.name}: ${field.value}\r\n`;
}
