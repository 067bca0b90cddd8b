// Percent-decoding and -encoding of UTF-8 without a runtime: what a URL holds, as Go's net/url reads it.
// Invariant: decoding happens once, and text that is not valid UTF-8 or has a bad escape has no reading.
import { decodeUtf8, isUtf8 } from './utf8.ts';

const hexValue = (code: number): number =>
  code >= 0x30 && code <= 0x39
    ? code - 0x30
    : code >= 0x41 && code <= 0x46
      ? code - 0x37
      : code >= 0x61 && code <= 0x66
        ? code - 0x57
        : -1;

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
  const decoded = Uint8Array.from(bytes);
  return isUtf8(decoded, 0, decoded.length) ? decodeUtf8(decoded, 0, decoded.length) : undefined;
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
