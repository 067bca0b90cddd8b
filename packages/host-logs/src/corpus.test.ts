import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createConnectionTracker } from './connection-tracker.ts';
import type { HostLogResult } from './host-log-result.ts';
import { type HostLineContext, parseHostLine } from './parse-host-line.ts';

// The corpus was recorded from real daemons by scripts/record-host-corpus.ts; its truth is what that script did.
type Truth = {
  readonly program: string;
  readonly peers: readonly { readonly address: string; readonly port: number }[];
  readonly user: string | null;
  readonly method?: string;
  readonly keyFingerprint?: string;
  readonly certificateId?: string;
  readonly runAs?: string;
  readonly cwd?: string;
  readonly argv?: readonly string[];
  readonly onTty?: boolean;
  readonly expected: Readonly<Record<string, number>>;
};
type Line = { readonly bsd: string; readonly iso: string; readonly journal: Record<string, unknown> };
type Recorded = { readonly scenario: string; readonly truth: Truth; readonly lines: readonly Line[] };

const corpusDir = join(fileURLToPath(import.meta.url), '../../../../corpus');
const files = readdirSync(corpusDir).flatMap((version) =>
  readdirSync(join(corpusDir, version))
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => join(corpusDir, version, name)),
);
const scenarios: Recorded[] = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recorded),
);

const afterAll = Date.UTC(2026, 11, 1);
const contexts: Readonly<Record<'bsd' | 'iso' | 'journal', HostLineContext>> = {
  bsd: { source: 'file', referenceTimeMs: afterAll, zone: 'Europe/Berlin' },
  iso: { source: 'file', referenceTimeMs: afterAll },
  journal: { source: 'journal', referenceTimeMs: afterAll, trust: { isHostProcess: () => true } },
};
type Form = keyof typeof contexts;

// Files were kept as Latin-1, one character for each byte.
const bytesOf = (line: string): Uint8Array => Uint8Array.from(line, (character) => character.charCodeAt(0));

function parse(line: Line, form: Form, truth?: Truth): HostLogResult | null {
  // From a file alone, a whole forged line cannot be told: the host's own table of connections can.
  if (truth?.program === 'forged' && form !== 'journal') {
    return parseHostLine(bytesOf(line[form]), { ...contexts[form], isConnected: () => false });
  }
  return form === 'journal'
    ? parseHostLine(JSON.stringify(line.journal), contexts.journal)
    : parseHostLine(bytesOf(line[form]), contexts[form]);
}

function resultsOf(recorded: Recorded, form: Form): HostLogResult[] {
  const tracker = createConnectionTracker();
  const out = recorded.lines.flatMap((line) => tracker.push(parse(line, form, recorded.truth)));
  return [...out, ...tracker.flush()];
}

