// Which login a host-log line belongs to, and how sure that is. The process or the audit session in the line decide; a
// terminal is a guess and is called one.
import type { HostLogResult } from '@dockledger/host-logs';
import type { SessionFinder } from '../ports.ts';

/** A login and the way it was found. */
export interface LinkedSession {
  readonly sessionId: string;
  readonly by: 'sshd' | 'audit' | 'connection' | 'terminal' | 'user';
  readonly isGuess: boolean;
}

/** sshd's lines that tell of a login, not of an attempt. */
const ofLogin: ReadonlySet<string> = new Set([
  'login',
  'pam_session_open',
  'pam_session_close',
  'session_open',
  'session_close',
  'disconnect',
]);

const maxConnections = 10_000;

/** Links the lines of one source, in their order. A connection's lines after its process has ended are known by its pid. */
export function createSessionLinker(finder: SessionFinder): (result: HostLogResult) => LinkedSession | undefined {
  const loginOfPid = new Map<string, string>();

  function linkSshd(result: HostLogResult): LinkedSession | undefined {
    if (result.pid === null || !ofLogin.has(result.kind)) return undefined;
    const key = `${result.bootId ?? ''} ${result.pid}`;
    if (result.kind === 'disconnect') {
      const known = loginOfPid.get(key);
      return known === undefined ? undefined : { sessionId: known, by: 'connection', isGuess: false };
    }
    const found = finder.ofProcess(result.pid);
    if (found?.by === 'sshd') {
      loginOfPid.delete(key);
      loginOfPid.set(key, found.sessionId);
      const oldest = loginOfPid.keys().next().value;
      if (loginOfPid.size > maxConnections && oldest !== undefined) loginOfPid.delete(oldest);
      return { sessionId: found.sessionId, by: 'sshd', isGuess: false };
    }
    // A new login under a pid that was used before is another connection.
    if (result.kind === 'login') loginOfPid.delete(key);
    const known = loginOfPid.get(key);
    if (known !== undefined) return { sessionId: known, by: 'connection', isGuess: false };
    return linkAudit(result);
  }

  function linkAudit(result: HostLogResult): LinkedSession | undefined {
    if (result.auditSession === null || result.auditSession === '4294967295') return undefined;
    return { sessionId: finder.ofAuditSession(result.auditSession), by: 'audit', isGuess: false };
  }

  function linkCommand(result: HostLogResult): LinkedSession | undefined {
    // A pid in a file is text, and may belong to another process by now; from the journal it is the kernel's.
    const found = result.pid === null ? undefined : finder.ofProcess(result.pid);
    if (found !== undefined) return { ...found, isGuess: result.confidence !== 'trusted' && result.bootId === null };
    const audit = linkAudit(result);
    if (audit !== undefined) return audit;
    if (result.user === null) return undefined;
    const sessions = finder.ofUser(result.user, result.tty ?? undefined);
    const [only] = sessions;
    if (only === undefined || sessions.length > 1) return undefined;
    return { sessionId: only, by: result.tty === null ? 'user' : 'terminal', isGuess: true };
  }

  return (result) => {
    if (result.confidence === 'forgeable') return undefined;
    if (result.program === 'sshd') return linkSshd(result);
    return result.program === 'sudo' || result.program === 'su' ? linkCommand(result) : undefined;
  };
}
