// Who besides root may connect to a unix socket or change a file, by the rights of the file and of every directory above it.
// Invariant: answers "somebody" only when all directories on the way let that somebody through.
import { readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Who besides root may write. A group counts when it is not root's. */
export interface PathAccess {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** The twelve bits. */
  readonly mode: number;
  readonly isSocket: boolean;
  readonly inode: number;
  readonly everybody: boolean;
  /** The group that may, or undefined. */
  readonly group: number | undefined;
  /** The owner that may, when it is not root. */
  readonly owner: number | undefined;
}

const writeBit = 2;
const passBit = 1;

/** What the file and the way to it permit. Undefined when there is nothing. */
export function loadAccess(path: string): PathAccess | undefined {
  let real: string;
  let found: Stats;
  try {
    real = realpathSync(path);
    found = statSync(real);
  } catch {
    return undefined;
  }
  const above: Stats[] = [];
  for (let directory = dirname(real); ; directory = dirname(directory)) {
    try {
      above.push(statSync(directory));
    } catch {
      return undefined;
    }
    if (directory === '/') break;
  }
  const allPass = (may: (directory: Stats) => boolean) => above.every(may);
  const othersPass = ({ mode }: Stats) => (mode & passBit) !== 0;
  const groupPasses = (directory: Stats) =>
    directory.gid === found.gid ? (directory.mode & (passBit << 3)) !== 0 : othersPass(directory);
  const ownerPasses = (directory: Stats) =>
    directory.uid === found.uid ? (directory.mode & (passBit << 6)) !== 0 : othersPass(directory);
  return {
    path: real,
    uid: found.uid,
    gid: found.gid,
    mode: found.mode & 0o7777,
    isSocket: found.isSocket(),
    inode: found.ino,
    everybody: (found.mode & writeBit) !== 0 && allPass(othersPass),
    group: found.gid !== 0 && (found.mode & (writeBit << 3)) !== 0 && allPass(groupPasses) ? found.gid : undefined,
    owner: found.uid !== 0 && allPass(ownerPasses) ? found.uid : undefined,
  };
}

/** Who may, in words; undefined when only root may. `groups` is the text of /etc/group. */
export function whoMayWrite(access: PathAccess, groups: string = readGroups()): string | undefined {
  if (access.everybody) return 'everybody on this host';
  const names: string[] = [];
  if (access.group !== undefined) {
    const line = groups.split('\n').find((each) => each.split(':')[2] === String(access.group));
    const [name = String(access.group), , , members = ''] = line?.split(':') ?? [];
    names.push(`group ${name}${members === '' ? '' : ` (${members.split(',').join(', ')})`}`);
  }
  if (access.owner !== undefined) names.push(`its owner, uid ${access.owner}`);
  return names.length === 0 ? undefined : names.join(' and ');
}

function readGroups(): string {
  try {
    return readFileSync('/etc/group', 'utf8');
  } catch {
    return '';
  }
}
