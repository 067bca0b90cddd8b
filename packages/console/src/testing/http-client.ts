// A small HTTPS client for tests: trusts one authority, never throws for a status, keeps connections.
import { Agent, request } from 'node:https';

/** An answer, read whole. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON. Throws when it is none. */
  json<T = unknown>(): T;
}

/** Options of one request. */
export interface TestRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Sends requests to one base address. */
export interface TestClient extends Disposable {
  send(path: string, options?: TestRequest): Promise<TestAnswer>;
}

/** A client for `base` (https://host:port) that trusts `ca`; `headers` go with every request, and it shows `certificate`. */
export function createTestClient(
  base: string,
  ca: string,
  headers: Readonly<Record<string, string>> = {},
  certificate: { readonly key?: string; readonly cert?: string } = {},
): TestClient {
  const agent = new Agent({ ca, keepAlive: true, ...certificate });
  return {
    send: (path, options = {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<TestAnswer>();
      // The path goes out as written: URL parsing would mend what some tests break on purpose.
      const { hostname, port } = new URL(base);
      const outgoing = request(
        {
          hostname: hostname.replace(/^\[|\]$/g, ''),
          port,
          path,
          method: options.method ?? 'GET',
          headers: {
            ...headers,
            ...options.headers,
            ...(options.body !== undefined && { 'content-length': String(Buffer.byteLength(options.body)) }),
          },
          agent,
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const body = Buffer.concat(chunks);
            const text = body.toString('utf8');
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body,
              text,
              json: <T>() => JSON.parse(text) as T,
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(options.body);
      return promise;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
