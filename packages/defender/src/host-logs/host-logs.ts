// The Defender's reading of host logs: finds the sources, follows each, and says how it stands.
// Invariant: what cannot be read is a condition with the command that mends it, never silence.
import { existsSync } from 'node:fs';
import type { Condition } from '@dockledger/contract';
import type { SessionFinder, SourceRecorder } from '../ports.ts';
import { type ConnectedPeers, watchConnectedPeers } from './connected-peers.ts';
import { type FoundSources, findSources, type HostLogSource } from './find-sources.ts';
import { followSource } from './follow-source.ts';
import { toHostLogRecord } from './host-log-record.ts';
import { createHostTrust } from './host-trust.ts';
import { createSessionLinker } from './link-session.ts';

/** What reading host logs needs. */
export interface HostLogsOptions {
  /** The setting: auto, journal, file:PATH,… or off. */
  readonly setting: string;
  readonly recorder: SourceRecorder;
  readonly sessions: SessionFinder;
  readonly userNameOf: (uid: number) => string | undefined;
  /** A condition holds, or, without it, is over. */
  readonly onCondition: (name: string, condition: Omit<Condition, 'name' | 'since'> | undefined) => void;
  /** Milliseconds since 1970. Defaults to the system's clock. */
  readonly now?: () => number;
}

/** Host logs being read. `close` waits for what is under way; what was not recorded is read again by the next run. */
export interface HostLogs {
  /** Which sources are read, and why these. */
  readonly found: FoundSources;
  close(): Promise<void>;
}

const lookEveryMs = 5000;

/** Begins to read. Throws `bad_setting` for a setting that names nothing readable. */
export function startHostLogs(options: HostLogsOptions): HostLogs {
  const { recorder, userNameOf, onCondition, now = Date.now } = options;
  let found = findSources(options.setting);
  let peers: ConnectedPeers | undefined;
  const trust = createHostTrust(userNameOf);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  const follow = (source: HostLogSource): AsyncDisposable => {
    const link = createSessionLinker(options.sessions);
    const isChecked = source.kind === 'file' && source.isOwn;
    const checked = isChecked ? (peers ??= watchConnectedPeers({ now })) : undefined;
    return followSource({
      source,
      recorder,
      now,
      context: { trust, zone, ...(checked !== undefined && { isConnected: toIsConnected(checked) }) },
      toRecord: (result) =>
        toHostLogRecord(result, {
          provenance: source.kind,
          nowMs: now(),
          userNameOf,
          // A pid in a file that may come from another host says nothing of processes here.
          session: source.kind === 'journal' || isChecked ? link(result) : undefined,
          isPeerUnchecked:
            source.kind === 'file' &&
            (checked === undefined ||
              (result.peer !== null && checked.ask(result.peer, result.timeMs) === 'not-known')),
        }),
      onLines: () => checked?.look(),
      onStopped: (reason) =>
        onCondition(
          conditionName('host-log-stopped', source),
          reason === undefined
            ? undefined
            : { text: `${placeOf(source)} cannot be read (${reason}); it is tried again.` },
        ),
    });
  };

  const followers = found.sources.map(follow);
  const look = (): void => {
    if (found.sources.length === 0) {
      found = findSources(options.setting);
      followers.push(...found.sources.map(follow));
      const text = `No host log is read: ${found.reason}. Logins and sudo are not on record.`;
      const isMissing = found.sources.length === 0 && options.setting !== 'off';
      onCondition('host-logs-missing', isMissing ? { text, fix: 'apt-get install rsyslog' } : undefined);
    }
    for (const source of found.sources) {
      if (source.kind !== 'file') continue;
      onCondition(
        conditionName('host-log-missing', source),
        existsSync(source.path) ? undefined : { text: `${source.path} does not exist; it is read once it does.` },
      );
    }
  };
  look();
  const looking = setInterval(look, lookEveryMs).unref();

  return {
    get found() {
      return found;
    },
    async close() {
      clearInterval(looking);
      await Promise.all(followers.map((follower) => follower[Symbol.asyncDispose]()));
      peers?.close();
    },
  };
}

function toIsConnected(
  peers: ConnectedPeers,
): (peer: { address: string; port: number | null }, timeMs: number | null) => boolean {
  return (peer, timeMs) => peers.ask(peer, timeMs) !== 'not-connected';
}

function conditionName(name: string, source: HostLogSource): string {
  return source.kind === 'file' ? `${name}:${source.path}` : `${name}:journal`;
}

function placeOf(source: HostLogSource): string {
  return source.kind === 'file' ? source.path : 'The journal';
}
