import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser } from './sse.ts';

describe('the event stream', () => {
  it('is read alike however it is cut into chunks', () => {
    const stream = ': open\n\nid: 7\ndata: {"a":1}\n\n: \r\n\r\nevent: note\r\ndata: one\r\ndata: two\r\n\r\n';
    const expected = [
      { event: 'message', data: '{"a":1}', id: '7' },
      { event: 'note', data: 'one\ntwo' },
    ];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
        const parser = createSseParser();
        const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
        const messages = places.flatMap((from, index) =>
          parser.push(stream.slice(from, places[index + 1] ?? stream.length)),
        );
        expect(messages).toEqual(expected);
      }),
    );
  });

  it('never gives a message that was cut off', () => {
    expect(createSseParser().push('data: {"id": "half')).toEqual([]);
  });
});
