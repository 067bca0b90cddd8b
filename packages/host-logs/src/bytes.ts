// UTF-8 in and out of strings without any runtime's own decoder: the package has no Node and no DOM types.
// Invalid bytes become U+FFFD one by one; nothing here throws.

/** Decodes `bytes` from `start` to `end`. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let out = '';
  let at = start;
  while (at < end) {
    const first = bytes[at] ?? 0;
    if (first < 0x80) {
      const stop = asciiEnd(bytes, at + 1, end);
      out += ascii(bytes, at, stop);
      at = stop;
      continue;
    }
    const length =
      first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
    const point = length === 0 || at + length > end ? -1 : multiByte(bytes, at, length);
    out += point < 0 ? '\ufffd' : String.fromCodePoint(point);
    at += point < 0 ? 1 : length;
  }
  return out;
}

/** The index of the first byte from `at` on that is not ASCII, or `end`. */
function asciiEnd(bytes: Uint8Array, at: number, end: number): number {
  let stop = at;
  while (stop < end && (bytes[stop] ?? 0xff) < 0x80) stop++;
  return stop;
}

// Runs of ASCII are the rule. Eight at a time: spreading a whole run into one call is slower in V8.
function ascii(bytes: Uint8Array, from: number, to: number): string {
  let out = '';
  let at = from;
  for (; at + 8 <= to; at += 8) {
    out += String.fromCharCode(
      bytes[at] ?? 0,
      bytes[at + 1] ?? 0,
      bytes[at + 2] ?? 0,
      bytes[at + 3] ?? 0,
      bytes[at + 4] ?? 0,
      bytes[at + 5] ?? 0,
      bytes[at + 6] ?? 0,
      bytes[at + 7] ?? 0,
    );
  }
  for (; at < to; at++) out += String.fromCharCode(bytes[at] ?? 0);
  return out;
}

function multiByte(bytes: Uint8Array, at: number, length: number): number {
  let point = (bytes[at] ?? 0) & (0xff >> (length + 1));
  for (let k = 1; k < length; k++) {
    const next = bytes[at + k] ?? 0;
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 0x3f);
  }
  const isOverlong = length === 3 ? point < 0x800 : length === 4 && point < 0x10000;
  const isSurrogate = point >= 0xd800 && point <= 0xdfff;
  return isOverlong || isSurrogate || point > 0x10ffff ? -1 : point;
}

/** How many bytes `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    if (code < 0x80) continue;
    if (code >= 0xd800 && code < 0xdc00 && k + 1 < text.length) {
      length += 2;
      k++;
    } else length += code < 0x800 ? 1 : 2;
  }
  return length;
}
