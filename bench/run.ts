// `npm run bench` lists the measurements; `npm run bench -- NAME [arguments]` runs one, `npm run bench -- all` runs each in turn.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();
const [chosen, ...rest] = process.argv.slice(2);

if (chosen !== undefined && chosen !== 'all' && !names.includes(chosen)) {
  console.error(`There is no measurement "${chosen}". There are: ${names.join(', ')}, and "all".`);
  process.exit(2);
}
if (chosen === undefined) {
  console.log(
    `Measurements: ${names.join(', ')}. Run one with \`npm run bench -- NAME\`, each in turn with \`npm run bench -- all\`.`,
  );
  process.exit(0);
}
let failed = false;
for (const name of chosen === 'all' ? names : [chosen]) {
  console.log(`\n== ${name}`);
  const ran = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.bench.ts`), ...rest], {
    stdio: 'inherit',
  });
  failed ||= ran.status !== 0;
}
process.exit(failed ? 1 : 0);
