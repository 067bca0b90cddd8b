// Which login a process belongs to. The id is that of the root-owned sshd process that serves the connection: no user can
// make one, and sshd's own log lines carry its pid. What outlives it (tmux, cron) is found by the audit session.
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessSession, SessionFinder } from '../ports.ts';
import { ancestorsOf, parseStat, parseUids } from './proc.ts';

interface Origin {
  readonly pid: number;
  readonly comm: string;
  readonly startTicks: string;
  readonly realUid: number | undefined;
  readonly auditSession?: number | undefined;
}

const maxRemembered = 4096;

/** A finder over `procRoot` (default /proc). `userNameOf` names uids. It remembers which login an audit session belonged to. */
export function createSessionFinder({
  procRoot = '/proc',
  userNameOf = () => undefined,
}: {
  procRoot?: string;
  userNameOf?: (uid: number) => string | undefined;
} = {}): SessionFinder {
  const loginOfAudit = new Map<string, string>();

  const readText = (path: string): string => {
    try {
      return readFileSync(`${procRoot}/${path}`, 'utf8');
    } catch {
      return '';
    }
  };

  /** sshd serving a connection: not the listener, not the user's own child, not a user's program of that name. */
  const isServing = ({ pid, comm, realUid }: Origin): boolean =>
    (comm === 'sshd' || comm === 'sshd-session') &&
    realUid === 0 &&
    /^sshd(?:-session)?: /.test(readText(`${pid}/cmdline`)) &&
    !readText(`${pid}/cmdline`).includes('[listener]');

  const ofOrigin = (origin: Origin & { readonly parentPid: number }): ProcessSession | undefined => {
    const audit = origin.auditSession === undefined ? undefined : String(origin.auditSession);
    for (const process of [origin, ...ancestorsOf(origin, procRoot)]) {
      if (!isServing(process)) continue;
      const sessionId = `sshd-${process.pid}-${process.startTicks}`;
      if (audit !== undefined) {
        loginOfAudit.delete(audit);
        loginOfAudit.set(audit, sessionId);
        const oldest = loginOfAudit.keys().next().value;
        if (loginOfAudit.size > maxRemembered && oldest !== undefined) loginOfAudit.delete(oldest);
      }
      return { sessionId, by: 'sshd' };
    }
    return audit === undefined ? undefined : { sessionId: loginOfAudit.get(audit) ?? `audit-${audit}`, by: 'audit' };
  };

  // Asked for every login line: only what the answer needs is read.
  const ofProcess = (pid: number): ProcessSession | undefined => {
    const stat = parseStat(readText(`${pid}/stat`));
    if (stat === undefined) return undefined;
    const isSshd = stat.comm === 'sshd' || stat.comm === 'sshd-session';
    const realUid = isSshd ? parseUids(readText(`${pid}/status`))?.real : undefined;
    return ofOrigin({ pid, ...stat, realUid, auditSession: parseAuditSession(readText(`${pid}/sessionid`)) });
  };

  const pids = (): number[] => {
    try {
      return readdirSync(procRoot)
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
    } catch {
      return [];
    }
  };

  // After a start: logins that are still open tell their audit sessions.
  for (const pid of pids()) {
    const stat = parseStat(readText(`${pid}/stat`));
    if (stat?.comm === 'sshd' || stat?.comm === 'sshd-session') ofProcess(pid);
  }

  return {
    ofProcess,
    ofAuditSession: (auditSession) => loginOfAudit.get(auditSession) ?? `audit-${auditSession}`,
    ofUser(user, terminal) {
      const number = terminal === undefined ? undefined : terminalNumber(terminal);
      if (terminal !== undefined && number === undefined) return [];
      const found = new Set<string>();
      for (const pid of pids()) {
        const stat = readText(`${pid}/stat`);
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (number !== undefined && Number(fields[4]) !== number) continue;
        const realUid = parseUids(readText(`${pid}/status`))?.real;
        if (realUid === undefined || userNameOf(realUid) !== user) continue;
        const session = ofProcess(pid);
        if (session !== undefined) found.add(session.sessionId);
      }
      return [...found];
    },
  };
}

/** Undefined when unset (4294967295). */
function parseAuditSession(text: string): number | undefined {
  const id = /^\d{1,10}\s*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(id) || id === 4_294_967_295 ? undefined : id;
}

/** The kernel's number of `pts/3` or `tty1`, as /proc/PID/stat has it. */
function terminalNumber(terminal: string): number | undefined {
  const match = /^(?:\/dev\/)?(pts\/|tty)(\d{1,6})$/.exec(terminal);
  if (match === null) return undefined;
  const minor = Number(match[2]);
  const major = match[1] === 'tty' ? 4 : 136 + (minor >> 8);
  return match[1] === 'tty' ? (major << 8) | minor : (major << 8) | (minor & 0xff);
}
