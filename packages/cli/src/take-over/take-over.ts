// Puts the Defender behind the well-known Docker socket and the engine behind it, and gives it back.
// Invariant: at every moment, a power cut included, either the engine or the Defender answers at the well-known socket
// after the next start; whatever fails is undone at once, byte for byte.
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@dockledger/contract';
import {
  applyChange,
  type ChangeJournal,
  isEdited,
  loadJournal,
  planChange,
  removeJournal,
  saveJournal,
  undoChange,
} from './file-changes.ts';

/** How the engine is told where to listen. */
export type EngineConfig =
  /** `hosts` in daemon.json. */
  | { readonly kind: 'daemon-json'; readonly path: string }
  /** A drop-in for docker.socket, whose descriptor the engine gets (`-H fd://`). */
  | { readonly kind: 'socket-unit'; readonly path: string };

/** Everything that a take-over touches or needs. */
export interface TakeOverOptions {
  readonly dataDir: string;
  /** Where every docker client looks. */
  readonly wellKnown: string;
  /** Where the engine listens afterwards. */
  readonly enginePath: string;
  readonly engineConfig: EngineConfig;
  /** dockledger.yaml that the Defender reads. */
  readonly settingsFile: string;
  /** Group that may use the well-known socket today. */
  readonly group: string | undefined;
  readonly restartEngine: () => Promise<void>;
  readonly restartDefender: () => Promise<void>;
  /** True when `GET /_ping` is answered at that socket. */
  readonly answers: (socketPath: string) => Promise<boolean>;
  /** True when the running Defender says that it listens at the well-known socket. */
  readonly isGuarded: () => Promise<boolean>;
  readonly say: (text: string) => void;
  /** How long each restart may take. Defaults to 60,000. */
  readonly withinMs?: number;
  /** Called after each step that changed something. For tests of power cuts. */
  readonly onStep?: (step: string) => void;
}

/** Where the journal of a data directory is. */
export const takeOverJournal = (dataDir: string): string => join(dataDir, 'take-over.json');

/** Adds the engine's new place to daemon.json; keeps every other host. */
export function withHost(text: string, path: string, wellKnown: string, enginePath: string): string {
  let config: unknown;
  try {
    config = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new AppError('bad_setting', `${path} is not valid JSON: mend it first.`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new AppError('bad_setting', `${path} holds no object: mend it first.`);
  const hosts = (config as Record<string, unknown>)['hosts'];
  const moved = new Set([
    `unix://${wellKnown}`,
    'unix:///var/run/docker.sock',
    'unix:///run/docker.sock',
    'fd://',
    'unix://',
  ]);
  const others = (Array.isArray(hosts) ? hosts : []).filter((host) => !moved.has(String(host)));
  return `${JSON.stringify({ ...config, hosts: [`unix://${enginePath}`, ...others] }, null, 2)}\n`;
}

/** The drop-in that moves docker.socket. */
export function toSocketUnit(enginePath: string): string {
  return `# Made by \`dockledger defender install --take-over\`; \`--give-back\` removes it.
[Socket]
ListenStream=
ListenStream=${enginePath}
SocketMode=0600
SocketUser=root
SocketGroup=root
DirectoryMode=0700
`;
}

/** The Defender's settings with both sockets set; every other line stays. */
export function withSockets(text: string, wellKnown: string, enginePath: string, group: string | undefined): string {
  const lines = text.split('\n').filter((line) => !/^(?:engine|proxyListen)\s*:/.test(line));
  while (lines.at(-1) === '') lines.pop();
  const hasGroup = lines.some((line) => /^proxyGroup\s*:/.test(line));
  return [
    ...lines,
    `engine: unix://${enginePath}`,
    `proxyListen: unix://${wellKnown}`,
    ...(group !== undefined && !hasGroup ? [`proxyGroup: ${JSON.stringify(group)}`] : []),
    '',
  ].join('\n');
}

async function waitFor(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > deadline) throw new AppError('timeout', `Waited ${withinMs / 1000} s in vain until ${what}.`);
    await delay(100);
  }
}

