// Type-checks every package and the tests, each under its own tsconfig, which is what keeps the layers apart.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const projects = ['test', 'bench', 'scripts'];
for (const name of readdirSync(join(root, 'packages'))) {
  for (const file of readdirSync(join(root, 'packages', name))) {
    if (/^tsconfig(\..+)?\.json$/.test(file)) projects.push(`packages/${name}/${file}`);
  }
}
let failed = false;
for (const project of projects.filter((path) => existsSync(join(root, path)))) {
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { cwd: root, stdio: 'inherit' });
  if (tsc.status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
