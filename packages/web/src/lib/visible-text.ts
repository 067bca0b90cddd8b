// Makes hostile text harmless and keeps it whole: control, bidi and other invisible characters become visible escapes.
// Nothing is dropped: unescaping the marked parts gives the original back.

/** One piece of a text: plain characters, or one character that would hide, reorder or break what is read. */
export interface TextPart {
  readonly text: string;
  /** True when `text` is an escape such as `\u202e` that stands for one character. */
  readonly isEscape: boolean;
}

// C0, DEL, C1, soft hyphen, Arabic letter mark, Hangul fillers, Mongolian vowel separator, zero width, line and
// paragraph separators, bidi embeddings and isolates, invisible operators, BOM, interlinear marks, tags, lone surrogates.
const unseen = new RegExp(
  [
    '[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e]',
    '[\\u200b-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb]',
    '[\\u{e0000}-\\u{e0fff}]',
    '\\p{Surrogate}',
  ].join('|'),
  'gu',
);

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0', '\u001b': '\\e' };

function toEscape(character: string): string {
  const known = short[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Splits `text` into plain pieces and escapes, in order. An empty text has no parts. */
export function toTextParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(unseen)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), isEscape: false });
    parts.push({ text: toEscape(match[0]), isEscape: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), isEscape: false });
  return parts;
}

/** The whole text with escapes in place, for titles and labels that hold no elements. */
export function toVisibleText(text: string): string {
  return text.replace(unseen, toEscape);
}
