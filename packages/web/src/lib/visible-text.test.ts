import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toTextParts, toVisibleText } from './visible-text.ts';

describe('text that others wrote', () => {
  it('shows terminal escapes, NUL and reordering characters as escapes', () => {
    expect(toVisibleText('a\u001b[31m\0evil\u202Egnp\u200b\ufeff')).toBe('a\\e[31m\\0evil\\u202egnp\\u200b\\ufeff');
  });

  it('leaves names in any script as they are', () => {
    for (const name of ['Zoë', 'Ωμέγα', '数据库', 'مرحبا', '👩‍💻'.replace('\u200d', '')])
      expect(toVisibleText(name)).toBe(name);
  });

  it('loses nothing: plain parts and escapes cover the whole text in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parts = toTextParts(text);
        expect(parts.map((part) => part.text).join('')).toBe(toVisibleText(text));
        const plain = parts.filter((part) => !part.isEscape).map((part) => part.text);
        const length = (value: string) => Array.from(value).length;
        expect(length(text)).toBe(length(plain.join('')) + parts.length - plain.length);
      }),
    );
  });

  it('leaves no control or direction character in what is shown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toVisibleText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('marks a lone surrogate instead of passing it on', () => {
    expect(toTextParts('x\ud800')).toEqual([
      { text: 'x', isEscape: false },
      { text: '\\ud800', isEscape: true },
    ]);
  });
});
