// Rules of the house that a machine can keep: file headers, doc comments, one vocabulary, living links, nothing left over.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { productSources, readSource, repositoryFiles, root } from './sources.ts';

describe('files', () => {
  it('open with what they own', () => {
    const files = [...productSources(), ...repositoryFiles(/^(test|bench|scripts)\/.*\.(ts|mjs)$/)];
    const bare = files.filter((path) => {
      const [first = '', second = ''] = readSource(path).split('\n');
      return !(first.startsWith('//') || first.startsWith('/*') || (first.startsWith('#!') && second.startsWith('//')));
    });
    expect(bare.filter((path) => !/\.test\.tsx?$/.test(path))).toEqual([]);
  });

  it('document every exported name', () => {
    const bare: string[] = [];
    for (const path of productSources()) {
      const source = readSource(path);
      const { program, comments } = parseSync(path, source);
      const declared = new Set<string>();
      for (const node of program.body) {
        if (node.type !== 'ExportNamedDeclaration' || node.declaration === null) continue;
        const name =
          /export\s+(?:declare\s+|async\s+)?(?:abstract\s+)?(?:const|let|function\*?|class|interface|type)\s+(\w+)/.exec(
            source.slice(node.start, node.end),
          )?.[1] ?? '?';
        const before = comments.findLast((comment) => comment.end <= node.start);
        const documented = before?.value.startsWith('*') === true && source.slice(before.end, node.start).trim() === '';
        // A schema and its type share a name and one comment.
        if (documented) declared.add(name);
        else if (!declared.has(name)) bare.push(`${path}: ${name}`);
      }
    }
    expect(bare).toEqual([]);
  });

  it('export names only, never a default', () => {
    const wrong = productSources().filter((path) => /^export default/m.test(readSource(path)));
    expect(wrong).toEqual([]);
  });

  it('carry kebab-case names that say more than utils', () => {
    const wrong = productSources().filter((path) => {
      const name = path.split('/').at(-1) ?? '';
      return (
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.tsx?$/.test(name) ||
        /\b(utils?|helpers?|common|manager|misc)\b/.test(name)
      );
    });
    expect(wrong).toEqual([]);
  });

  it('leave nothing for later without saying so', () => {
    const wrong = [...productSources(), ...repositoryFiles(/^(test|bench|scripts)\/.*\.(ts|mjs)$/)].filter(
      (path) =>
        path !== 'test/hygiene/files.test.ts' &&
        /\b(TODO|FIXME|XXX)\b|@ts-ignore|@ts-nocheck|\bas any\b/.test(readSource(path)),
    );
    expect(wrong).toEqual([]);
  });

  it('name no machine path and no package registry', () => {
    const wrong = repositoryFiles(/./).filter(
      (path) =>
        !/^corpus\/|\.(png|gz|zst)$|^test\/hygiene\/files\.test\.ts$/.test(path) &&
        /\/work\/(main|shared|\.library)|registry\.npmjs\.org|deb\.debian\.org/.test(readSource(path)),
    );
    expect(wrong).toEqual([]);
  });

  it('wait for conditions in tests, never for time', () => {
    const wrong = repositoryFiles(/\.test\.tsx?$/).filter(
      (path) =>
        path !== 'test/hygiene/files.test.ts' &&
        /\b(it|test|describe)\.(skip|only|todo)\(|waitForTimeout\(|\bsleep\(/.test(readSource(path)),
    );
    expect(wrong).toEqual([]);
  });
});

describe('docs', () => {
  const documents = repositoryFiles(/\.md$/).filter((path) => !path.includes('/cases/'));

  it('have no dead links', () => {
    const dead: string[] = [];
    for (const path of documents) {
      for (const [, target = ''] of readSource(path).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^(https?:|mailto:|#)/.test(target)) continue;
        const file = join(root, dirname(path), target.split('#')[0] ?? '');
        if (!existsSync(file)) dead.push(`${path} → ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('use one word per concept', () => {
    // The glossary's "not" column; the vendor's own names stay in the pages about compatibility.
    const wrong = documents
      .filter((path) => !/glossary|compatib|CHANGELOG/i.test(path))
      .flatMap((path) =>
        readSource(path)
          .split('\n')
          .map((line, index) => ({ line, where: `${path}:${index + 1}` })),
      )
      .filter(({ line }) => /\b(audit agent|log entries|log entry|security policy rule|the agent)\b/i.test(line))
      .map(({ where }) => where);
    expect(wrong).toEqual([]);
  });

  it('give every decision its background, decision and cost', () => {
    const records = documents.filter((path) => /^docs\/decisions\/\d/.test(path));
    expect(records.length).toBeGreaterThan(0);
    const wrong = records.filter((path) => !/## Background[\s\S]+## Decision[\s\S]+## Cost/.test(readSource(path)));
    expect(wrong).toEqual([]);
  });
});

describe('lockfile', () => {
  it('names every optional platform package, without which npm ci refuses it', async () => {
    const lock = JSON.parse(readSource('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing: string[] = [];
    for (const [path, entry] of Object.entries(lock.packages)) {
      for (const name of Object.keys(entry.optionalDependencies ?? {})) {
        if (
          lock.packages[`node_modules/${name}`] === undefined &&
          lock.packages[`${path}/node_modules/${name}`] === undefined
        )
          missing.push(name);
      }
    }
    expect(missing).toEqual([]);
  });
});
