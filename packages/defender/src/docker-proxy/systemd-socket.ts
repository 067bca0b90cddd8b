// Finds the listening descriptor that systemd has passed for a named socket (sd_listen_fds).
// Invariant: descriptors that were meant for another process are not taken.
import { AppError } from '@dockledger/contract/error-code';

const firstDescriptor = 3;

/** The descriptor with that FileDescriptorName. Throws `bad_setting` when systemd has passed none. */
export function systemdSocket(
  setting: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): number {
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  const at = names.indexOf(name);
  if (environment['LISTEN_PID'] === String(pid) && at >= 0 && at < count) return firstDescriptor + at;
  throw new AppError(
    'bad_setting',
    `Setting ${setting} is "systemd:${name}", and systemd has passed no socket of that name. Start the socket unit, or name a path with unix://.`,
  );
}
