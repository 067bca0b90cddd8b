// Reads one entry of `journalctl -o json` and says who wrote it. Only fields with a leading underscore count for that:
// the journal fills them from the kernel. All others are the writer's own text.
import { decodeUtf8 } from './bytes.ts';
import type { HostLogConfidence } from './host-log-result.ts';

/** What the host knows beyond the entry. Each absent member makes the verdict stricter, never laxer. */
export type JournalTrust = {
  /**
   * True when the process is the host's own binary in the host's own user namespace, as the Defender saw it alive
   * (`/proc/PID/exe` and `/proc/PID/ns/user`). Needed for sudo and su: they run under the caller's uid, and a local user
   * can show any executable path from a user namespace.
   */
  readonly isHostProcess?: (pid: number) => boolean;
  /** The name of a uid on this host. With it, a sudo or su line that names another caller than its writer is forgeable. */
  readonly userNameOfUid?: (uid: number) => string | undefined;
  /** True when ordinary users cannot make user namespaces on this host. Defaults to false. */
  readonly areUserNamespacesRestricted?: boolean;
  /** Units, beside ssh.service, sshd.service and login sessions, in which sshd runs. */
  readonly sshdUnits?: readonly string[];
};

/** One entry, read. `message` is null when the journal did not hand it out (over 4096 bytes without `--all`). */
export type JournalEntry = {
  readonly cursor: string | null;
  readonly message: string | null;
  /** The writer's tag. */
  readonly program: string;
  readonly pid: number | null;
  readonly uid: number | null;
  readonly timeMs: number | null;
  readonly host: string | null;
  readonly bootId: string | null;
  readonly auditSession: string | null;
  readonly loginUid: number | null;
  readonly fields: Readonly<Record<string, unknown>>;
};

/** Parses one JSON line. Null when it is no JSON object: a line cut by a crash, for instance. */
export function parseJournalJson(line: string): JournalEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? toJournalEntry(value as Record<string, unknown>)
    : null;
}

function toJournalEntry(fields: Readonly<Record<string, unknown>>): JournalEntry {
  const micros = digits(fields['_SOURCE_REALTIME_TIMESTAMP']) ?? digits(fields['__REALTIME_TIMESTAMP']);
  const loginUid = digits(fields['_AUDIT_LOGINUID']);
  return {
    cursor: text(fields['__CURSOR']),
    message: text(fields['MESSAGE']),
    program: text(fields['SYSLOG_IDENTIFIER']) ?? '',
    pid: digits(fields['_PID']),
    uid: digits(fields['_UID']),
    timeMs: micros === null ? null : Math.floor(micros / 1000),
    host: text(fields['_HOSTNAME']),
    bootId: text(fields['_BOOT_ID']),
    auditSession: text(fields['_AUDIT_SESSION']),
    loginUid: loginUid === 4294967295 ? null : loginUid,
    fields,
  };
}

/** A field as text. Bytes come as an array of numbers, a repeated field as an array of texts: the first one counts. */
function text(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length === 0) return null;
  if (typeof value[0] !== 'number') return text(value[0]);
  return decodeUtf8(Uint8Array.from(value, (byte: unknown) => (typeof byte === 'number' ? byte & 0xff : 0xff)));
}

function digits(value: unknown): number | null {
  // A trusted field never repeats; where it seems to, nothing is believed.
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && /^\d{1,16}$/.test(value)
        ? Number(value)
        : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}

type Daemon = { readonly comm: readonly string[]; readonly exe: RegExp; readonly isSetuid: boolean };

