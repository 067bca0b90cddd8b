// Reads JSON bytes as Go's encoding/json would, and keeps what other parsers throw away: repeated keys, in order.
// Invariant: what is accepted is valid UTF-8 without a byte order mark, one value, no lone surrogate; bounded in depth
// and in number of values. Never throws, linear in time.
import { decodeLatin1, type Latin1Decoder } from './head-lines.ts';
import { decodeUtf8, isUtf8 } from './utf8.ts';

/** A number's digits as they were sent: int64 does not fit into a JavaScript number. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** One key and value of an object. */
export type JsonMember = readonly [key: string, value: JsonNode];

/** An object with every member that was sent, repeated keys included. */
export class JsonObject {
  readonly members: readonly JsonMember[];
  constructor(members: readonly JsonMember[]) {
    this.members = members;
  }
}

/** A parsed value. */
export type JsonNode = null | boolean | string | JsonNumber | JsonObject | readonly JsonNode[];

/** Why bytes are no JSON that has one reading. `at` is a byte offset. */
export interface JsonFault {
  readonly code: 'syntax' | 'trailing-data' | 'encoding' | 'too-deep' | 'too-many-values' | 'empty';
  readonly at: number;
}

/** What a parse gives: exactly one of the two is there. */
export type JsonResult = { readonly value: JsonNode; readonly fault?: never } | { readonly fault: JsonFault };

/** Bounds of a parse. */
export interface JsonLimits {
  /** Defaults to 64. */
  readonly maxDepth?: number;
  /** Objects, arrays and scalars together. Defaults to 20 000. */
  readonly maxValues?: number;
  /** The runtime's Latin-1 decoder. Defaults to the pure one. */
  readonly decode?: Latin1Decoder;
  /** The runtime's UTF-8 decoder, only ever given valid UTF-8. Defaults to a pure one, which is much slower. */
  readonly decodeUtf8?: Latin1Decoder;
}

const quote = 0x22;
const backslash = 0x5c;

const plain = 0;
const wide = 1;
/** What a byte inside a string literal is: {@link plain}, {@link wide} (not ASCII), or one to look at. */
const stringByte = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte >= 0x80) stringByte[byte] = wide;
  else if (byte < 0x20 || byte === quote || byte === backslash) stringByte[byte] = 2;
}

/** Thrown inside the parser only. */
class Stop extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault.code);
    this.fault = fault;
  }
}

class Parser {
  readonly #bytes: Uint8Array;
  readonly #maxDepth: number;
  readonly #decode: Latin1Decoder;
  readonly #decodeUtf8: Latin1Decoder;
  #valuesLeft: number;
  #at = 0;

  constructor(bytes: Uint8Array, limits: JsonLimits) {
    this.#bytes = bytes;
    this.#maxDepth = limits.maxDepth ?? 64;
    this.#valuesLeft = limits.maxValues ?? 20_000;
    this.#decode = limits.decode ?? decodeLatin1;
    this.#decodeUtf8 = limits.decodeUtf8 ?? decodeUtf8;
  }

