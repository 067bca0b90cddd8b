// Who is at the other end of a connection: the person, and with whose rights.
// A container's root is never reported as the host's root; what cannot be found is left out, never guessed.
import type { Actor } from '@dockledger/contract';
import type { Caller, Identifier, SessionFinder } from '../ports.ts';
import { redactCommandLine } from '../redact-command-line.ts';
import {
  closeDescriptor,
  descriptorOf,
  groupIdsOf,
  groupNameOf,
  type PeerCredentials,
  peerCredentials,
  peerPidfd,
  pidfdIsAlive,
  userIdsOf,
  userNameOf,
} from './native.ts';
import { ancestorsOf, type ProcessFacts, readProcess } from './proc.ts';
import { createSessionFinder } from './session-finder.ts';

/** Asks the engine for a container's name by its full id; undefined when it knows none. The name has its slash. */
export type ContainerNameLookup = (containerId: string) => Promise<string | undefined>;

const nameCacheMs = 60_000;

/** Caches the answers of NSS for a minute, as LDAP may be slow and accounts rarely change. */
function cached<K, V>(load: (key: K) => V, now: () => number): (key: K) => V {
  const kept = new Map<K, { value: V; until: number }>();
  return (key) => {
    const hit = kept.get(key);
    if (hit !== undefined && hit.until > now()) return hit.value;
    if (kept.size > 10_000) kept.clear();
    const value = load(key);
    kept.set(key, { value, until: now() + nameCacheMs });
    return value;
  };
}

/** Who a uid is when NSS knows no name: the number stays visible. */
const numericName = (uid: number) => `uid:${uid}`;

/**
 * Finds callers by SO_PEERCRED and /proc. `containerName` names callers inside containers; without it, or when it
 * fails, such a caller is `container:` and the first twelve digits of its id.
 */
export function createIdentifier({
  containerName,
  now = Date.now,
  procRoot = '/proc',
  sessions = createSessionFinder({ procRoot, userNameOf }),
}: {
  containerName?: ContainerNameLookup;
  now?: () => number;
  procRoot?: string;
  /** Defaults to one of its own. */
  sessions?: SessionFinder;
}): Identifier {
  const nameOf = cached((uid: number) => userNameOf(uid), now);
  const groupsOf = cached((user: string) => {
    const ids = userIdsOf(user);
    return ids === undefined ? [] : groupIdsOf(user, ids.gid).map((gid) => groupNameOf(gid) ?? `gid:${gid}`);
  }, now);
  // Some hosts hide pid 1 even from root; the Defender runs in the host's pid namespace, so its own will do.
  const hostPidNamespace = readProcess(1, procRoot)?.pidNamespace ?? readProcess(process.pid)?.pidNamespace;

  const personOf = (
    credentials: PeerCredentials,
    facts: ProcessFacts | undefined,
  ): Pick<Actor, 'user' | 'userSource'> => {
    const named = (uid: number) => nameOf(uid) ?? numericName(uid);
    if (facts?.loginUid !== undefined) return { user: named(facts.loginUid), userSource: 'login' };
    if (credentials.uid !== 0) return { user: named(credentials.uid), userSource: 'peer' };
    if (facts !== undefined) {
      for (const ancestor of ancestorsOf(facts, procRoot)) {
        if (ancestor.realUid !== undefined && ancestor.realUid !== 0) {
          return { user: named(ancestor.realUid), userSource: 'ancestor' };
        }
      }
    }
    return { user: named(credentials.uid), userSource: 'peer' };
  };

  const identifyContainer = async (
    credentials: PeerCredentials,
    facts: ProcessFacts,
    containerId: string | undefined,
  ): Promise<Caller> => {
    const name = containerId === undefined ? undefined : await containerName?.(containerId).catch(() => undefined);
    const user = `container:${name?.replace(/^\//, '') ?? containerId?.slice(0, 12) ?? 'unknown'}`;
    return {
      actor: {
        user,
        userSource: 'container',
        uid: credentials.uid,
        effectiveUser: `uid:${credentials.uid}`,
        pid: credentials.pid,
        ...(facts.exe !== undefined && { exe: facts.exe }),
        commandLine: redactCommandLine(facts.argv),
        ...(containerId !== undefined && { containerId }),
        ...(name !== undefined && { containerName: name }),
        sourceIP: '',
      },
      principals: [user, ...(containerId === undefined ? [] : [`container:${containerId}`])],
      groups: [],
    };
  };

  return {
    identify(socket) {
      let credentials: PeerCredentials | undefined;
      let facts: ProcessFacts | undefined;
      try {
        const fd = descriptorOf(socket);
        credentials = peerCredentials(fd);
        if (credentials !== undefined && credentials.pid > 0) {
          const pidfd = peerPidfd(fd);
          facts = readProcess(credentials.pid, procRoot);
          if (pidfd !== undefined) {
            // Read first, then ask: had the peer ended meanwhile, another process might have got its pid.
            if (!pidfdIsAlive(pidfd)) facts = undefined;
            closeDescriptor(pidfd);
          }
        }
      } catch {
        credentials = undefined;
      }
      if (credentials === undefined)
        return { actor: { user: '', userSource: 'unknown', sourceIP: '' }, principals: [], groups: [] };
      if (facts?.containerId !== undefined) return identifyContainer(credentials, facts, facts.containerId);
      const foreignNamespace =
        facts?.pidNamespace !== undefined && hostPidNamespace !== undefined && facts.pidNamespace !== hostPidNamespace;
      if (facts !== undefined && foreignNamespace) return identifyContainer(credentials, facts, undefined);
      // pid 0: the peer lives where we cannot look. Its uid says nothing about a person of this host.
      if (credentials.pid === 0) {
        const user = `unresolved:uid:${credentials.uid}`;
        return {
          actor: { user, userSource: 'unknown', uid: credentials.uid, sourceIP: '' },
          principals: [user],
          groups: [],
        };
      }
      const person = personOf(credentials, facts);
      const groups = groupsOf(person.user);
      const sessionId = facts && sessions.ofProcess(facts.pid)?.sessionId;
      const personUid =
        facts?.loginUid ?? (person.userSource === 'peer' ? credentials.uid : userIdsOf(person.user)?.uid);
      return {
        actor: {
          ...person,
          uid: credentials.uid,
          effectiveUser: nameOf(credentials.uid) ?? numericName(credentials.uid),
          pid: credentials.pid,
          ...(facts?.loginUid !== undefined && {
            loginUser: nameOf(facts.loginUid) ?? numericName(facts.loginUid),
            loginUid: facts.loginUid,
          }),
          ...(facts?.exe !== undefined && { exe: facts.exe }),
          ...(facts !== undefined && facts.argv.length > 0 && { commandLine: redactCommandLine(facts.argv) }),
          ...(groups.length > 0 && { groups: [...groups] }),
          ...(sessionId !== undefined && { sessionId }),
          sourceIP: '',
        },
        principals: [person.user, ...(personUid === undefined ? [] : [`uid:${personUid}`])],
        groups,
      };
    },
  };
}
