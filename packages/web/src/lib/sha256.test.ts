import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from './sha256.ts';

describe('SHA-256', () => {
  it('equals the platform’s for every length around the block border and any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (data) => {
        const expected = await crypto.subtle.digest('SHA-256', data);
        expect(sha256(data)).toEqual(new Uint8Array(expected));
      }),
    );
  });
});
