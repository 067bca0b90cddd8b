// From a request target to the one path and query that is judged, recorded and forwarded.
// Invariant: the path is decoded exactly once, as Go's url.Path is, and never resolved, folded or cleaned: what the
// engine would redirect or read in two ways is refused. `canonicalTarget` read again gives the same path and query.
import { percentDecode, percentEncode } from './percent-encoding.ts';

/** One query parameter, decoded. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** A target with one reading. */
export interface CanonicalTarget {
  readonly kind: 'target';
  /** Decoded, without the version prefix, beginning with `/`. What routes are matched on. */
  readonly path: string;
  /** Minor of the API version asked for, as 41 of `/v1.41/`; undefined when the target has no version. */
  readonly apiMinor: number | undefined;
  /** In the order sent. A name comes twice only when the engine reads it as a list. */
  readonly query: readonly QueryParameter[];
  /** What to forward: re-encoded from the above. */
  readonly canonicalTarget: string;
}

/** A target that is not forwarded. Answer 400. */
export interface TargetRefusal {
  readonly kind: 'refusal';
  readonly status: 400;
  /** Stable, for tests and counters. */
  readonly code: TargetRefusalCode;
  /** A sentence for people. Holds nothing that the client sent. */
  readonly reason: string;
}

const reasons = {
  'path-escape': 'The path holds a bad percent-escape or one that is not UTF-8.',
  'path-character': 'The path holds a control character, or a character that must be percent-encoded.',
  'path-elements': 'The path holds an empty, "." or ".." element. Send the path itself.',
  version: 'The API version is not of the form v1.NN.',
  'query-escape': 'The query holds a bad percent-escape or one that is not UTF-8.',
  'query-character': 'The query holds ";", "#" or a NUL.',
  'query-duplicate': 'A query parameter that takes one value is there twice with different values.',
  'query-count': 'The query has too many parameters.',
} as const;

/** Why a target was refused. */
export type TargetRefusalCode = keyof typeof reasons;

function refuse(code: TargetRefusalCode): TargetRefusal {
  return { kind: 'refusal', status: 400, code, reason: reasons[code] };
}

function asciiTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let at = 0; at < characters.length; at++) table[characters.charCodeAt(at)] = 1;
  return table;
}
const unreserved = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~';
/** Characters that a canonical path holds unescaped: those Go leaves alone. */
const plainInPath = asciiTable(`${unreserved}$&+,/:;=@`);
const plainInQuery = asciiTable(unreserved);
/** What a client may send unescaped in a path, `%` included. */
const allowedInPath = asciiTable(`${unreserved}!$&'()*+,/:;=@%`);

/** The parameters that engine handlers read as lists. All others are read once: the first wins. */
const listParameters: ReadonlySet<string> = new Set([
  't',
  'names',
  'changes',
  'extrahosts',
  'securityopt',
  'platform',
  'type',
]);

const maxParameters = 256;
const highestKnownMinor = 99;

/** The minor version of `/v1.NN/…` (leading and trailing zeros as the engine reads them), -1 when it has none. */
function parseMinor(version: string): number {
  if (version.length === 4 && version.startsWith('1.')) {
    const tens = version.charCodeAt(2) - 0x30;
    const ones = version.charCodeAt(3) - 0x30;
    if (tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9) return tens * 10 + ones;
  }
  const [major, minor, ...rest] = version.split('.');
  if (major === undefined || minor === undefined || !/^0*1$/.test(major) || !/^\d{1,6}$/.test(minor)) return -1;
  if (!rest.every((part) => /^0+$/.test(part))) return -1;
  const value = Number(minor);
  return value <= highestKnownMinor ? value : -1;
}

