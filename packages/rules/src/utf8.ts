// UTF-8 without a runtime: is it valid, and what does it say.
// Invariant: only shortest-form encodings of code points that are no surrogates are valid, as in Go.

/** True when `bytes[from, to)` is valid UTF-8. */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const first = bytes[at]!;
    if (first < 0x80) {
      at++;
      continue;
    }
    const second = at + 1 < to ? bytes[at + 1]! : 0;
    let length = 0;
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    else if (first >= 0xe0 && first <= 0xef) {
      // Neither overlong nor a surrogate.
      if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return false;
      length = 3;
    } else if (first >= 0xf0 && first <= 0xf4) {
      // Neither overlong nor beyond U+10FFFF.
      if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return false;
      length = 4;
    } else return false;
    if (at + length > to) return false;
    for (let n = 1; n < length; n++) if ((bytes[at + n]! & 0xc0) !== 0x80) return false;
    at += length;
  }
  return true;
}

/** The text of `bytes[from, to)`, which must be valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; ) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let codePoint = length === 1 ? first : first & (0x7f >> length);
    for (let n = 1; n < length; n++) codePoint = (codePoint << 6) | (bytes[at + n]! & 0x3f);
    text += String.fromCodePoint(codePoint);
    at += length;
  }
  return text;
}