  parse(): JsonNode {
    this.#skipBlanks();
    if (this.#at === this.#bytes.length) this.#fail('empty');
    const value = this.#value(1);
    this.#skipBlanks();
    if (this.#at < this.#bytes.length) this.#fail('trailing-data');
    return value;
  }

  #fail(code: JsonFault['code']): never {
    throw new Stop({ code, at: this.#at });
  }

  #skipBlanks(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #value(depth: number): JsonNode {
    if (--this.#valuesLeft < 0) this.#fail('too-many-values');
    const byte = this.#bytes[this.#at];
    switch (byte) {
      case 0x7b:
        return this.#object(depth);
      case 0x5b:
        return this.#array(depth);
      case quote:
        return this.#string();
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #word<T extends JsonNode>(word: string, value: T): T {
    for (let n = 0; n < word.length; n++) if (this.#bytes[this.#at + n] !== word.charCodeAt(n)) this.#fail('syntax');
    this.#at += word.length;
    return value;
  }

  #object(depth: number): JsonObject {
    if (depth > this.#maxDepth) this.#fail('too-deep');
    const members: JsonMember[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#bytes[this.#at] === 0x7d) {
      this.#at++;
      return new JsonObject(members);
    }
    for (;;) {
      if (this.#bytes[this.#at] !== quote) this.#fail('syntax');
      const key = this.#string();
      this.#skipBlanks();
      if (this.#bytes[this.#at] !== 0x3a) this.#fail('syntax');
      this.#at++;
      this.#skipBlanks();
      members.push([key, this.#value(depth + 1)]);
      if (this.#endOfItem(0x7d)) return new JsonObject(members);
    }
  }

  #array(depth: number): JsonNode[] {
    if (depth > this.#maxDepth) this.#fail('too-deep');
    const items: JsonNode[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#bytes[this.#at] === 0x5d) {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(this.#value(depth + 1));
      if (this.#endOfItem(0x5d)) return items;
    }
  }

  /** Takes the comma or the closing byte behind an item; true when it was the closing one. */
  #endOfItem(closing: number): boolean {
    this.#skipBlanks();
    const byte = this.#bytes[this.#at];
    if (byte !== 0x2c && byte !== closing) this.#fail('syntax');
    this.#at++;
    if (byte === closing) return true;
    this.#skipBlanks();
    return false;
  }

  #digits(): void {
    const from = this.#at;
    while (isDigit(this.#bytes[this.#at])) this.#at++;
    if (this.#at === from) this.#fail('syntax');
  }

  #number(): JsonNumber {
    const from = this.#at;
    if (this.#bytes[this.#at] === 0x2d) this.#at++;
    if (this.#bytes[this.#at] === 0x30) this.#at++;
    else this.#digits();
    if (this.#bytes[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    const exponent = this.#bytes[this.#at];
    if (exponent === 0x65 || exponent === 0x45) {
      this.#at++;
      const sign = this.#bytes[this.#at];
      if (sign === 0x2b || sign === 0x2d) this.#at++;
      this.#digits();
    }
    if (this.#at - from > 400) this.#fail('syntax');
    return new JsonNumber(this.#decode(this.#bytes, from, this.#at));
  }

  #string(): string {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    let at = from;
    let hasEscape = false;
    let isAscii = true;
    for (;;) {
      const kind = stringByte[bytes[at] ?? 0];
      if (kind === plain) at++;
      else if (kind === wide) {
        isAscii = false;
        at++;
      } else if (bytes[at] === quote) break;
      else if (bytes[at] === backslash) {
        hasEscape = true;
        at += 2;
      } else {
        this.#at = at;
        this.#fail('syntax');
      }
    }
    this.#at = at + 1;
    if (!isAscii && !isUtf8(bytes, from, at)) this.#fail('encoding');
    const raw = isAscii ? this.#decode(bytes, from, at) : this.#decodeUtf8(bytes, from, at);
    if (!hasEscape) return raw;
    const text = unescape(raw);
    if (text === undefined) this.#fail('syntax');
    // Go turns a lone surrogate into U+FFFD, other parsers keep it: only a pair has one reading.
    if (!text.isWellFormed()) this.#fail('encoding');
    return text;
  }
}

/** The escapes of a string literal resolved, undefined when one is bad. JSON.parse and Go know the same ones. */
function unescape(raw: string): string | undefined {
  try {
    const text: unknown = JSON.parse(`"${raw}"`);
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Parses one JSON value. Never throws; see {@link JsonFault} for what is refused. */
export function parseGoJson(bytes: Uint8Array, limits: JsonLimits = {}): JsonResult {
  try {
    return { value: new Parser(bytes, limits).parse() };
  } catch (error) {
    if (error instanceof Stop) return { fault: error.fault };
    throw error;
  }
}

/**
 * Folds a key as Go does when it looks for a struct field: ASCII letters, and the two other letters that fold to
 * ASCII, the long s and the Kelvin sign. Any other letter matches no field of the Docker API, whose names are ASCII.
 */
export function foldKey(key: string): string {
  // No field's name is nearly as long, so a longer key is its own.
  if (key.length > 64) return key;
  return key.replace(/[A-Z\u017f\u212a]/g, (letter) =>
    letter === '\u017f' ? 's' : letter === '\u212a' ? 'k' : letter.toLowerCase(),
  );
}
