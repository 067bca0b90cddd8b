// `dockledger doctor`: is there a way to the engine past the Defender, what else is wrong with it, and what mends it.
// Exit code 0 only when there is nothing.
import type { Condition } from '@dockledger/contract';
import { type Door, findDoors, parseUnixAddress } from '@dockledger/defender';
import { readEndpoints } from '../endpoints-file.ts';
import { exitCode } from '../exit-code.ts';
import { loadJournal } from '../take-over/file-changes.ts';
import { takeOverJournal } from '../take-over/take-over.ts';
import { askUnix } from '../unix-http.ts';
import { askDefender } from './bypass.ts';

/** What `doctor --json` prints. */
export interface DoctorReport {
  /** True when nothing was found and everything could be looked at. */
  readonly ok: boolean;
  readonly findings: readonly Omit<Condition, 'since'>[];
}

/** The settings that matter here, as they are in force. */
export interface DoctorRequest {
  readonly dataDir: string;
  readonly engine: string;
  readonly proxyMode: string;
  readonly json: boolean;
}

/** Looks at this host as it is now; asks the engine and the running Defender. */
export async function loadDoctorReport({ dataDir, engine, proxyMode }: DoctorRequest): Promise<DoctorReport> {
  const findings: Door[] = [];
  const enginePath = parseUnixAddress('engine', engine);
  if (process.getuid?.() !== 0) {
    findings.push({
      name: 'not-root',
      text: 'Only root sees which process holds which socket: this look is not complete.',
      fix: 'sudo dockledger doctor',
    });
  }
  const endpoints = await readEndpoints(dataDir);
  const proxyPath = endpoints?.dockerProxy?.replace(/^unix:\/\//, '');
  if (proxyPath === undefined) {
    findings.push({
      name: 'defender-not-running',
      text: `No Defender runs on ${dataDir}: nothing is guarded and nothing recorded.`,
      fix: 'systemctl start dockledger-defender',
    });
  }
  const info = await askUnix(enginePath, '/info').catch((error: NodeJS.ErrnoException) => {
    findings.push({
      name: 'engine-unavailable',
      text: `The Docker engine at ${engine} cannot be reached (${error.code ?? error.message}).`,
      fix: 'systemctl status docker',
    });
    return undefined;
  });
  const tlsPort = Number(/:(\d+)$/.exec(endpoints?.dockerTlsProxy ?? '')?.[1] ?? 0);
  const journal = await loadJournal(takeOverJournal(dataDir)).catch(() => undefined);
  if (journal !== undefined && journal.phase !== 'done') {
    findings.push({
      name: 'take-over-interrupted',
      text: 'Taking over the well-known Docker socket, or giving it back, was cut off in the middle.',
      fix: 'dockledger defender install --give-back',
    });
  }
  const doors = findDoors({
    enginePath,
    ownPorts: [tlsPort],
    ...(info?.status === 200 && { info: info.value }),
    ...(proxyPath !== undefined && {
      proxy: { path: proxyPath, mode: Number.parseInt(proxyMode, 8), gid: 'any' },
    }),
  });
  findings.push(...doors);
  // The running Defender knows what cannot be seen from outside: its rules, its spool, its link.
  const own = (await askDefender(dataDir, 'POST', '/v1/look').catch(() => ({ conditions: [] }))) as {
    readonly conditions: readonly Condition[];
  };
  const known = new Set(findings.map(({ name }) => name));
  findings.push(...own.conditions.filter(({ name }) => !known.has(name)));
  return { ok: findings.length === 0, findings };
}

/** Prints the findings, each with the command that mends it, and returns the exit code. */
export async function doctorCommand(request: DoctorRequest): Promise<number> {
  const report = await loadDoctorReport(request);
  if (request.json) console.log(JSON.stringify(report));
  else if (report.ok) console.log('No way leads to the engine past the Defender.');
  else {
    for (const { name, text, fix } of report.findings) {
      console.log(`${name}: ${text}`);
      if (fix !== undefined) console.log(`  ${fix}`);
    }
  }
  return report.ok ? exitCode.ok : exitCode.failed;
}