async function undo(options: TakeOverOptions, journal: ChangeJournal): Promise<void> {
  const { wellKnown, withinMs = 60_000 } = options;
  const step = (text: string) => options.onStep?.(text);
  await saveJournal(takeOverJournal(options.dataDir), { ...journal, phase: 'undoing' });
  step('undo begun');
  for (const change of journal.files.toReversed()) {
    await undoChange(change);
    step(`restored ${change.path}`);
  }
  // The Defender first: closing its socket removes the file, which must not be the engine's by then.
  await options.restartDefender().catch((error: unknown) => options.say(`The Defender: ${(error as Error).message}`));
  step('defender restarted');
  await options.restartEngine();
  step('engine restarted');
  await waitFor(`the engine answers at ${wellKnown}`, withinMs, () => options.answers(wellKnown));
  await removeJournal(takeOverJournal(options.dataDir));
  await rmdir(dirname(options.enginePath)).catch(() => {});
}

/** Undoes a take-over that was cut off in the middle. True when there was one. */
export async function finishInterrupted(options: TakeOverOptions): Promise<boolean> {
  const journal = await loadJournal(takeOverJournal(options.dataDir));
  if (journal === undefined || journal.phase === 'done') return false;
  options.say('An earlier run was cut off; what it changed is put back first.');
  await undo(options, journal);
  return true;
}

/** Takes over. Throws with the reason after everything is as it was before. */
export async function takeOver(options: TakeOverOptions): Promise<'taken-over' | 'already'> {
  const { dataDir, wellKnown, enginePath, engineConfig, withinMs = 60_000 } = options;
  const step = (text: string) => options.onStep?.(text);
  await finishInterrupted(options);
  const journalPath = takeOverJournal(dataDir);
  if ((await loadJournal(journalPath))?.phase === 'done') return 'already';
  if (!(await options.answers(wellKnown)))
    throw new AppError('engine_unavailable', `Nothing answers at ${wellKnown}: start the engine first.`);

  // The settings first: if all ends here, the engine still takes the well-known socket at its next start.
  const settings = await planChange(options.settingsFile, (text) =>
    withSockets(text, wellKnown, enginePath, options.group),
  );
  const engine = await planChange(engineConfig.path, (text) =>
    engineConfig.kind === 'daemon-json'
      ? withHost(text, engineConfig.path, wellKnown, enginePath)
      : toSocketUnit(enginePath),
  );
  const journal: ChangeJournal = {
    v: 1,
    phase: 'changing',
    files: [settings, engine],
    facts: { wellKnown, enginePath },
  };
  await mkdir(dirname(enginePath), { recursive: true, mode: 0o700 });
  await saveJournal(journalPath, journal);
  step('journal written');
  try {
    for (const change of journal.files) {
      await applyChange(change);
      step(`changed ${change.path}`);
    }
    options.say(`The engine moves to ${enginePath} …`);
    await options.restartEngine();
    step('engine restarted');
    await waitFor(`the engine answers at ${enginePath}`, withinMs, () => options.answers(enginePath));
    options.say(`The Defender takes ${wellKnown} …`);
    await options.restartDefender();
    step('defender restarted');
    await waitFor(
      `a call goes through the Defender at ${wellKnown}`,
      withinMs,
      async () => (await options.isGuarded()) && (await options.answers(wellKnown)),
    );
    await saveJournal(journalPath, { ...journal, phase: 'done' });
    return 'taken-over';
  } catch (error) {
    if (error instanceof PowerCut) throw error;
    options.say(`It does not work (${(error as Error).message}); everything is put back.`);
    await undo(options, journal);
    throw new AppError(
      'unavailable',
      `The take-over failed and was undone; ${wellKnown} leads to the engine as before: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Gives back. Throws `conflict` when a file was edited since, unless `force`. */
export async function giveBack(
  options: TakeOverOptions,
  { force }: { readonly force: boolean },
): Promise<'given-back' | 'nothing'> {
  const journal = await loadJournal(takeOverJournal(options.dataDir));
  if (journal === undefined) return 'nothing';
  for (const change of journal.files) {
    if (!force && (await isEdited(change))) {
      throw new AppError(
        'conflict',
        `${change.path} was edited since the take-over; giving back would lose that. Keep a copy, then use --force.`,
      );
    }
  }
  await undo(options, journal);
  return 'given-back';
}

/** Thrown by a test's `onStep` to stop as a power cut would: nothing is undone. */
export class PowerCut extends Error {}
