import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

describe('the pure part of the ledger', () => {
  it('uses nothing that a browser does not have, and imports nothing but itself and the error type', () => {
    const directory = new URL('.', import.meta.url);
    const files = readdirSync(directory).filter((name) => !name.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(8);
    for (const name of files) {
      const text = readFileSync(new URL(name, directory), 'utf8');
      const imported = [...text.matchAll(/from '([^']+)'/g)].map((match) => match[1] ?? '');
      const foreign = imported.filter((path) => !path.startsWith('./') && path !== '@dockledger/contract/error-code');
      expect(foreign, name).toEqual([]);
      const code = text.replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, '');
      expect(code, name).not.toMatch(/\b(Buffer|process|require|setTimeout|Date|performance)\b/);
    }
  });
});