/** What sudo 1.9 makes of its words, by its manual: blanks in quotes, control characters as #ooo. */
function asSudoWrites(argv: readonly string[]): string {
  const control = (text: string): string =>
    text.replace(/[\x00-\x1f\x7f]/g, (c) => `#${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const words = argv.map((word) => {
    const escaped = control(word).replace(/[\\']/g, '\\$&');
    return escaped.includes(' ') ? `'${escaped}'` : escaped;
  });
  return words.join(' ').trimEnd();
}

const utf8 = new TextEncoder();

/** True when `name` is the user, or its beginning where sshd cut it at 100 bytes. */
function isUser(name: string, truth: Truth): boolean {
  const user = truth.user ?? '';
  if (name === user) return true;
  const cut = name.replace(/\ufffd+$/, '');
  return utf8.encode(user).length > 100 && utf8.encode(cut).length >= 90 && user.startsWith(cut);
}

type Complaint = { readonly scenario: string; readonly member: string; readonly got: unknown };

/** Everything that a result says and that did not happen. */
function falsehoods(recorded: Recorded, result: HostLogResult): Complaint[] {
  const { truth, scenario } = recorded;
  const out: Complaint[] = [];
  const say = (member: string, got: unknown): void => void out.push({ scenario, member, got });
  const { peer } = result;
  const isReal = truth.peers.some(
    (real) => real.address === peer?.address && (peer.port === null || real.port === peer.port),
  );
  if (peer !== null && !isReal) say('peer', peer);
  if (truth.program === 'forged') {
    if (result.confidence === 'trusted') say('confidence', result.confidence);
    return out;
  }
  if (result.user !== null && !isUser(result.user, truth)) say('user', result.user);
  if (result.method !== null && truth.method !== undefined && !['none', truth.method].includes(result.method))
    say('method', result.method);
  if (
    result.keyFingerprint !== null &&
    truth.keyFingerprint !== undefined &&
    result.keyFingerprint !== truth.keyFingerprint
  )
    say('keyFingerprint', result.keyFingerprint);
  if (
    result.certificateId !== null &&
    truth.certificateId !== undefined &&
    result.certificateId !== truth.certificateId
  )
    say('certificateId', result.certificateId);
  if (result.runAs !== null && truth.runAs !== undefined && result.runAs !== truth.runAs) say('runAs', result.runAs);
  if (result.tty !== null && truth.onTty === false) say('tty', result.tty);
  if (result.program === 'sudo' && truth.argv !== undefined && result.kind.startsWith('sudo_'))
    out.push(...sudoFalsehoods(recorded, result));
  return out;
}

function sudoFalsehoods({ truth, scenario }: Recorded, result: HostLogResult): Complaint[] {
  const out: Complaint[] = [];
  const argv = truth.argv ?? [];
  const command = result.argv === null ? asSudoWrites(argv) : argv.join(' ');
  const cwd =
    result.argv === null
      ? truth.cwd?.replace(/[\x00-\x1f]/g, (c) => `#${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
      : truth.cwd;
  if (result.command !== null && result.command.trimEnd() !== command)
    out.push({ scenario, member: 'command', got: result.command });
  if (result.cwd !== null && result.cwd !== cwd) out.push({ scenario, member: 'cwd', got: result.cwd });
  const readings = result.readings ?? [];
  const isAmong = readings.some(
    (reading) => reading.command?.trimEnd() === command && reading.cwd === cwd && reading.runAs === truth.runAs,
  );
  if (readings.length > 0 && !isAmong) out.push({ scenario, member: 'readings', got: readings });
  if (readings.length === 0 && (result.command === null || result.cwd === null))
    out.push({ scenario, member: 'nothing read', got: result.raw });
  return out;
}

/** Text that names the real peer, port and all, and from which no peer was read. */
function missed(recorded: Recorded, line: Line, result: HostLogResult | undefined): boolean {
  const named = recorded.truth.peers.some(
    ({ address, port }) => line.bsd.includes(`${address} port ${port}`) || line.bsd.includes(`[${address}]:${port}`),
  );
  return named && (result === undefined || result.peer === null);
}

describe.each(['bsd', 'iso', 'journal'] as const)('the corpus of real daemons as %s', (form) => {
  it('holds no line from which a false peer, user, key, command or trust is read', () => {
    const wrong = scenarios.flatMap((recorded) =>
      resultsOf(recorded, form).flatMap((result) => falsehoods(recorded, result)),
    );
    expect(wrong).toEqual([]);
  });

  it('gives the peer of every line that names it', () => {
    const counts = { lines: 0, right: 0, missed: [] as string[] };
    for (const recorded of scenarios) {
      if (recorded.truth.program === 'forged') continue;
      const tracker = createConnectionTracker();
      for (const line of recorded.lines) {
        counts.lines++;
        const [result] = tracker.push(parse(line, form));
        if (missed(recorded, line, result)) counts.missed.push(line.bsd.slice(0, 160));
        else if (result !== undefined && result.peer !== null) counts.right++;
      }
    }
    console.log(`${form}: ${counts.lines} lines, peer right ${counts.right}, missed ${counts.missed.length}, wrong 0`);
    expect(counts.missed).toEqual([]);
  });

  it('gives each scenario the events that it did, as often as it did them', () => {
    const differing = scenarios.flatMap((recorded) => {
      const counts: Record<string, number> = {};
      for (const result of resultsOf(recorded, form)) counts[result.kind] = (counts[result.kind] ?? 0) + result.count;
      return Object.entries(recorded.truth.expected).flatMap(([kind, count]) => {
        // Without sshd's VERBOSE level only PAM tells of the session.
        const got = kind === 'session_open' && counts[kind] === undefined ? counts['pam_session_open'] : counts[kind];
        return got === count ? [] : [{ scenario: recorded.scenario, kind, count, got }];
      });
    });
    expect(differing).toEqual([]);
  });
});

describe('the corpus', () => {
  it('gives the same time in all three forms', () => {
    for (const { lines } of scenarios) {
      for (const line of lines) {
        const [bsd, iso, journal] = (['bsd', 'iso', 'journal'] as const).map(
          (form) => parse(line, form)?.timeMs ?? null,
        );
        if (bsd == null || iso == null || journal == null) continue;
        expect(Math.abs(iso - journal)).toBeLessThan(2000);
        expect(Math.abs(bsd - iso)).toBeLessThan(1000);
      }
    }
  });

  it('trusts what sshd wrote as root and no line that another program forged', () => {
    const logins = scenarios
      .filter(({ truth }) => truth.expected['login'] === 1)
      .flatMap((recorded) => resultsOf(recorded, 'journal'));
    // This journald now and then misses a program's path, and here there are no units to speak for it: then it is `file`.
    const confidences = logins.filter((result) => result.kind === 'login').map((result) => result.confidence);
    expect(confidences).not.toContain('forgeable');
    expect(confidences.filter((confidence) => confidence === 'trusted').length).toBeGreaterThan(confidences.length / 2);
    const untold: HostLineContext = { source: 'journal', referenceTimeMs: afterAll };
    const forged = scenarios.filter(({ truth }) => truth.program === 'forged').flatMap(({ lines }) => lines);
    expect(forged.length).toBeGreaterThan(5);
    for (const line of forged) {
      for (const context of [untold, contexts.journal]) {
        const result = parseHostLine(JSON.stringify(line.journal), context);
        expect(result).toMatchObject({ confidence: 'forgeable', peer: null });
      }
    }
  });

  it('counts the same when rsyslog folds equal lines into one', () => {
    const count = (lines: readonly string[]): Record<string, number> => {
      const counts: Record<string, number> = {};
      const tracker = createConnectionTracker();
      const results = lines.flatMap((line) => tracker.push(parseHostLine(bytesOf(line), contexts.bsd)));
      for (const result of [...results, ...tracker.flush()])
        counts[result.kind] = (counts[result.kind] ?? 0) + result.count;
      return counts;
    };
    const folded = readFileSync(join(corpusDir, 'openssh-9.2p1/repeated.log'), 'latin1').split('\n');
    expect(folded.some((line) => line.includes('message repeated 2 times: ['))).toBe(true);
    expect(count(folded)).toEqual(count(scenarios.flatMap(({ lines }) => lines.map(({ bsd }) => bsd))));
  });
});
