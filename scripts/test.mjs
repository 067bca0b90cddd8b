// Runs every suite with Vitest and ends with the one line that counts them all: `N passed, N failed, N skipped`.
// A suite that ran nothing fails; under CI a skipped engine suite fails too, because what it proves is the product.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const resultFile = join(root, '.setup/test-result.json');
mkdirSync(dirname(resultFile), { recursive: true });
rmSync(resultFile, { force: true });

const chosen = process.argv.slice(2);
const vitest = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${resultFile}`,
    ...chosen,
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);

let result;
try {
  result = JSON.parse(readFileSync(resultFile, 'utf8'));
} catch {
  console.error('The test runner ended without a result; its own words stand above.');
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}

const suiteOf = (file) => {
  const path = relative(root, file);
  return path.startsWith('packages/') ? path.split('/').slice(0, 2).join('/') : path.split('/').slice(0, 2).join('/');
};
const suites = new Map();
const problems = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const file of result.testResults) {
  const counts = suites.get(suiteOf(file.name)) ?? { passed: 0, failed: 0, skipped: 0 };
  suites.set(suiteOf(file.name), counts);
  if (file.assertionResults.length === 0) {
    totals.failed++;
    counts.failed++;
    problems.push(`${relative(root, file.name)} ran no test: ${(file.message ?? '').split('\n')[0]}`);
  }
  for (const test of file.assertionResults) {
    const kind = test.status === 'passed' || test.status === 'failed' ? test.status : 'skipped';
    counts[kind]++;
    totals[kind]++;
  }
}

console.log('\nSuite                         passed  failed  skipped');
for (const [name, counts] of [...suites].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(
    `${name.padEnd(30)}${String(counts.passed).padStart(6)}${String(counts.failed).padStart(8)}${String(counts.skipped).padStart(9)}`,
  );
}
if (chosen.length === 0) {
  for (const name of [
    'packages/contract',
    'packages/rules',
    'packages/journal',
    'packages/defender',
    'packages/console',
    'test/hygiene',
    'test/e2e',
  ]) {
    const counts = suites.get(name);
    if (counts === undefined || counts.passed + counts.failed + counts.skipped === 0) {
      totals.failed++;
      problems.push(`${name} ran nothing`);
    } else if (process.env.CI && counts.skipped > 0) {
      totals.failed++;
      problems.push(`${name} skipped ${counts.skipped} tests, which CI does not accept`);
    }
  }
}
for (const problem of problems) console.error(`FAILED: ${problem}`);
const line = `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`;
writeFileSync(join(root, '.setup/test-summary'), `${line}\n`);
console.log(line);
process.exit(totals.failed > 0 || vitest.status !== 0 ? 1 : 0);
