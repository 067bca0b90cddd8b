import { readdirSync, readFileSync } from 'node:fs';
import type { AccessRule } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import type { CollectionScope } from './collection-scope.ts';
import { compileRules } from './compiled-rules.ts';
import { decide, type RequestFacts } from './decide.ts';
import { explain } from './explain.ts';

const directory = new URL('../cases/', import.meta.url);

interface Case {
  readonly collections?: readonly CollectionScope[];
  readonly explicitActions?: readonly string[];
  readonly brand?: string;
  readonly rules: readonly AccessRule[];
  readonly request: RequestFacts;
}

/** The JSON block of one half of a case file. */
function readBlock(half: string | undefined): unknown {
  const block = /```json\n([\s\S]*?)```/.exec(half ?? '')?.[1];
  if (block === undefined) throw new Error('a case has a json block above and below its line');
  return JSON.parse(block);
}

describe('access rule cases', () => {
  const names = readdirSync(directory).filter((name) => name.endsWith('.case.md'));

  it.each(names)('%s', (name) => {
    const [above, below] = readFileSync(new URL(name, directory), 'utf8').split(/^---$/m);
    const { rules, request, collections, explicitActions, brand } = readBlock(above) as Case;
    const compiled = compileRules(rules, {
      ...(collections && { collections }),
      ...(explicitActions && { explicitActions }),
    });
    const decision = decide(compiled, request, brand === undefined ? {} : { brand });
    expect(decision).toMatchObject(readBlock(below) as object);
    expect(explain(compiled, request, brand === undefined ? {} : { brand }).decision).toEqual(decision);
  });
});
