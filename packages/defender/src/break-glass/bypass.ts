// Break-glass: for some minutes root lifts the rules, so that no rule list can lock everybody out for good.
// Invariant: it is on disk before it is in force, over by itself by whichever clock says so first, and never longer than
// was asked for, whatever the clock or a restart does.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Actor, AppError, toInstant } from '@dockledger/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Verdict } from '../ports.ts';

/** A bypass that is in force. */
export const ActiveBypass = Type.Object({
  startedAt: Type.Integer({ description: 'Milliseconds since 1970' }),
  until: Type.Integer({ description: 'Milliseconds since 1970' }),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
  by: Actor,
});
export type ActiveBypass = Static<typeof ActiveBypass>;

/** The longest that rules may be lifted at once, in minutes. */
export const longestBypassMinutes = 1440;

/** Why a bypass is over. */
export type BypassEnd = 'expired' | 'ended';

/** What a bypass needs. */
export interface BypassOptions {
  /** File that carries it over a restart. */
  readonly path: string;
  /** It is in force from now on; `resumed` after a restart. */
  readonly onStart: (bypass: ActiveBypass, how: 'started' | 'resumed') => void;
  readonly onEnd: (bypass: ActiveBypass, why: BypassEnd, by: Actor | undefined) => void;
  readonly onWarning: (text: string) => void;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
  /** Milliseconds that never go back. Defaults to performance.now. */
  readonly monotonic?: () => number;
}

/** The switch. */
export interface Bypass {
  /** The bypass in force, if any. */
  current(): ActiveBypass | undefined;
  /** Lifts the rules from now on. Replaces a running one. Throws `bad_parameter`. */
  start(wish: { readonly minutes: unknown; readonly reason: unknown; readonly by: Actor }): Promise<ActiveBypass>;
  /** Puts the rules back in force. Harmless when they are. */
  end(by: Actor | undefined): Promise<void>;
  /** Stops the clock; a bypass in force goes on with the next start. */
  close(): void;
}

async function save(path: string, bypass: ActiveBypass): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await using file = await open(`${path}.tmp`, 'w', 0o600);
  await file.writeFile(JSON.stringify(bypass));
  await file.sync();
  await rename(`${path}.tmp`, path);
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
}

async function load(path: string, onWarning: (text: string) => void): Promise<ActiveBypass | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (Value.Check(ActiveBypass, found)) return found;
    onWarning(`The bypass in ${path} is damaged and counts as over: the rules are in force.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      onWarning(`The bypass in ${path} cannot be read (${(error as Error).message}): the rules are in force.`);
  }
  return undefined;
}

/** Opens the switch with what the last run left. */
export async function openBypass(options: BypassOptions): Promise<Bypass> {
  const now = options.now ?? Date.now;
  const monotonic = options.monotonic ?? (() => performance.now());
  let active: { readonly bypass: ActiveBypass; readonly deadline: number } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const isOver = (): boolean => active === undefined || now() >= active.bypass.until || monotonic() >= active.deadline;

  const finish = async (why: BypassEnd, by: Actor | undefined): Promise<void> => {
    clearTimeout(timer);
    const ended = active?.bypass;
    if (ended === undefined) return;
    active = undefined;
    options.onEnd(ended, why, by);
    await rm(options.path, { force: true });
  };
  const expire = () => {
    if (isOver()) {
      finish('expired', undefined).catch((error: unknown) =>
        options.onWarning(`The bypass is over, but ${options.path} could not be removed: ${(error as Error).message}`),
      );
    } else watch();
  };
  const watch = () => {
    clearTimeout(timer);
    if (active === undefined) return;
    const left = Math.min(active.bypass.until - now(), active.deadline - monotonic());
    // In short steps, as the clock on the wall may be set meanwhile.
    timer = setTimeout(expire, Math.max(1, Math.min(left, 10_000)));
    timer.unref();
  };
  const run = (bypass: ActiveBypass, leftMs: number, how: 'started' | 'resumed') => {
    active = { bypass, deadline: monotonic() + leftMs };
    options.onStart(bypass, how);
    watch();
  };

  const left = await load(options.path, options.onWarning);
  if (left !== undefined) {
    const leftMs = Math.min(left.until - now(), left.until - left.startedAt, longestBypassMinutes * 60_000);
    if (leftMs > 0) run(left, leftMs, 'resumed');
    else {
      options.onEnd(left, 'expired', undefined);
      await rm(options.path, { force: true });
    }
  }

  return {
    current: () => (isOver() ? undefined : active?.bypass),
    start: async ({ minutes, reason, by }) => {
      if (typeof minutes !== 'number' || !(minutes > 0 && minutes <= longestBypassMinutes)) {
        throw new AppError(
          'bad_parameter',
          `minutes is ${JSON.stringify(minutes)}: it must be above 0 and at most ${longestBypassMinutes}.`,
        );
      }
      if (typeof reason !== 'string' || reason.trim() === '' || reason.length > 500)
        throw new AppError('bad_parameter', 'reason must be a sentence of at most 500 characters: it goes on record.');
      const startedAt = now();
      const leftMs = Math.round(minutes * 60_000);
      const bypass: ActiveBypass = { startedAt, until: startedAt + leftMs, reason: reason.trim(), by };
      await save(options.path, bypass);
      run(bypass, leftMs, 'started');
      return bypass;
    },
    end: (by) => finish('ended', by),
    close: () => clearTimeout(timer),
  };
}

/** Name that stands in an event in place of the rule that decided, when the rules are lifted. */
export const bypassRuleName = 'Break-glass';

/** What becomes of a verdict while the rules are lifted: a refusal is let through and says so; everything is recorded. */
export function liftVerdict(verdict: Verdict, bypass: ActiveBypass): Verdict {
  const { decision } = verdict;
  if (decision.effect === 'allow') return { ...verdict, audit: true };
  return {
    decision: {
      effect: 'allow',
      rule: bypassRuleName,
      reason: 'bypass',
      text: `Allowed by break-glass until ${toInstant(bypass.until)} (${bypass.reason}). Without it: ${decision.text}`,
      findings: [...decision.findings, { rule: decision.rule, effect: 'deny', text: decision.text }],
    },
    audit: true,
  };
}

/** Judges, and lifts the verdict while a bypass is in force; then a judge that throws locks nobody out either. */
export function judgeLifted(bypass: ActiveBypass | undefined, judge: () => Verdict): Verdict {
  if (bypass === undefined) return judge();
  try {
    return liftVerdict(judge(), bypass);
  } catch {
    const text = 'The call could not be judged.';
    const decision = { effect: 'deny', rule: '', reason: 'judge-error', text, findings: [] } as const;
    return liftVerdict({ decision: { ...decision, findings: [] }, audit: true }, bypass);
  }
}
