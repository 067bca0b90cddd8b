// Percent-decoding and -encoding of UTF-8 without a runtime: what a URL holds, as Go's net/url reads it.
// Invariant: decoding happens once, and text that is not valid UTF-8 or has a bad escape has no reading.

const hexValue = (code: number): number =>
  code >= 0x30 && code <= 0x39
    ? code - 0x30
    : code >= 0x41 && code <= 0x46
      ? code - 0x37
      : code >= 0x61 && code <= 0x66
        ? code - 0x57
        : -1;

/** The code point encoded at `bytes[at]` and its length, or undefined when the bytes are no shortest-form UTF-8. */
export function utf8At(bytes: ArrayLike<number>, at: number): { codePoint: number; length: number } | undefined {
  const first = bytes[at] ?? -1;
  if (first < 0) return undefined;
  if (first < 0x80) return { codePoint: first, length: 1 };
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0) return undefined;
  let codePoint = first & (0x7f >> length);
  for (let n = 1; n < length; n++) {
    const next = bytes[at + n] ?? 0;
    if ((next & 0xc0) !== 0x80) return undefined;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const isOverlong = codePoint < (length === 2 ? 0x80 : length === 3 ? 0x800 : 0x1_0000);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return isOverlong || isSurrogate || codePoint > 0x10_ffff ? undefined : { codePoint, length };
}

/** Decodes each `%XX` once, and `+` as a space when `plusIsSpace`. Undefined: a bad escape or invalid UTF-8. */
export function percentDecode(text: string, plusIsSpace: 'plus-is-space' | 'plus-is-plus'): string | undefined {
  const plus = plusIsSpace === 'plus-is-space';
  let isPlain = true;
  for (let at = 0; at < text.length && isPlain; at++) {
    const code = text.charCodeAt(at);
    isPlain = code !== 0x25 && code < 0x80 && !(plus && code === 0x2b);
  }
  if (isPlain) return text;

  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x25) {
      const high = at + 2 < text.length ? hexValue(text.charCodeAt(at + 1)) : -1;
      const low = at + 2 < text.length ? hexValue(text.charCodeAt(at + 2)) : -1;
      if (high < 0 || low < 0) return undefined;
      bytes.push(high * 16 + low);
      at += 2;
    } else if (code > 0xff) {
      return undefined;
    } else {
      bytes.push(plus && code === 0x2b ? 0x20 : code);
    }
  }
  let decoded = '';
  for (let at = 0; at < bytes.length; ) {
    const next = utf8At(bytes, at);
    if (next === undefined) return undefined;
    decoded += String.fromCodePoint(next.codePoint);
    at += next.length;
  }
  return decoded;
}

/** Encodes every character that is not in `plain` (one entry per ASCII code) as the `%XX` of its UTF-8 bytes. */
export function percentEncode(text: string, plain: Uint8Array): string {
  let isPlain = true;
  for (let at = 0; at < text.length && isPlain; at++) isPlain = plain[text.charCodeAt(at)] === 1;
  if (isPlain) return text;
  let encoded = '';
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (plain[codePoint] === 1) encoded += character;
    else if (codePoint < 0x80) encoded += escapeByte(codePoint);
    else if (codePoint < 0x800) encoded += escapeByte(0xc0 | (codePoint >> 6)) + escapeTail(codePoint, 0);
    else if (codePoint < 0x1_0000) {
      encoded += escapeByte(0xe0 | (codePoint >> 12)) + escapeTail(codePoint, 6) + escapeTail(codePoint, 0);
    } else {
      encoded +=
        escapeByte(0xf0 | (codePoint >> 18)) +
        escapeTail(codePoint, 12) +
        escapeTail(codePoint, 6) +
        escapeTail(codePoint, 0);
    }
  }
  return encoded;
}

function escapeTail(codePoint: number, shift: number): string {
  return escapeByte(0x80 | ((codePoint >> shift) & 0x3f));
}

function escapeByte(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
}
