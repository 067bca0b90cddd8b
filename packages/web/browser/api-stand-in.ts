// A small in-memory Console for the page's journeys: serves the built page under the strict policy and answers the calls of
// src/api. Failures are switched on by the test. Not a model of the real Console's guarantees.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { type AccessRule, defaultRuleSet, type StoredAccessEvent } from '@dockledger/contract';

/** What a test may steer. */
export interface StandIn extends AsyncDisposable {
  readonly url: string;
  /** Newest first. */
  readonly events: StoredAccessEvent[];
  /** Adds new events and sends them to open live tails. */
  add(...events: StoredAccessEvent[]): void;
  /** When set, every API call is answered by this status. 0 cuts the connection. */
  failWith: number | undefined;
  /** Ends all sessions. */
  endSessions(): void;
  defenders: unknown[];
  rules: AccessRule[];
  rulesVersion: number;
  /** Query strings of all list calls so far. */
  readonly asked: string[];
  /** Ends open live tails in the middle of a message. */
  cutLiveTails(): void;
}

const dist = new URL('../dist/', import.meta.url).pathname;
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const pick: Readonly<Record<string, (event: StoredAccessEvent) => string>> = {
  user: (event) => event.actor.user,
  api: (event) => event.api,
  container: (event) => event.target.containerName ?? '',
  image: (event) => event.target.imageName ?? '',
  rule: (event) => event.decision.rule,
  hostname: (event) => event.host.hostname,
  cluster: (event) => event.host.cluster,
  allow: (event) => String(event.decision.effect === 'allow'),
  type: (event) => event.type,
  sourceIP: (event) => event.actor.sourceIP ?? '',
  session: (event) => event.actor.sessionId ?? '',
  defender: (event) => event.defenderId,
};

function matches(event: StoredAccessEvent, params: URLSearchParams): boolean {
  const from = params.get('from');
  const to = params.get('to');
  if (from !== null && event.time < from) return false;
  if (to !== null && event.time >= to) return false;
  for (const [field, read] of Object.entries(pick)) {
    const wanted = params.getAll(field);
    if (wanted.length > 0 && !wanted.includes(read(event))) return false;
    if (params.getAll(`not.${field}`).includes(read(event))) return false;
  }
  const text = JSON.stringify(event).toLowerCase();
  return params.getAll('text').every((word) => text.includes(word.toLowerCase()));
}

function toHistogram(found: readonly StoredAccessEvent[], params: URLSearchParams) {
  const to = Date.parse(params.get('to') ?? new Date().toISOString());
  const from = Date.parse(params.get('from') ?? found.at(-1)?.time ?? new Date(to - 1).toISOString());
  const count = Number(params.get('buckets') ?? 60);
  const width = Math.max(1, Math.ceil((to - from) / count));
  return Array.from({ length: count }, (_, index) => {
    const startMs = from + index * width;
    const inside = found.filter(
      (event) => Date.parse(event.time) >= startMs && Date.parse(event.time) < startMs + width,
    );
    const sum = (effect: string) =>
      inside
        .filter((event) => event.type !== 'gap' && event.decision.effect === effect)
        .reduce((all, event) => all + event.count, 0);
    return {
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + width).toISOString(),
      allowed: sum('allow'),
      denied: sum('deny'),
      gaps: inside.filter((event) => event.type === 'gap').length,
    };
  });
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

