// Child processes of tests: started with their output kept, ended by their own pid, never by name.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A started program. Disposing sends SIGTERM, then SIGKILL after 10 s. */
export interface StartedProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Sends the signal and awaits the end; SIGKILL follows after `hardAfterMs` (default 10,000). Harmless when it has ended already. */
  end(signal?: NodeJS.Signals, hardAfterMs?: number): Promise<number | NodeJS.Signals>;
}

/** Starts a program and keeps its output. Throws when it cannot be started at all. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<StartedProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const chunks: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 0));
    child.on('error', () => resolve(127));
  });
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error').catch((error: unknown) => [error])) as [Error];
    throw error;
  }
  const end = async (signal: NodeJS.Signals = 'SIGTERM', hardAfterMs = 10_000) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const hard = setTimeout(() => child.kill('SIGKILL'), hardAfterMs);
    const how = await exited;
    clearTimeout(hard);
    return how;
  };
  return {
    child,
    pid: child.pid,
    output: () => chunks.join(''),
    exited,
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}

/** Runs a program to its end. Never throws for a bad exit code. Killed after `timeoutMs` (default 60,000). */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string | Uint8Array; timeoutMs?: number } = {},
): Promise<{ code: number | NodeJS.Signals; stdout: string; stderr: string; stdoutBytes: Buffer }> {
  const { input, timeoutMs = 60_000, ...rest } = options;
  const child = spawn(command, args, { ...rest, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that ends without reading its input is not the test's failure.
  child.stdin?.on('error', () => {});
  if (input !== undefined) child.stdin?.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const code = await new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (exit, signal) => resolve(exit ?? signal ?? 0));
    child.on('error', (error) => {
      err.push(Buffer.from(error.message));
      resolve(127);
    });
  });
  clearTimeout(timer);
  const stdoutBytes = Buffer.concat(out);
  return { code, stdout: stdoutBytes.toString(), stderr: Buffer.concat(err).toString(), stdoutBytes };
}
