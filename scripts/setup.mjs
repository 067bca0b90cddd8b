// What `npm start`, `npm test` and `npm run demo` need before they run. Plain JavaScript for Node 20 and newer,
// because nothing is installed yet. Says what it does, does nothing when nothing is stale, never fails silently.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const state = join(root, '.setup');
const purpose = process.argv[2] ?? 'start';

/** Debian packages per purpose: the part they bring, for the sentence that says what is missing. */
const debianPackages = {
  'docker.io': 'a real Docker engine and its client',
  'busybox-static': 'an image that needs no registry',
  'docker-registry': 'a local registry',
  haproxy: 'the peer that the proxy is measured against',
  chromium: 'a browser for the page',
  sudo: 'sudo',
  'openssh-server': 'sshd',
  'openssh-client': 'ssh',
  rsyslog: 'a syslog daemon',
  postgresql: 'the control store for several Consoles',
  curl: 'a plain HTTP client',
};

const say = (text) => console.log(`set-up: ${text}`);

function fail(text) {
  console.error(`set-up: ${text}`);
  process.exit(1);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function filesBelow(folder) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...filesBelow(path));
    else if (!/\.test\.tsx?$/.test(entry.name)) found.push(path);
  }
  return found.sort((a, b) => a.localeCompare(b));
}

const readStamp = (name) => (existsSync(join(state, name)) ? readFileSync(join(state, name), 'utf8') : '');

function writeStamp(name, value) {
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, name), value);
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20)
    fail(`Node ${process.versions.node} is too old: install Node 20 or newer, then run the same command again.`);
}

function installNodePackages() {
  const wanted = hashOf(['package-lock.json']);
  const engine = join(root, 'node_modules/node/bin/node');
  if (readStamp('npm') === wanted && existsSync(engine)) return;
  say('installing the npm packages named in package-lock.json (npm ci; about half a minute)');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' });
  if (npm.status !== 0)
    fail('npm ci failed; its own words stand above. Check the network and the disk, then run the same command again.');
  if (!existsSync(engine)) {
    fail(
      'the npm package "node" brought no Node 24: its install script was not allowed to run. Run `npm rebuild node`, then the same command again.',
    );
  }
  writeStamp('npm', wanted);
}

function buildPage() {
  const sources = [
    'packages/web/package.json',
    ...filesBelow('packages/web/src'),
    ...filesBelow('packages/contract/src'),
  ];
  for (const file of ['packages/web/index.html', 'packages/web/vite.config.ts']) {
    if (existsSync(join(root, file))) sources.push(file);
  }
  const wanted = hashOf(sources);
  if (readStamp('web') === wanted && existsSync(join(root, 'packages/web/dist/index.html'))) return;
  say('building the web page (vite; a few seconds)');
  const vite = spawnSync('npm', ['run', '--silent', 'build', '-w', '@dockledger/web'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (vite.status !== 0) fail('the web page could not be built; the reason stands above.');
  writeStamp('web', wanted);
}

function isInstalled(name) {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return query.status === 0 && query.stdout === 'installed';
}

function installDebianPackages() {
  if (process.platform !== 'linux' || spawnSync('dpkg-query', ['--version']).status !== 0) {
    say(
      'this is not Debian or Ubuntu: suites that need an engine, a browser or daemons are skipped where they are missing',
    );
    return;
  }
  // Stamped by the package database itself, so that a removed package is noticed and an unchanged one costs nothing.
  const database = statSync('/var/lib/dpkg/status').mtimeMs.toString();
  if (readStamp('debian') === database) return;
  const missing = Object.keys(debianPackages).filter((name) => !isInstalled(name));
  if (missing.length === 0) {
    writeStamp('debian', database);
    return;
  }
  if (process.getuid() !== 0) {
    say(`not root, so these Debian packages are not installed and their suites are skipped: ${missing.join(' ')}`);
    return;
  }
  say(`installing Debian packages: ${missing.join(' ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  // Tests start daemons of their own; the packages' services are not to be started beside them.
  const policy = '/usr/sbin/policy-rc.d';
  const ownPolicy = !existsSync(policy);
  if (ownPolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const apt = (...words) =>
    spawnSync('apt-get', ['-q', '-y', ...words], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    apt('update');
    const all = apt('install', '--no-install-recommends', ...missing);
    // One package that cannot be had must not keep the others away.
    if (all.status !== 0) for (const name of missing) apt('install', '--no-install-recommends', name);
  } finally {
    if (ownPolicy) rmSync(policy, { force: true });
  }
  const still = missing.filter((name) => !isInstalled(name));
  for (const name of still) say(`could not install ${name} (${debianPackages[name]}); suites that need it are skipped`);
  if (still.length === 0) writeStamp('debian', statSync('/var/lib/dpkg/status').mtimeMs.toString());
}

checkNode();
installNodePackages();
if (purpose !== 'check') buildPage();
if (purpose === 'test' || purpose === 'demo') installDebianPackages();
