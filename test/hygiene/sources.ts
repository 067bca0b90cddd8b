// The repository's own source files for hygiene tests: listed by git, so that ignored and generated files never count.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Root of the repository. */
export const root = join(import.meta.dirname, '../..');

/** Tracked and new files whose path matches, relative to the root. */
export function repositoryFiles(pattern: RegExp): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split('\n').filter((path) => path !== '' && pattern.test(path) && existsSync(join(root, path)));
}

/** Text of a file of the repository. */
export const readSource = (path: string): string => readFileSync(join(root, path), 'utf8');

/** TypeScript that ships: no tests, no fixtures. */
export const productSources = (): readonly string[] =>
  repositoryFiles(/^packages\/[^/]+\/src\/.*\.tsx?$/).filter(
    (path) => !/\.(test|torture)\.tsx?$|\/testing\/|\/contract-suites\//.test(path),
  );
