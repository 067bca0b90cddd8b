// What this host knows about the writers of journal lines: whether a process is the host's own sudo or su, seen alive.
// Every answer that cannot be had makes a line less trusted, never more.
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import type { JournalTrust } from '@dockledger/host-logs';

const ownPrograms = ['/usr/bin/sudo', '/bin/sudo', '/usr/local/bin/sudo', '/usr/bin/su', '/bin/su'];

/** The host's knowledge, from `procRoot` (default /proc). */
export function createHostTrust(
  userNameOf: (uid: number) => string | undefined,
  procRoot = '/proc',
): Required<Pick<JournalTrust, 'isHostProcess' | 'userNameOfUid' | 'areUserNamespacesRestricted'>> {
  const ownNamespace = attempt(() => readlinkSync(`${procRoot}/self/ns/user`));
  return {
    isHostProcess: (pid) => {
      const exe = attempt(() => statSync(`${procRoot}/${pid}/exe`));
      if (exe === undefined || ownNamespace === undefined) return false;
      if (attempt(() => readlinkSync(`${procRoot}/${pid}/ns/user`)) !== ownNamespace) return false;
      return ownPrograms.some((path) => {
        const own = attempt(() => statSync(path));
        return own !== undefined && own.ino === exe.ino && own.dev === exe.dev && own.uid === 0;
      });
    },
    userNameOfUid: userNameOf,
    areUserNamespacesRestricted:
      readNumber(`${procRoot}/sys/user/max_user_namespaces`) === 0 ||
      readNumber(`${procRoot}/sys/kernel/unprivileged_userns_clone`) === 0,
  };
}

function readNumber(path: string): number | undefined {
  const text = attempt(() => readFileSync(path, 'utf8').trim());
  return text === undefined || text === '' ? undefined : Number(text);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // The process has ended, or this kernel has no such switch.
    return undefined;
  }
}
