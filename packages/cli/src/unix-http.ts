// One question over a unix socket: to the engine, or to the Defender's own control socket.
// Invariant: bounded in time and size; never keeps a connection.
import { request } from 'node:http';

/** An answer whose body was JSON; undefined when it was empty or something else. */
export interface UnixAnswer {
  readonly status: number;
  readonly value: unknown;
}

const mostBytes = 16 * 1024 * 1024;

/** Asks. Rejects with the system's error when nobody answers within `timeoutMs` (10,000 by default). */
export function askUnix(
  socketPath: string,
  path: string,
  {
    method = 'GET',
    body,
    timeoutMs = 10_000,
  }: { readonly method?: string; readonly body?: unknown; readonly timeoutMs?: number } = {},
): Promise<UnixAnswer> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ socketPath, path, method, headers, agent: false, timeout: timeoutMs }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) outgoing.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      answer.on('error', reject);
      answer.on('end', () => {
        let value: unknown;
        try {
          value = JSON.parse(Buffer.concat(chunks).toString());
        } catch {
          // Not JSON: the status says enough.
        }
        resolve({ status: answer.statusCode ?? 0, value });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}
