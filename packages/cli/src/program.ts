// Runs one long-lived program: opens it, tells when it is ready, and ends it on SIGTERM, SIGINT or the end of its parent.
// The same for console, defender and up, so that all three stop alike.
import type { Endpoints } from '@dockledger/contract';
import { prepareDataDir, removeEndpoints, writeEndpoints } from './endpoints-file.ts';
import { exitCode } from './exit-code.ts';

/** A program that has been opened. */
export interface OpenProgram {
  readonly endpoints: Partial<Endpoints>;
  close(): Promise<void>;
}

/** What a child tells `up` once it listens. */
export interface ReadyMessage {
  readonly ready: Partial<Endpoints>;
}

/** Longest time that closing may take before the process ends anyway, in milliseconds. */
const closeLimitMs = 20_000;

const nothing: Endpoints = {
  console: null,
  defenderChannel: null,
  dockerProxy: null,
  dockerTlsProxy: null,
  authzPlugin: null,
  caFile: null,
  pid: process.pid,
};

/**
 * Opens the program and stays until a signal ends it; then exits the process. A child of `up` reports over its IPC
 * channel and ends when that closes, so that no child outlives its parent; otherwise endpoints.json is kept here.
 */
export async function runProgram(dataDir: string, open: () => Promise<OpenProgram>): Promise<never> {
  const parent = process.send === undefined ? undefined : (message: ReadyMessage) => process.send?.(message);
  let program: OpenProgram | undefined;
  let stoppingSince: number | undefined;

  const stop = async (): Promise<void> => {
    if (stoppingSince !== undefined) {
      // npm and a terminal both deliver the same signal; only a later one means impatience.
      if (Date.now() - stoppingSince > 1000) process.exit(exitCode.failed);
      return;
    }
    stoppingSince = Date.now();
    setTimeout(() => process.exit(exitCode.failed), closeLimitMs).unref();
    if (parent === undefined) await removeEndpoints(dataDir);
    await program?.close();
    process.exit(exitCode.ok);
  };
  const onSignal = () => {
    stop().catch((error: unknown) => {
      console.error(`Stopping failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(exitCode.failed);
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  if (parent !== undefined) process.on('disconnect', onSignal);

  if (parent === undefined) await prepareDataDir(dataDir);
  program = await open();
  if (stoppingSince !== undefined) await program.close();
  else if (parent === undefined) await writeEndpoints(dataDir, { ...nothing, ...program.endpoints });
  else parent({ ready: program.endpoints });
  return new Promise<never>(() => {
    // Only a signal ends a program.
  });
}
