// One request to the Console's Defender channel: mutual TLS against the pinned CA, keep-alive, bounded in time and answer size.
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
  /** Uses other credentials for every connection from now on. */
  use(credentials: ChannelCredentials): void;
  close(): void;
}

const answerLimitBytes = 16 * 1024 * 1024;

/** What the client shows and trusts; a {@link ChannelClient} takes a new one at any time. */
export interface ChannelCredentials {
  /** PEM of the only authorities that are trusted. */
  readonly ca: string;
  /** The Defender's certificate and its key, PEM. */
  readonly certificate: string;
  readonly key: string;
}

/**
 * Opens a client. Of several addresses it stays with one while that answers, and goes to the next when it does not.
 * Throws `bad_setting` when an address is none.
 */
export function createChannelClient(urls: readonly string[], credentials: ChannelCredentials): ChannelClient {
  const openAgent = ({ ca, certificate, key }: ChannelCredentials) =>
    new Agent({ keepAlive: true, maxSockets: 4, ca, cert: certificate, key, scheduling: 'fifo' });
  let agent = openAgent(credentials);
  const bases = urls.map(toHttpsUrl);
  let chosen = 0;
  return {
    use: (next) => {
      const before = agent;
      agent = openAgent(next);
      // What is under way ends on the connection that it began on.
      for (const sockets of Object.values(before.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
    send(method, path, { body, headers = {}, timeoutMs = 30_000, signal } = {}) {
      const at = chosen;
      const base = bases[at % bases.length] ?? new URL('https://127.0.0.1:8084');
      return new Promise((resolve, reject) => {
        const fail = (cause: Error) => {
          // Several requests fail together when a Console goes; only the first moves on.
          if (chosen === at && signal?.aborted !== true) chosen += 1;
          const sentence = `The Console at ${base.origin} cannot be reached: ${cause.message}.`;
          reject(new AppError('unavailable', sentence, { cause }));
        };
        const outgoing = request(
          new URL(path, base),
          {
            method,
            agent,
            timeout: timeoutMs,
            signal,
            headers: {
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
                if ((answer.statusCode ?? 0) >= 500 && chosen === at) chosen += 1;
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

function toHttpsUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.hostname !== '') return url;
  throw new AppError(
    'bad_setting',
    `Setting consoleUrl is "${text}": write https://host:8084, or several of them separated by commas.`,
  );
}
