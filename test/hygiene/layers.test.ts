// Who may import whom (docs/architecture.md, "Packages and layers"), checked over every import, type-only ones too.
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { productSources, readSource, repositoryFiles } from './sources.ts';

/** Packages of ours that a package may import; `node` when Node's own modules are allowed. */
const layers: Readonly<Record<string, { ours: readonly string[]; node: boolean; others: readonly string[] }>> = {
  contract: { ours: [], node: false, others: ['typebox'] },
  rules: { ours: ['contract'], node: false, others: [] },
  'host-logs': { ours: [], node: false, others: [] },
  journal: { ours: ['contract'], node: true, others: [] },
  ledger: { ours: ['contract', 'journal'], node: true, others: [] },
  defender: { ours: ['contract', 'rules', 'journal', 'host-logs'], node: true, others: ['koffi', 'pino', 'typebox'] },
  console: {
    ours: ['contract', 'rules', 'journal', 'ledger'],
    node: true,
    others: [
      'typebox',
      'fastify',
      '@fastify/',
      '@clickhouse/client',
      'chdb',
      'kysely',
      'pg',
      '@node-rs/argon2',
      'jose',
      '@peculiar/x509',
      'pino',
      'reflect-metadata',
    ],
  },
  web: { ours: ['contract', 'ledger'], node: false, others: ['preact', '@preact/', 'uplot'] },
  cli: {
    ours: ['contract', 'rules', 'ledger', 'console', 'defender'],
    node: true,
    others: ['typebox', 'yaml', 'pino'],
  },
  testkit: { ours: ['contract'], node: true, others: [] },
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function importsOf(file: string): readonly Import[] {
  const { module } = parseSync(file, readSource(file));
  const specifiers = [
    ...module.staticImports.map((found) => found.moduleRequest.value),
    ...module.staticExports.flatMap((found) =>
      found.entries.flatMap((entry) => (entry.moduleRequest === null ? [] : [entry.moduleRequest.value])),
    ),
  ];
  return specifiers.map((specifier) => ({ file, specifier }));
}

const packageOf = (file: string) => file.split('/')[1] ?? '';
const imports = productSources().flatMap(importsOf);

describe('layers', () => {
  it('knows every package', () => {
    const packages = new Set(repositoryFiles(/^packages\/[^/]+\/package\.json$/).map(packageOf));
    expect([...packages].sort()).toEqual(Object.keys(layers).sort());
  });

  it('lets a package import only what its layer allows', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const layer = layers[packageOf(file)];
      if (layer === undefined || specifier.startsWith('.')) return false;
      if (specifier.startsWith('node:')) return !layer.node;
      const ours = /^@dockledger\/([^/]+)/.exec(specifier)?.[1];
      if (ours !== undefined) return !layer.ours.includes(ours) && ours !== packageOf(file);
      return !layer.others.some(
        (name) => specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`),
      );
    });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('never reaches into another package past its exports', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!specifier.startsWith('.')) return false;
      return !normalize(join(dirname(file), specifier)).startsWith(`packages/${packageOf(file)}/`);
    });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it("lets the Defender's parts meet only in agent.ts", () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const part = /^packages\/defender\/src\/([^/]+)\//.exec(file)?.[1];
      if (part === undefined || !specifier.startsWith('.')) return false;
      const target = normalize(join(dirname(file), specifier));
      const other = /^packages\/defender\/src\/([^/]+)\//.exec(target)?.[1];
      return other !== undefined && other !== part && other !== 'settings';
    });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('has no import cycles', () => {
    const graph = new Map<string, string[]>();
    for (const { file, specifier } of imports) {
      if (!specifier.startsWith('.')) continue;
      const { module } = { module: normalize(join(dirname(file), specifier)) };
      graph.set(file, [...(graph.get(file) ?? []), module]);
    }
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
