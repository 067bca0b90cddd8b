import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../fixtures/temporary-directory.ts';
import { openPositionStore } from './index.ts';

describe('position store', () => {
  it('gives back what was set, also to the next process', async () => {
    await using directory = await temporaryDirectory();
    const positions = openPositionStore(directory.path);
    expect(positions.get('console')).toBeUndefined();
    await positions.set('console', { epoch: 'a', seq: 7 });
    expect(positions.get('console')).toEqual({ epoch: 'a', seq: 7 });
    expect(openPositionStore(directory.path).get('console')).toEqual({ epoch: 'a', seq: 7 });
  });

  it('ends with the last of many values set at once', async () => {
    await using directory = await temporaryDirectory();
    const positions = openPositionStore(directory.path);
    await Promise.all(Array.from({ length: 50 }, (_, value) => positions.set('reader', value)));
    expect(openPositionStore(directory.path).get('reader')).toBe(49);
    expect(readdirSync(directory.path)).toEqual(['reader.position']);
  });

  it('sets a damaged file aside with a message, whatever was cut or changed', async () => {
    await using directory = await temporaryDirectory();
    await openPositionStore(directory.path).set('reader', 123456);
    const file = join(directory.path, 'reader.position');
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      const messages: string[] = [];
      expect(
        openPositionStore(directory.path, { onSetAside: (message) => messages.push(message) }).get('reader'),
      ).toBeUndefined();
      expect(messages).toEqual([expect.stringContaining(file)]);
    }
    for (let offset = 0; offset < whole.length; offset += 1) {
      const flipped = Buffer.from(whole);
      flipped[offset] = (flipped[offset] ?? 0) ^ 1;
      writeFileSync(file, flipped);
      expect(openPositionStore(directory.path, { onSetAside: () => {} }).get('reader')).toBeUndefined();
    }
  });

  it('refuses a name that could leave the directory', async () => {
    await using directory = await temporaryDirectory();
    const positions = openPositionStore(directory.path);
    expect(() => positions.get('../x')).toThrow(expect.objectContaining({ code: 'bad_parameter' }));
  });
});
