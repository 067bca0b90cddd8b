import { describe, expect, it } from 'vitest';
import { parseCheckpoint } from './checkpoint.ts';

const rootHash = 'm5f0ZkW0nTqQzq3J1yU6qv7x2l8s5oY1F7zTzJ2V0aA=';

describe('a checkpoint', () => {
  it('is read with its origin, size, root and signers', () => {
    const text = `example/ledger\n42\n${rootHash}\n\n— example/ledger c2ln\n— witness-1 c2ln\n`;
    expect(parseCheckpoint(text)).toEqual({
      origin: 'example/ledger',
      size: 42,
      rootHash,
      signers: ['example/ledger', 'witness-1'],
    });
  });

  it('is refused when its form is wrong', () => {
    for (const text of ['', '<html>', `x\n-1\n${rootHash}\n\n`, 'x\n42\nnot a hash\n\n'])
      expect(parseCheckpoint(text)).toBeUndefined();
  });
});
