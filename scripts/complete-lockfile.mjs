// Adds to package-lock.json the entries of optional platform packages that npm could not resolve on this machine.
// Without them `npm ci` refuses the lockfile (EUSAGE). Run after every `npm install`; changes nothing when complete.
import { readFileSync, writeFileSync } from 'node:fs';

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

const lockfile = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(lockfile, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    // Beside the package that wants it, so that two versions of one family do not contend for one place.
    const parent = path.includes('node_modules/') ? path.slice(0, path.lastIndexOf('node_modules/')) : '';
    const places = [`${path}/node_modules/${name}`, `${parent}node_modules/${name}`, `node_modules/${name}`];
    const found = places.map((place) => lock.packages[place]).find((candidate) => candidate !== undefined);
    if (found?.version === version || (found !== undefined && !/^\d/.test(version))) continue;
    const key = found === undefined ? places[1] : places[0];
    const words = name.split(/[-/@]/);
    const system = systems.find((candidate) => words.includes(candidate));
    const processor = processors.find((candidate) => words.includes(candidate));
    lock.packages[key] = {
      version,
      optional: true,
      // An entry that no machine matches is never fetched, which is what an unresolved package needs.
      cpu: [processor ?? 'wasm32'],
      os: [system ?? 'none'],
    };
    added.push(name);
  }
}
if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(lockfile, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(added.length === 0 ? 'package-lock.json is complete' : `added ${added.length} platform packages`);