const systemDir = '^(?:/usr)?(?:/local)?/(?:s?bin|lib(?:exec)?(?:/(?:openssh|ssh|systemd))?)/';
const daemons: Readonly<Record<string, Daemon>> = {
  sshd: {
    comm: ['sshd', 'sshd-session', 'sshd-auth'],
    exe: new RegExp(`${systemDir}sshd(?:-session|-auth)?$`),
    isSetuid: false,
  },
  sudo: { comm: ['sudo'], exe: new RegExp(`${systemDir}sudo(?:\\.ws|-rs)?$`), isSetuid: true },
  su: { comm: ['su'], exe: new RegExp(`${systemDir}su$`), isSetuid: true },
  'systemd-logind': { comm: ['systemd-logind'], exe: new RegExp(`${systemDir}systemd-logind$`), isSetuid: false },
  'systemd-journald': { comm: ['systemd-journal'], exe: new RegExp(`${systemDir}systemd-journald$`), isSetuid: false },
  rsyslogd: {
    comm: ['rsyslogd', 'in:imjournal', 'in:imuxsock'],
    exe: new RegExp(`${systemDir}rsyslogd$`),
    isSetuid: false,
  },
};

const container = /docker|containerd|libpod|kubepods|crio|lxc|machine\.slice|nspawn|garden|podman/;

/**
 * Who wrote the entry that names itself `program` (already normalised: `sshd`, `sudo`, `su`, `systemd-logind`, …).
 * `caller` is the user who the line says called sudo or su; null when it does not say.
 */
export function confidenceOf(
  entry: JournalEntry,
  program: string,
  caller: string | null,
  trust: JournalTrust,
): HostLogConfidence {
  const daemon = Object.hasOwn(daemons, program) ? daemons[program] : undefined;
  const { fields } = entry;
  const transport = fields['_TRANSPORT'];
  if (daemon === undefined || entry.pid === null || entry.uid === null) return 'forgeable';
  if (transport !== 'syslog' && transport !== 'journal' && transport !== 'stdout' && transport !== 'driver')
    return 'forgeable';
  const comm = fields['_COMM'];
  const exe = fields['_EXE'];
  // Without a name the writer ended before the journal could look at it. The path alone is missing now and then, of true
  // daemons too: then the unit has to speak for it.
  if (typeof comm !== 'string' || !daemon.comm.includes(comm)) return 'forgeable';
  if (exe !== undefined && (typeof exe !== 'string' || !daemon.exe.test(exe))) return 'forgeable';
  if (isInContainer(fields)) return 'forgeable';
  if (daemon.isSetuid) return setuidConfidence(entry, entry.uid, caller, trust);
  // sshd's per-user child logs under the user's uid, and so can anything the user starts through sshd's path.
  if (entry.uid !== 0) return 'forgeable';
  if (program === 'sshd' && !isSshdUnit(fields['_SYSTEMD_UNIT'], trust)) return 'forgeable';
  return exe !== undefined || fields['_SYSTEMD_UNIT'] !== undefined ? 'trusted' : 'file';
}

function setuidConfidence(
  entry: JournalEntry,
  uid: number,
  caller: string | null,
  trust: JournalTrust,
): HostLogConfidence {
  // Traced, or started where setuid does not count: then no capability is set, and the text may be anybody's.
  const capabilities = entry.fields['_CAP_EFFECTIVE'];
  if (typeof capabilities !== 'string' || !/[1-9a-f]/i.test(capabilities)) return 'forgeable';
  if (uid === 0) return entry.fields['_EXE'] === undefined ? 'file' : 'trusted';
  const writer = trust.userNameOfUid?.(uid);
  if (caller !== null && (caller === 'root' || (writer !== undefined && writer !== caller))) return 'forgeable';
  if (trust.areUserNamespacesRestricted === true) return 'trusted';
  return entry.pid !== null && trust.isHostProcess?.(entry.pid) === true ? 'trusted' : 'file';
}

function isInContainer(fields: Readonly<Record<string, unknown>>): boolean {
  const places = [fields['_SYSTEMD_CGROUP'], fields['_SYSTEMD_UNIT'], fields['_SYSTEMD_SLICE']];
  return places.some((place) => place !== undefined && (typeof place !== 'string' || container.test(place)));
}

function isSshdUnit(unit: unknown, trust: JournalTrust): boolean {
  // No unit at all: sshd outside systemd's tree; a container's cgroup was excluded above.
  if (unit === undefined) return true;
  if (typeof unit !== 'string') return false;
  return (
    /^(?:sshd?(?:@.*)?\.service|session-[A-Za-z0-9]+\.scope)$/.test(unit) || trust.sshdUnits?.includes(unit) === true
  );
}
