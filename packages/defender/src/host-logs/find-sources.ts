// Turns the setting hostLogs into the sources that are read, with the reason for each choice.
// Invariant: one line is never read from two sources: with a journal, no file beside it.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';

/** A source that is read. `name` is stable: positions are kept under it. */
export type HostLogSource =
  | { readonly kind: 'journal'; readonly name: 'journal' }
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly path: string;
      readonly startAt: 'beginning' | 'end';
      /** This host's syslogd writes it: peers in it can be compared with the host's connections. */
      readonly isOwn: boolean;
    };

/** The sources, and one sentence why these. Without sources the sentence says what is missing. */
export interface FoundSources {
  readonly sources: readonly HostLogSource[];
  readonly reason: string;
}

/** Where distributions keep what sshd and sudo write: Debian and Ubuntu, Red Hat, SUSE and others. */
const ownFiles = ['/var/log/auth.log', '/var/log/secure', '/var/log/messages'];

/** Reads the setting. Throws `bad_setting` for a value that is none of auto, journal, file:PATH,… and off. */
export function findSources(setting: string, root = '/'): FoundSources {
  const at = (path: string) => join(root, path);
  if (setting === 'off') return { sources: [], reason: 'hostLogs is off' };
  if (setting === 'journal')
    return { sources: [{ kind: 'journal', name: 'journal' }], reason: 'hostLogs names the journal' };
  if (setting.startsWith('file:')) {
    const paths = setting
      .slice(5)
      .split(',')
      .map((path) => path.replace(/^file:/, '').trim());
    const wrong = paths.find((path) => !isAbsolute(path));
    if (wrong !== undefined)
      throw new AppError(
        'bad_setting',
        `Setting hostLogs is "${setting}": "${wrong}" is no absolute path. Write file:/var/log/auth.log, several parted by commas.`,
      );
    const sources = [...new Set(paths)].map((path) => ({
      kind: 'file' as const,
      name: `file:${path}`,
      path,
      startAt: 'beginning' as const,
      isOwn: ownFiles.includes(path),
    }));
    return { sources, reason: 'hostLogs names the files' };
  }
  if (setting !== 'auto')
    throw new AppError(
      'bad_setting',
      `Setting hostLogs is "${setting}", which is not allowed: auto, journal, file:PATH,… or off.`,
    );
  const journal = ['/var/log/journal', '/run/log/journal'].find((path) => hasJournalFile(at(path)));
  if (journal !== undefined && isOnPath('journalctl'))
    return {
      sources: [{ kind: 'journal', name: 'journal' }],
      reason: `there is a journal in ${journal}, whose lines say who wrote them`,
    };
  const file = ownFiles.find((path) => existsSync(at(path)));
  if (file === undefined) return { sources: [], reason: `there is no journal, and none of ${ownFiles.join(', ')}` };
  const why = journal === undefined ? 'there is no journal' : 'there is a journal but no journalctl to read it';
  return {
    sources: [{ kind: 'file', name: `file:${file}`, path: at(file), startAt: 'end', isOwn: true }],
    reason: `${why}; ${file} is what syslogd writes`,
  };
}

function hasJournalFile(directory: string): boolean {
  try {
    return readdirSync(directory, { recursive: true }).some((name) => String(name).endsWith('.journal'));
  } catch {
    return false;
  }
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
