import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedBodyDecoder } from './chunked-body.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

function decode(text: string, cuts: readonly number[] = []) {
  const bytes = bytesOf(text);
  const decoder = new ChunkedBodyDecoder();
  let payload = '';
  let consumed = 0;
  let progress = decoder.push(bytes, 0, 0);
  const stops = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const stop of stops) {
    progress = decoder.push(bytes, from, stop, (start, end) => {
      payload += bytes.toString('latin1', start, end);
    });
    consumed += decoder.consumed;
    from = stop;
  }
  return { state: progress.state, payload, consumed };
}

describe('ChunkedBodyDecoder', () => {
  it('finds the end of the body and leaves the next request alone', () => {
    expect(decode('5\r\nhello\r\nA\r\n, world!!!\r\n0\r\n\r\nGET /next')).toEqual({
      state: 'done',
      payload: 'hello, world!!!',
      consumed: 30,
    });
  });

  it('answers the same however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }), { maxLength: 5 }),
        fc.array(fc.nat(300), { maxLength: 8 }),
        (chunks, cuts) => {
          const body = `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
          expect(decode(`${body}rest`, cuts)).toEqual({
            state: 'done',
            payload: chunks.join(''),
            consumed: body.length,
          });
        },
      ),
    );
  });

  it.each([
    ['a chunk extension', '5;a=b\r\nhello\r\n0\r\n\r\n'],
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['data longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
    ['a trailer', '0\r\nX: y\r\n\r\n'],
    ['an end without CR', '0\r\n\n'],
    ['an end without LF', '0\r\n\rX'],
    ['a size of 13 digits', '0000000000005\r\nhello\r\n0\r\n\r\n'],
  ])('refuses %s', (_what, text) => {
    expect(decode(text).state).toBe('refused');
  });

  it('asks for more when the body is cut short', () => {
    expect(decode('5\r\nhel')).toEqual({ state: 'more', payload: 'hel', consumed: 6 });
    expect(decode('5\r\nhello\r\n0\r\n').state).toBe('more');
  });
});
