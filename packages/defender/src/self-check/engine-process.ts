// The engine's process behind its socket, and what it was started with: flags and daemon.json.
// Invariant: a dockerd that serves another socket is never taken for ours when one that serves ours can be seen.
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { argumentsOf, type ListeningSocket, loadListeners, pidsOf, socketsOf } from './socket-table.ts';

/** The engine as the host shows it. */
export interface EngineProcess {
  readonly pid: number;
  /** Everything that it listens on. */
  readonly listeners: readonly ListeningSocket[];
  /** Where its configuration file is, whether it exists or not. */
  readonly configFile: string;
  /** Value of a flag or of its key in daemon.json; the flag wins. Lists give every value. */
  option(flag: string, key: string): readonly string[];
}

/** Follows links in the directory part, as /run and /var/run are one. A socket that is gone keeps its name. */
export function sameSocketPath(left: string, right: string): boolean {
  return resolved(left) === resolved(right);
}

function resolved(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

function flagValues(words: readonly string[], names: readonly string[]): string[] {
  return words.flatMap((word, at) => {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (!names.includes(name)) return [];
    const value = equals < 0 ? words[at + 1] : word.slice(equals + 1);
    return [value === undefined || (equals < 0 && value.startsWith('-')) ? 'true' : value];
  });
}

function readConfig(path: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const shortFlags: Readonly<Record<string, string>> = { '--host': '-H' };

/** Finds the dockerd that serves the socket; the only one there is when none can be seen to serve it. */
export function findEngineProcess(procRoot: string, socketPath: string): EngineProcess | undefined {
  const found = pidsOf(procRoot, 'dockerd').map((pid) => {
    const inodes = socketsOf(procRoot, pid);
    return { pid, listeners: loadListeners(procRoot, pid).filter(({ inode }) => inodes.has(inode)) };
  });
  const serving = found.find(({ listeners }) =>
    listeners.some(({ path }) => path !== undefined && sameSocketPath(path, socketPath)),
  );
  const engine = serving ?? (found.length === 1 ? found[0] : undefined);
  if (engine === undefined) return undefined;
  const words = argumentsOf(procRoot, engine.pid);
  const configFile = flagValues(words, ['--config-file']).at(-1) ?? '/etc/docker/daemon.json';
  const config = readConfig(configFile);
  return {
    ...engine,
    configFile,
    option: (flag, key) => {
      const short = shortFlags[flag];
      const fromFlags = flagValues(words, short === undefined ? [flag] : [flag, short]);
      if (fromFlags.length > 0) return fromFlags;
      const value = config[key];
      if (value === undefined || value === null) return [];
      return (Array.isArray(value) ? value : [value]).map(String);
    },
  };
}
