// One request to the Console's Defender channel: TLS against the pinned CA, keep-alive, bounded in time and answer size.
// Knows the transport, not what is said on it.
import { Agent, request } from 'node:https';
import { AppError, protocolHeader, protocolVersion } from '@dockledger/contract';

/** What the Console answered. `body` is parsed JSON, or undefined when there was none. */
export interface ChannelAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

/** Speaks to one Console. */
export interface ChannelClient {
  /** Throws `unavailable` when the Console cannot be reached, times out or answers nonsense. */
  send(
    method: 'GET' | 'POST',
    path: string,
    options?: {
      body?: Uint8Array;
      headers?: Readonly<Record<string, string>>;
      timeoutMs?: number;
      signal?: AbortSignal;
    },
  ): Promise<ChannelAnswer>;
  close(): void;
}

const answerLimitBytes = 16 * 1024 * 1024;

/** Opens a client. `ca` is the PEM of the only CA that is trusted; `secret` goes out as a Bearer token. */
export function createChannelClient({ url, ca, secret }: { url: string; ca: string; secret: string }): ChannelClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ca, scheduling: 'fifo' });
  const base = new URL(url);
  return {
    send(method, path, { body, headers = {}, timeoutMs = 30_000, signal } = {}) {
      return new Promise((resolve, reject) => {
        const fail = (cause: Error) =>
          reject(
            new AppError('unavailable', `The Console at ${base.origin} cannot be reached: ${cause.message}.`, {
              cause,
            }),
          );
        const outgoing = request(
          new URL(path, base),
          {
            method,
            agent,
            timeout: timeoutMs,
            signal,
            headers: {
              authorization: `Bearer ${secret}`,
              [protocolHeader]: String(protocolVersion),
              ...(body !== undefined && { 'content-length': String(body.length) }),
              ...headers,
            },
          },
          (answer) => {
            const chunks: Buffer[] = [];
            let size = 0;
            answer.on('data', (chunk: Buffer) => {
              size += chunk.length;
              if (size > answerLimitBytes) answer.destroy(new Error('its answer is too large'));
              else chunks.push(chunk);
            });
            answer.on('error', fail);
            answer.on('end', () => {
              const text = Buffer.concat(chunks).toString();
              try {
                const retryAfter = Number(answer.headers['retry-after']);
                resolve({
                  status: answer.statusCode ?? 0,
                  body: text === '' ? undefined : JSON.parse(text),
                  retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
                });
              } catch (error) {
                fail(error instanceof Error ? error : new Error(String(error)));
              }
            });
          },
        );
        // Silence is the common failure of a black-holed network; a socket timeout alone would wait for traffic to stop.
        const deadline = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        outgoing.on('close', () => clearTimeout(deadline));
        outgoing.on('error', fail);
        outgoing.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
