// `dockledger status`: is it running, is it ready, where. Exit code 0 only when ready.
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { Endpoints } from '@dockledger/contract';
import { readEndpoints } from '../endpoints-file.ts';
import { exitCode } from '../exit-code.ts';

/** What `status --json` prints. */
export interface StatusReport {
  readonly ready: boolean;
  readonly reason: string;
  readonly endpoints: Endpoints | null;
}

function askReady(url: string, ca: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL('/readyz', url), { ca, timeout: 5000 }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Looks at endpoints.json and asks the Console itself. */
export async function loadStatus(dataDir: string): Promise<StatusReport> {
  const endpoints = await readEndpoints(dataDir);
  if (endpoints === undefined) return { ready: false, reason: `nothing runs on ${dataDir}`, endpoints: null };
  if (endpoints.console === null || endpoints.caFile === null)
    return { ready: true, reason: 'running, without a Console', endpoints };
  try {
    const answer = await askReady(endpoints.console, await readFile(endpoints.caFile, 'utf8'));
    return answer.status === 200
      ? { ready: true, reason: 'ready', endpoints }
      : { ready: false, reason: `the Console answers ${answer.status}: ${answer.body.slice(0, 300)}`, endpoints };
  } catch (error) {
    return { ready: false, reason: `the Console does not answer: ${(error as Error).message}`, endpoints };
  }
}

/** Prints the status and returns the exit code. */
export async function statusCommand(dataDir: string, json: boolean): Promise<number> {
  const status = await loadStatus(dataDir);
  if (json) console.log(JSON.stringify(status));
  else {
    console.log(status.ready ? 'Dockledger is ready.' : `Dockledger is not ready: ${status.reason}.`);
    for (const [name, value] of Object.entries(status.endpoints ?? {}))
      if (value !== null) console.log(`  ${name.padEnd(16)}${value}`);
  }
  return status.ready ? exitCode.ok : exitCode.unreachable;
}
