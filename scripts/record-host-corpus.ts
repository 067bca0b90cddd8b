// Records the host-log corpus from the real daemons of this machine, in namespaces of its own, and writes it under
// corpus/<daemon-version>/. Usage: npx node scripts/record-host-corpus.ts (as root, Debian with openssh-server, sudo, rsyslog).
// Every line is stored in each form it was logged in (journal entry, RFC 3339 file, RFC 3164 file) with its truth.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildAnyNameLibrary,
  connectionPids,
  makeKeys,
  preparePrivateHost,
  roomDir,
  startLogDaemons,
  stopDaemons,
  until,
} from './host-corpus/private-host.ts';
import type { Scenario, Truth } from './host-corpus/scenario.ts';
import { sshScenarios, startSshDaemons } from './host-corpus/ssh-scenarios.ts';
import { sudoScenarios } from './host-corpus/sudo-scenarios.ts';

const corpusDir = join(dirname(fileURLToPath(import.meta.url)), '..', 'corpus');
const self = fileURLToPath(import.meta.url);

/** The journal fields that are kept; others would tie the corpus to the machine that recorded it. */
const keptFields = [
  'MESSAGE',
  'PRIORITY',
  'SYSLOG_FACILITY',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  'SYSLOG_TIMESTAMP',
  '_PID',
  '_UID',
  '_GID',
  '_COMM',
  '_EXE',
  '_CMDLINE',
  '_CAP_EFFECTIVE',
  '_TRANSPORT',
  '_SYSTEMD_UNIT',
  '_SYSTEMD_CGROUP',
  '_AUDIT_LOGINUID',
  '_AUDIT_SESSION',
  '_HOSTNAME',
  '_SOURCE_REALTIME_TIMESTAMP',
  '__REALTIME_TIMESTAMP',
];

type Entry = Record<string, unknown>;

function journalEntries(): Entry[] {
  const text = execFileSync(
    'journalctl',
    ['-o', 'json', '--all', '--no-pager', '_TRANSPORT=syslog', 'SYSLOG_FACILITY=4', 'SYSLOG_FACILITY=10'],
    { maxBuffer: 1 << 28, encoding: 'utf8' },
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const entry = JSON.parse(line) as Entry;
      return Object.fromEntries(keptFields.flatMap((name) => (entry[name] === undefined ? [] : [[name, entry[name]]])));
    });
}

// Latin-1 keeps every byte of the file as one character, so that a line that is not UTF-8 survives the JSON around it.
const fileLines = (name: string): string[] => readFileSync(`${roomDir}/${name}`, 'latin1').split('\n').slice(0, -1);

async function recordOne(scenario: Scenario): Promise<Truth> {
  const truth = await scenario.run();
  await until(`${scenario.name} to end`, () => connectionPids().length === 0);
  execFileSync('logger', ['-t', 'corpus-mark', '-p', 'auth.info', scenario.name]);
  await until(`the mark of ${scenario.name}`, () =>
    fileLines('bsd.log')
      .slice(-3)
      .some((line) => line.endsWith(` corpus-mark: ${scenario.name}`)),
  );
  return truth;
}

function isMark(entry: Entry): boolean {
  return entry['SYSLOG_IDENTIFIER'] === 'corpus-mark';
}

function versions(): { sshd: string; sudo: string } {
  const package_ = (name: string): string =>
    execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' })
      .replace(/^\d+:/, '')
      .replace(/-.*/, '');
  return { sshd: `openssh-${package_('openssh-server')}`, sudo: `sudo-${package_('sudo')}` };
}

async function inside(): Promise<void> {
  preparePrivateHost();
  makeKeys();
  buildAnyNameLibrary();
  writeFileSync(`${roomDir}/askpass`, '#!/bin/sh\nprintf "%s\\n" "$ANSWER"\n');
  chmodSync(`${roomDir}/askpass`, 0o755);
  await startLogDaemons();
  await startSshDaemons();
  const only = process.env['CORPUS_ONLY'];
  const scenarios = [...sshScenarios(), ...sudoScenarios()].filter(
    ({ name }) => only === undefined || new RegExp(only).test(name),
  );
  execFileSync('logger', ['-t', 'corpus-mark', '-p', 'auth.info', 'start']);
  const truths = new Map<string, Truth>();
  if (new Set(scenarios.map(({ name }) => name)).size !== scenarios.length)
    throw new Error('two scenarios share a name');
  for (const scenario of scenarios) truths.set(scenario.name, await recordOne(scenario));
  const bsd = fileLines('bsd.log');
  const iso = fileLines('iso.log');
  // A datagram with line feeds is one journal entry and one file line, so the three forms pair up by order.
  const entries = journalEntries();
  if (entries.length !== bsd.length || bsd.length !== iso.length) {
    const end = (entry: Entry): string => /[\x20-\x7e]{0,20}$/.exec(String(entry['MESSAGE']))?.[0] ?? '';
    const at = entries.findIndex((entry, index) => bsd[index]?.endsWith(end(entry)) !== true);
    throw new Error(`the forms do not pair up at ${JSON.stringify(entries[at])} and ${bsd[at]}`);
  }
  const { sshd, sudo } = versions();
  const out: Record<string, string[]> = {
    [`${sshd}/sshd`]: [],
    [`${sudo}/sudo`]: [],
    [`${sudo}/su`]: [],
    [`${sshd}/forged`]: [],
  };
  const begin = entries.findIndex(isMark) + 1;
  let pending: number[] = [];
  for (let index = begin; index < entries.length; index++) {
    const entry = entries[index] ?? {};
    if (!isMark(entry)) {
      pending.push(index);
      continue;
    }
    const scenario = String(entry['MESSAGE']);
    const truth = truths.get(scenario);
    if (truth === undefined) throw new Error(`no truth for ${scenario}`);
    const dir = truth.program === 'sshd' || truth.program === 'forged' ? sshd : sudo;
    const lines = pending.map((at) => ({ bsd: bsd[at], iso: iso[at], journal: entries[at] }));
    out[`${dir}/${truth.program}`]?.push(JSON.stringify({ scenario, truth, lines }));
    pending = [];
  }
  for (const [name, lines] of Object.entries(out)) {
    mkdirSync(dirname(join(corpusDir, name)), { recursive: true });
    writeFileSync(join(corpusDir, `${name}.jsonl`), `${lines.join('\n')}\n`);
    console.log(`${name}.jsonl: ${lines.length} scenarios`);
  }
  // Runs of equal lines as rsyslog writes them with $RepeatedMsgReduction on.
  writeFileSync(join(corpusDir, sshd, 'repeated.log'), readFileSync(`${roomDir}/repeated.log`));
  stopDaemons();
}

if (process.argv.includes('--inside')) {
  await inside();
} else {
  const ran = spawnSync(
    'unshare',
    ['-m', '-p', '-f', '-u', '-n', '--mount-proc', '--kill-child', process.execPath, self, '--inside'],
    { stdio: 'inherit' },
  );
  process.exitCode = ran.status ?? 1;
}
