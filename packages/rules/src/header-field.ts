// One header field of a parsed head, and the byte tables that say what a name and a token may hold.
// Invariant: a field's name is a token; its value holds no control character but HTAB and no outer blanks.

/** A header field as it was sent, plus its name in lower case for look-ups. */
export interface HeaderField {
  /** Spelled as the peer did. */
  readonly name: string;
  readonly lowerName: string;
  /** Outer blanks removed; bytes above 0x7f as Latin-1 characters. */
  readonly value: string;
}

/** The first value under `lowerName`, or undefined. Names that could matter twice are refused by the parser. */
export function headerValue(fields: readonly HeaderField[], lowerName: string): string | undefined {
  for (const field of fields) if (field.lowerName === lowerName) return field.value;
  return undefined;
}

/** 1 for each byte that RFC 9110 calls a token character. */
const tokenByte = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  tokenByte[character.charCodeAt(0)] = 1;
}

/** True when `bytes[start, end)` is a non-empty token. */
export function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (tokenByte[bytes[at]!] === 0) return false;
  return end > start;
}

/** A Content-Length: digits only, no sign, no leading zero, at most 15 digits. Returns -1 for anything else. */
export function parseContentLength(value: string): number {
  const { length } = value;
  if (length === 0 || length > 15 || (length > 1 && value.charCodeAt(0) === 0x30)) return -1;
  let total = 0;
  for (let at = 0; at < length; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    total = total * 10 + digit;
  }
  return total;
}
