// One life of the engine child: started with its settings, watched until it serves, ended within a bound.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AppError } from '@dockledger/contract';
import { type EngineChildReport, type EngineChildSettings, threadPoolSize } from './engine-protocol.ts';

const childFile = fileURLToPath(new URL('./engine-child.ts', import.meta.url));

/** A child that serves. */
export interface EngineProcess {
  readonly pid: number;
  /** Settles, never rejects, when the process is gone: with what to tell about it. */
  readonly ended: Promise<string>;
  /** Ends it by force, at once. */
  kill(): void;
  /** Asks it to end, ends it by force after `graceMs`, resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a child and resolves when it serves. Throws `store_unavailable` with the child's own words when it does not within the time. */
export async function startEngineProcess(
  settings: EngineChildSettings,
  startTimeoutMs: number,
): Promise<EngineProcess> {
  const child = spawn(process.execPath, [childFile], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // The pool size is read once, at the child's start. Nothing else of the Console's environment is the child's business.
    env: { PATH: process.env['PATH'] ?? '', UV_THREADPOOL_SIZE: String(threadPoolSize(settings.limits)) },
  });
  const lastWords = collectLastWords(child);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`${signal ?? `exit code ${code}`}${lastWords()}`));
  });
  // A child that ends while it is written to is told by `ended`.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(settings)}\n`);

  const timeout = Promise.withResolvers<string>();
  const timer = setTimeout(() => timeout.resolve(`it did not serve within ${startTimeoutMs} ms`), startTimeoutMs);
  try {
    const fault = await Promise.race([firstReport(child), ended, timeout.promise]);
    if (fault !== undefined) {
      child.kill('SIGKILL');
      throw new AppError(
        'store_unavailable',
        `The event engine does not start on ${settings.dataDir} (${fault}). Is another Console running on it, or is it not writable?`,
      );
    }
  } finally {
    clearTimeout(timer);
  }
  return {
    pid: child.pid ?? 0,
    ended,
    kill: () => void child.kill('SIGKILL'),
    async stop(graceMs) {
      const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(force);
    },
  };
}

/** Undefined when the child serves, else why it cannot. */
function firstReport(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (child.stdout === null) return;
    const lines = createInterface({ input: child.stdout });
    lines.once('line', (line) => {
      const report = JSON.parse(line) as EngineChildReport;
      resolve(report.ready ? undefined : report.error);
    });
  });
}

/** Keeps the end of what the child says on stderr, for the message about its death. */
function collectLastWords(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-2000);
  });
  return () => (tail.trim() === '' ? '' : `: ${tail.trim().split('\n').at(-1) ?? ''}`);
}
