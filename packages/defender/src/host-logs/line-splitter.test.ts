import { describe, expect, it } from 'vitest';
import { createLineSplitter } from './line-splitter.ts';

const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string => Buffer.from(bytes).toString();

describe('a line splitter', () => {
  it('joins a line over chunks, though the chunks are read into the same memory', () => {
    const splitter = createLineSplitter(100, 64);
    const memory = Buffer.from('one\ntw');
    expect(splitter.push(memory).map(textOf)).toEqual(['one']);
    memory.write('o\nxyz\n');
    const lines = splitter.push(memory);
    memory.fill(0);
    expect(lines.map(textOf)).toEqual(['two', 'xyz']);
    expect(lines.map(({ endOffset }) => endOffset)).toEqual([108, 112]);
  });

  it('gives the beginning of a line over the limit once, over any number of chunks', () => {
    const splitter = createLineSplitter(0, 4);
    const lines = ['abc', 'def', 'ghi\nxy\n'].flatMap((text) => splitter.push(Buffer.from(text)));
    expect(lines.map((line) => [textOf(line), line.isTruncated])).toEqual([
      ['abcd', true],
      ['xy', false],
    ]);
  });
});