/** Starts the stand-in on a free port. Dispose it to end it and every connection. */
export async function openStandIn(initial: readonly StoredAccessEvent[]): Promise<StandIn> {
  const events = [...initial];
  const tails = new Map<ServerResponse, URLSearchParams>();
  const sessions = new Set<string>();
  const asked: string[] = [];

  const answer = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  };

  const answerEvents = (response: ServerResponse, path: string, params: URLSearchParams) => {
    if (path === '/live') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': open\n\n');
      tails.set(response, params);
      response.on('close', () => tails.delete(response));
      return;
    }
    const found = events.filter((event) => matches(event, params));
    if (path === '') {
      asked.push(params.toString());
      const limit = Number(params.get('limit') ?? 50);
      const cursor = params.get('cursor');
      const at = cursor === null ? 0 : found.findIndex((event) => event.id === cursor) + 1;
      const page = found.slice(at, at + limit);
      answer(response, 200, { events: page, ...(at + limit < found.length && { nextCursor: page.at(-1)?.id }) });
    } else if (path === '/count') {
      answer(response, 200, { rows: found.length, total: found.reduce((sum, event) => sum + event.count, 0) });
    } else if (path === '/facets') {
      const facets = Object.fromEntries(
        (params.get('columns') ?? '').split(',').map((column) => {
          const counts = new Map<string, number>();
          for (const event of found) {
            const value = pick[column]?.(event) ?? '';
            counts.set(value, (counts.get(value) ?? 0) + event.count);
          }
          const values = [...counts].map(([value, count]) => ({ value, count }));
          return [column, values.sort((a, b) => b.count - a.count).slice(0, 20)];
        }),
      );
      answer(response, 200, { facets });
    } else if (path === '/histogram') {
      answer(response, 200, { buckets: toHistogram(found, params) });
    } else if (path.endsWith('/evidence')) {
      answer(response, 404, { code: 'not_found', message: 'No evidence here.', requestId: 'r-6' });
    } else {
      const event = events.find(({ id }) => id === decodeURIComponent(path.slice(1)));
      if (event === undefined)
        answer(response, 404, { code: 'not_found', message: 'There is no such event.', requestId: 'r-1' });
      else answer(response, 200, event);
    }
  };

  const answerRules = async (request: IncomingMessage, response: ServerResponse) => {
    const etag = `"${standIn.rulesVersion}"`;
    if (request.method === 'PUT') {
      const body = (await readBody(request)) as { accessRules: AccessRule[] };
      if (request.headers['if-match'] !== etag) {
        answer(response, 412, {
          code: 'precondition_failed',
          message: 'Somebody else saved the rules.',
          requestId: 'r-2',
        });
        return;
      }
      standIn.rules = body.accessRules.map((rule) => {
        const { previousName, ...kept } = rule;
        return previousName === undefined ? rule : kept;
      });
      standIn.rulesVersion += 1;
    }
    answer(
      response,
      200,
      { version: standIn.rulesVersion, accessRules: standIn.rules },
      { etag: `"${standIn.rulesVersion}"` },
    );
  };

  const answerApi = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    if (standIn.failWith === 0) {
      request.socket.destroy();
      return;
    }
    if (standIn.failWith !== undefined) {
      answer(response, standIn.failWith, { code: 'x', message: '', requestId: 'r-9' });
      return;
    }
    const path = url.pathname.replace('/api/dockledger/v1', '');
    const cookie = /dl=([^;]+)/u.exec(request.headers.cookie ?? '')?.[1];
    if (path === '/session' && request.method === 'POST') {
      const body = (await readBody(request)) as { username: string; password: string };
      if (body.password !== 'correct horse') {
        answer(response, 401, { code: 'unauthenticated', message: 'Name or password is wrong.', requestId: 'r-3' });
        return;
      }
      const id = createHash('sha256').update(`${sessions.size}${Date.now()}`).digest('hex');
      sessions.add(id);
      const expiresAt = new Date(Date.now() + 1_800_000).toISOString();
      const setCookie = `dl=${id}; Path=/; HttpOnly; SameSite=Strict`;
      answer(
        response,
        200,
        { username: body.username, role: 'admin', collections: null, expiresAt },
        { 'set-cookie': setCookie },
      );
      return;
    }
    if (cookie === undefined || !sessions.has(cookie)) {
      answer(response, 401, { code: 'unauthenticated', message: 'Sign in.', requestId: 'r-4' });
      return;
    }
    if (path === '/session' && request.method === 'DELETE') {
      sessions.delete(cookie);
      answer(response, 200, {});
    } else if (path.startsWith('/session'))
      answer(response, 200, { username: 'admin', role: 'admin', collections: null });
    else if (path.startsWith('/events')) answerEvents(response, path.slice('/events'.length), url.searchParams);
    else if (path === '/rules/history')
      answer(response, 200, {
        versions: [
          {
            version: standIn.rulesVersion,
            accessRules: standIn.rules,
            savedAt: new Date().toISOString(),
            savedBy: 'admin',
          },
          { version: 0, accessRules: defaultRuleSet.accessRules, savedAt: new Date(0).toISOString(), savedBy: '' },
        ],
      });
    else if (path === '/rules') await answerRules(request, response);
    else if (path === '/defenders') answer(response, 200, { defenders: standIn.defenders });
    else if (path === '/status')
      answer(response, 200, {
        version: '0.1.0',
        ledgerSize: events.length,
        indexedSize: events.length,
        ledgerBytes: 3_400_000,
        dockerProxy: 'unix:///run/dockledger/docker.sock',
      });
    else answer(response, 404, { code: 'not_found', message: 'No such route.', requestId: 'r-5' });
  };

  const answerFile = async (response: ServerResponse, path: string) => {
    const wanted = extname(path) === '' ? 'index.html' : normalize(path).replace(/^(\.\.\/?)+/u, '');
    try {
      const file = await readFile(join(dist, wanted));
      response.writeHead(200, {
        'content-type': types[extname(wanted)] ?? 'application/octet-stream',
        'content-security-policy': policy,
      });
      response.end(file);
    } catch {
      response.writeHead(404);
      response.end();
    }
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    if (url.pathname === '/ledger/checkpoint') {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.end(
        `dockledger.example/ledger\n${events.length}\nm5f0ZkW0nTqQzq3J1yU6qv7x2l8s5oY1F7zTzJ2V0aA=\n\n— dockledger.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`,
      );
    } else if (url.pathname.startsWith('/api/')) void answerApi(request, response, url);
    else void answerFile(response, url.pathname);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const standIn: StandIn = {
    url: `http://127.0.0.1:${port}`,
    events,
    asked,
    failWith: undefined,
    defenders: [],
    rules: [...defaultRuleSet.accessRules],
    rulesVersion: 1,
    add: (...more) => {
      events.unshift(...more);
      events.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.ledgerIndex - a.ledgerIndex));
      for (const [tail, params] of tails) {
        for (const event of more.filter((event) => matches(event, params)))
          tail.write(`id: ${event.ledgerIndex}\ndata: ${JSON.stringify(event)}\n\n`);
      }
    },
    endSessions: () => sessions.clear(),
    cutLiveTails: () => {
      for (const tail of tails.keys()) {
        tail.write('data: {"id": "half');
        tail.destroy();
      }
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return standIn;
}