/** True when a cleaned path would differ: an empty, `.` or `..` element. A trailing slash is no empty element. */
function hasOddElements(path: string): boolean {
  let at = path.indexOf('/.');
  while (at >= 0) {
    const next = path.charCodeAt(at + 2);
    if (at + 2 === path.length || next === 0x2f) return true;
    if (next === 0x2e && (at + 3 === path.length || path.charCodeAt(at + 3) === 0x2f)) return true;
    at = path.indexOf('/.', at + 1);
  }
  return path.includes('//');
}

function parseQuery(text: string): QueryParameter[] | TargetRefusal {
  if (text.includes(';') || text.includes('#')) return refuse('query-character');
  const parameters: QueryParameter[] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = percentDecode(equals < 0 ? part : part.slice(0, equals), 'plus-is-space');
    const value = equals < 0 ? '' : percentDecode(part.slice(equals + 1), 'plus-is-space');
    if (name === undefined || value === undefined) return refuse('query-escape');
    if (name.includes('\0') || value.includes('\0')) return refuse('query-character');
    if (!listParameters.has(name)) {
      const earlier = parameters.find((parameter) => parameter.name === name);
      if (earlier !== undefined) {
        if (earlier.value !== value) return refuse('query-duplicate');
        continue;
      }
    }
    if (parameters.length === maxParameters) return refuse('query-count');
    parameters.push({ name, value });
  }
  return parameters;
}

const noParameters: readonly QueryParameter[] = [];

/**
 * Reads an origin-form target, as a request head carries it. Never throws. Two targets that the engine would treat
 * alike give the same path and query; a target that the engine would redirect (`//`, `/../`) is refused.
 */
export function parseTarget(target: string): CanonicalTarget | TargetRefusal {
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  for (let at = 0; at < rawPath.length; at++) {
    if (allowedInPath[rawPath.charCodeAt(at)] !== 1) return refuse('path-character');
  }
  const decoded = percentDecode(rawPath, 'plus-is-plus');
  if (decoded === undefined) return refuse('path-escape');
  if (decoded !== rawPath) {
    for (let at = 0; at < decoded.length; at++) {
      const code = decoded.charCodeAt(at);
      if (code < 0x20 || code === 0x7f) return refuse('path-character');
    }
  }
  if (rawPath.charCodeAt(0) !== 0x2f || hasOddElements(decoded)) return refuse('path-elements');

  let path = decoded;
  let apiMinor: number | undefined;
  if (decoded.charCodeAt(1) === 0x76) {
    let end = 2;
    for (; end < decoded.length; end++) {
      const code = decoded.charCodeAt(end);
      if (code !== 0x2e && (code < 0x30 || code > 0x39)) break;
    }
    if (end > 2 && decoded.charCodeAt(end) === 0x2f) {
      apiMinor = parseMinor(decoded.slice(2, end));
      if (apiMinor < 0) return refuse('version');
      path = decoded.slice(end);
    }
  }

  let query = noParameters;
  if (mark >= 0 && mark + 1 < target.length) {
    const parsed = parseQuery(target.slice(mark + 1));
    if ('kind' in parsed) return parsed;
    query = parsed;
  }
  return { kind: 'target', path, apiMinor, query, canonicalTarget: formatTarget(path, apiMinor, query) };
}

/** The origin form of a path, version and query: what goes to the engine after a name was replaced by an id. */
export function formatTarget(path: string, apiMinor: number | undefined, query: readonly QueryParameter[]): string {
  let target = percentEncode(path, plainInPath);
  if (apiMinor !== undefined) target = `/v1.${apiMinor}${target}`;
  let separator = '?';
  for (const { name, value } of query) {
    target += `${separator}${percentEncode(name, plainInQuery)}=${percentEncode(value, plainInQuery)}`;
    separator = '&';
  }
  return target;
}

/** The first value of a query parameter, as Go's `Form.Get`; empty when it is not there. Names are case-sensitive. */
export function queryValue(query: readonly QueryParameter[], name: string): string {
  for (const parameter of query) if (parameter.name === name) return parameter.value;
  return '';
}
