// Undoes the vis(3) encoding that sshd puts on every log message (C style and octal, backslash doubled). Lines that
// the monitor relays for the unprivileged child ("[preauth]") are encoded twice: once in the child, once in the monitor.
import { decodeUtf8, utf8Length } from './bytes.ts';

const cStyle: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  b: 8,
  a: 7,
  v: 11,
  t: 9,
  f: 12,
  s: 32,
  '0': 0,
  '\\': 92,
};

function decodeOnce(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 92 || at + 1 >= bytes.length) {
      out[size++] = byte;
      continue;
    }
    const a = octal(bytes[at + 1]);
    const b = octal(bytes[at + 2]);
    const c = octal(bytes[at + 3]);
    if (a >= 0 && a < 4 && b >= 0 && c >= 0) {
      out[size++] = a * 64 + b * 8 + c;
      at += 3;
      continue;
    }
    const known = cStyle[String.fromCharCode(bytes[at + 1] ?? 0)];
    if (known === undefined) out[size++] = 92;
    else {
      out[size++] = known;
      at++;
    }
  }
  return out.subarray(0, size);
}

function octal(byte: number | undefined): number {
  return byte !== undefined && byte >= 48 && byte <= 55 ? byte - 48 : -1;
}

function encodeUtf8(text: string): Uint8Array {
  const out = new Uint8Array(utf8Length(text));
  let size = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) out[size++] = point;
    else if (point < 0x800) {
      out[size++] = 0xc0 | (point >> 6);
      out[size++] = 0x80 | (point & 63);
    } else {
      if (point < 0x10000) out[size++] = 0xe0 | (point >> 12);
      else {
        out[size++] = 0xf0 | (point >> 18);
        out[size++] = 0x80 | ((point >> 12) & 63);
      }
      out[size++] = 0x80 | ((point >> 6) & 63);
      out[size++] = 0x80 | (point & 63);
    }
  }
  return out;
}

/** Decodes `text`, encoded `depth` times, and reads the bytes as UTF-8. Text without a backslash comes back as it is. */
export function decodeVis(text: string, depth: 1 | 2): string {
  if (!text.includes('\\')) return text;
  let bytes: Uint8Array = encodeUtf8(text);
  for (let k = 0; k < depth; k++) bytes = decodeOnce(bytes);
  return decodeUtf8(bytes);
}
