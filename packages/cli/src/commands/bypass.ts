// `dockledger defender bypass`: break-glass, asked of the running Defender over its control socket. Root only.
import { AppError } from '@dockledger/contract';
import { controlSocketPath, longestBypassMinutes } from '@dockledger/defender';
import { exitCode } from '../exit-code.ts';
import { askUnix } from '../unix-http.ts';

/** What to do; nothing but the state is shown when neither minutes nor `end` is given. */
export interface BypassRequest {
  readonly dataDir: string;
  readonly minutes: string | undefined;
  readonly reason: string | undefined;
  readonly end: boolean;
  readonly json: boolean;
}

interface ControlReport {
  readonly bypass: { readonly until: number; readonly reason: string; readonly by: { readonly user: string } } | null;
}

/** Asks the running Defender. Throws `unavailable` when none answers, and its own sentence when it refuses. */
export async function askDefender(dataDir: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const socket = controlSocketPath(dataDir);
  const answer = await askUnix(socket, path, { method, ...(body !== undefined && { body }) }).catch(
    (error: NodeJS.ErrnoException) => {
      const isForbidden = error.code === 'EACCES' || error.code === 'EPERM';
      throw new AppError(
        isForbidden ? 'forbidden' : 'unavailable',
        isForbidden
          ? `Only root may ask the Defender at ${socket}: sudo dockledger …`
          : `No Defender answers at ${socket} (${error.code ?? error.message}).`,
      );
    },
  );
  if (answer.status === 200) return answer.value;
  const message = (answer.value as { message?: unknown } | undefined)?.message;
  throw new AppError(
    answer.status === 400 ? 'bad_setting' : 'forbidden',
    typeof message === 'string' ? message : `The Defender answered ${answer.status}.`,
  );
}

/** Starts, ends or shows the bypass. Returns the exit code. */
export async function bypassCommand({ dataDir, minutes, reason, end, json }: BypassRequest): Promise<number> {
  if (end && minutes !== undefined) throw new AppError('bad_setting', 'Give --minutes or --end, not both.');
  if (minutes !== undefined && reason === undefined)
    throw new AppError('bad_setting', 'Option --reason is missing: it goes on record with your name.');
  if (minutes !== undefined && !/^\d+(\.\d+)?$/.test(minutes)) {
    throw new AppError(
      'bad_setting',
      `Option --minutes is "${minutes}": write a number up to ${longestBypassMinutes}.`,
    );
  }
  const report = (await (end
    ? askDefender(dataDir, 'DELETE', '/v1/bypass')
    : minutes === undefined
      ? askDefender(dataDir, 'GET', '/v1/status')
      : askDefender(dataDir, 'POST', '/v1/bypass', { minutes: Number(minutes), reason }))) as ControlReport;
  const { bypass } = report;
  if (json) console.log(JSON.stringify({ bypass }));
  else if (bypass === null) console.log('The rules are in force.');
  else {
    console.log(
      `The rules are LIFTED until ${new Date(bypass.until).toISOString()}, by ${bypass.by.user}: ${bypass.reason}. Every call is recorded. End it now: dockledger defender bypass --end`,
    );
  }
  return exitCode.ok;
}
