// The engine as the judge of our reading: what the guard accepts is put to a real dockerd as it came and as the guard
// would forward it, and both must do the same. Shared by the short form in `npm test` and the long one in torture.
import { connect } from 'node:net';
import {
  canonicaliseBody,
  classify,
  parseRequestHead,
  parseTarget,
  type RequestMethod,
  routes,
} from '@dockledger/rules';
import { type Engine, engineUnavailable, startEngine } from '@dockledger/testkit';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends bytes and returns all that comes back until the engine closes or `withinMs` is over. */
function exchange(socketPath: string, bytes: string | Buffer, withinMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const parts: Buffer[] = [];
    const finish = (): void => {
      socket.destroy();
      resolve(Buffer.concat(parts).toString('latin1'));
    };
    socket.setTimeout(withinMs, finish);
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', finish);
    socket.on('error', reject);
    socket.write(bytes);
  });
}

function readAnswer(text: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  const split = text.indexOf('\r\n\r\n');
  const body = text.slice(split + 4);
  return {
    status,
    body: /transfer-encoding: chunked/i.test(text.slice(0, split)) ? body.replace(/^[0-9a-f]+\r\n/gim, '') : body,
  };
}

async function ask(engine: Engine, method: string, target: string, body: string | Buffer = ''): Promise<Answer> {
  const bytes = Buffer.from(body);
  const head = `${method} ${target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return readAnswer(await exchange(engine.socketPath, Buffer.concat([Buffer.from(head, 'latin1'), bytes])));
}

/** JSON text with the oddities that guards have been talked around with. */
const oddCreate = (() => {
  const scalar = fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '1',
    '""',
    '"host"',
    '[]',
    '{}',
    '8000000',
    '-1',
    '1e3',
    '1.0',
    '"\\u0068ost"',
  );
  const value = fc.constantFrom(
    '["/tmp:/x"]',
    '["SYS_ADMIN"]',
    '"ALL"',
    '["cap_net_raw"]',
    '{"a":"b"}',
    '{"a":"1","A":"2"}',
    '{"a":"1","a":"2"}',
    '["seccomp=unconfined"]',
    '{"Name":"always","MaximumRetryCount":0}',
    '{"name":"on-failure","MAXIMUMRETRYCOUNT":3}',
    '[null]',
    '["sh","-c","true"]',
    '"sh"',
  );
  const names = [
    'Privileged',
    'NetworkMode',
    'PidMode',
    'IpcMode',
    'CapAdd',
    'Binds',
    'Memory',
    'SecurityOpt',
    'MaskedPaths',
    'RestartPolicy',
    'Sysctls',
    'ReadonlyRootfs',
    'PidsLimit',
    'CgroupnsMode',
    'Init',
  ];
  const spelled = (name: string) =>
    fc.constantFrom(
      name,
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replace(/s/i, '\u017f'),
      name.replace(/k/i, '\u212a'),
      `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`,
    );
  const blank = fc.constantFrom('', ' ', '\n', '\t');
  const member = (name: string) =>
    fc
      .tuple(spelled(name), blank, fc.oneof(scalar, value))
      .map(([key, space, text]) => `"${key}"${space}:${space}${text}`);
  const hostMember = fc.constantFrom(...names).chain(member);
  const object = (members: fc.Arbitrary<string>) =>
    fc.array(members, { maxLength: 3 }).map((parts) => `{${parts.join(',')}}`);
  const host = fc
    .tuple(
      spelled('HostConfig'),
      fc.oneof({ weight: 5, arbitrary: object(hostMember) }, { weight: 1, arbitrary: fc.constant('null') }),
    )
    .map(([key, text]) => `"${key}":${text}`);
  const other = fc.oneof(
    ...['Cmd', 'Entrypoint', 'Env', 'Labels', 'User', 'Tty', 'Volumes', 'Healthcheck', 'StopTimeout'].map(member),
    host,
    fc.constantFrom('"Unknown":1', '"__proto__":{"Privileged":true}'),
  );
  const topLevelHost = hostMember;
  return fc
    .tuple(
      fc.array(fc.oneof({ weight: 6, arbitrary: other }, { weight: 1, arbitrary: topLevelHost }), { maxLength: 3 }),
      host,
      fc.constantFrom('', '', '', '', '', '', ' ', '\n', '{}', 'x', '\u00a0'),
    )
    .map(([members, last, tail]) => `{"Image":"tiny",${[...members, last].join(',')}}${tail}`);
})();

/** What an inspect shows of a container, without what differs between any two. */
async function inspect(engine: Engine, id: string): Promise<unknown> {
  const answer = await ask(engine, 'GET', `/containers/${id}/json`);
  const { Config, HostConfig, NetworkSettings } = JSON.parse(answer.body) as {
    Config: Record<string, unknown>;
    HostConfig: Record<string, unknown>;
    NetworkSettings: { Networks: unknown };
  };
  // Not filled in when no HostConfig was sent, not even one of nulls at the top level; the same when it starts.
  const Runtime = HostConfig['Runtime'] ?? 'runc';
  return {
    Config: { ...Config, Hostname: '' },
    HostConfig: { ...HostConfig, Runtime },
    Networks: Object.keys(NetworkSettings.Networks ?? {}),
  };
}

/** Creates a container and says what became of it; removes it again. */
async function create(
  engine: Engine,
  body: string,
): Promise<{ readonly status: number; readonly container?: unknown }> {
  const answer = await ask(engine, 'POST', '/containers/create', body);
  if (answer.status !== 201) return { status: answer.status };
  const { Id } = JSON.parse(answer.body) as { Id: string };
  const container = await inspect(engine, Id);
  await ask(engine, 'DELETE', `/containers/${Id}?force=1&v=1`);
  return { status: answer.status, container };
}

/** A list without its order, which the engine draws anew for each answer. */
const sorted = (body: string): string =>
  body
    .split(/(?=\{")/)
    .map((part) => part.replace(/[,\]\s]+$/, ''))
    .sort()
    .join();

const endless =
  /events|attach|stats|logs|wait|profile|trace|session|grpc|build|search|distribution|plugins|swarm|load|images\/create|auth/;

/** Registers the suite. `runs` is the number of generated create bodies; the other parts scale with it. */
export function describeCanonicalRequest(runs: number): void {
  const reason = engineUnavailable();
  describe.skipIf(reason !== undefined)(
    `the engine reads what we accept as we do${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    () => {
      let engine: Engine;
      beforeAll(async () => {
        engine = await startEngine();
        const made = await ask(
          engine,
          'POST',
          '/images/create?fromSrc=-&repo=tiny&changes=CMD+%5B%22sh%22%5D',
          Buffer.alloc(1024),
        );
        expect(made.status).toBe(200);
      });
      afterAll(async () => {
        await engine[Symbol.asyncDispose]();
      });

      it('create bodies: as sent and as forwarded they make the same container', async () => {
        let accepted = 0;
        let created = 0;
        await fc.assert(
          fc.asyncProperty(oddCreate, async (text) => {
            const body = canonicaliseBody('container_create', Buffer.from(text));
            if (body.kind === 'refusal') return;
            accepted++;
            const asSent = await create(engine, text);
            const asForwarded = await create(engine, body.text);
            expect(asForwarded).toEqual(asSent);
            if (asSent.status === 201) created++;
          }),
          { numRuns: runs },
        );
        // How many of them are is chance; that enough are is what the comparison stands on.
        expect(accepted).toBeGreaterThan(runs / 25);
        expect(created).toBeGreaterThan(runs / 50);
      });

      it('a body that the engine honours and we do not understand is refused, not forwarded', async () => {
        const tricks = [
          '{"Image":"tiny","Privileged":true}',
          '{"Image":"tiny","HostConfig":null,"Binds":["/:/host"]}',
          '{"Image":"tiny","HostConfig":{"Privileged":true,"Privileged":null}}',
          '{"Image":"tiny","HostConfig":{"Privileged":true},"HostConfig":{"Memory":8000000}}',
          '{"Image":"tiny","HostConfig":{"Privileged":true},"Ho\u017ftConfig":{}}',
          '{"Image":"tiny","HostConfig":{"Privileged":true}}{"HostConfig":{}}',
        ];
        for (const text of tricks) {
          expect((await create(engine, text)).status).toBe(201);
          expect(canonicaliseBody('container_create', Buffer.from(text)).kind).toBe('refusal');
        }
      });

      it('targets: as sent and as forwarded they get the same answer', async () => {
        const piece = fc.constantFrom(
          '/',
          '%2F',
          '/v1.41',
          '/v1.12',
          '/v01.41',
          '/v1.41.0',
          '/containers',
          '/%63ontainers',
          '/json',
          '/images',
          '/tiny',
          '/info',
          '/version',
          '/_ping',
          '/%252e',
          '/%20',
          '/a%3fb',
          '+',
          '/nope',
          '/volumes',
          '/networks',
          '%c3%a9',
          '/V1.41',
          '/exec',
        );
        const query = fc.constantFrom(
          '',
          '?all=1',
          '?all=1&all=1',
          '?All=1',
          '?filters={"name":["x"]}',
          '?filters=%7B%22name%22%3A%5B%22x%22%5D%7D',
          '?a=b+c%20d',
          '?limit=%31',
        );
        let compared = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 4 }), query, async (pieces, search) => {
            const sent = `${pieces.join('')}${search}`;
            const target = parseTarget(sent);
            if (target.kind !== 'target' || endless.test(target.path)) return;
            const [asSent, asForwarded] = [
              await ask(engine, 'GET', sent),
              await ask(engine, 'GET', target.canonicalTarget),
            ];
            compared++;
            expect(asForwarded.status).toBe(asSent.status);
            if (!target.path.includes('info') && !target.path.includes('_ping'))
              expect(sorted(asForwarded.body)).toBe(sorted(asSent.body));
          }),
          { numRuns: runs * 2 },
        );
        expect(compared).toBeGreaterThan(runs / 4);
      });

      it('routes: the engine finds no route exactly where we find none', async () => {
        const segment = fc.constantFrom(
          'containers',
          'images',
          'exec',
          'networks',
          'volumes',
          'a',
          'json',
          'start',
          'create',
          'prune',
          'archive',
          'get',
          'history',
          'top',
          'changes',
          'exec',
          'rename',
          'tag',
          'Json',
          'debug',
          'vars',
          'pprof',
          'heap',
          '',
        );
        const method = fc.constantFrom<RequestMethod>('GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'OPTIONS');
        let known = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 4 }), method, async (segments, verb) => {
            const target = parseTarget(`/v1.41/${segments.join('/')}`);
            if (target.kind !== 'target' || endless.test(target.path)) return;
            // Debug routes are served without a version only; the 20.10 table lists them a second time without prefix.
            const sent = target.path.startsWith('/debug') ? target.path : target.canonicalTarget;
            const route = classify(verb, target.path);
            const entry = routes.find((each) => each.action === route.action && each.template === route.route);
            if (entry?.engines === '29.7' && !target.path.startsWith('/debug')) return;
            if (entry?.engines === '20.10' && !target.path.startsWith('/containers')) return;
            const answer = await ask(engine, verb, sent, verb === 'POST' ? '{}' : '');
            const hasRoute = !(
              answer.status === 405 ||
              (answer.status === 404 && (verb === 'HEAD' || answer.body.includes('page not found')))
            );
            // Without a body nobody can tell whose 404 it is.
            if (verb === 'HEAD' && (route.action === 'container_archive_head' || route.action === 'debug_pprof_lookup'))
              return;
            known += hasRoute ? 1 : 0;
            expect(`${verb} ${sent} ${hasRoute ? 'route' : 'none'}`).toBe(
              `${verb} ${sent} ${route.action === 'unknown' ? 'none' : 'route'}`,
            );
          }),
          { numRuns: runs * 2 },
        );
        expect(known).toBeGreaterThan(runs / 20);
      });

      it('heads: as many answers as requests, whatever we accept', async () => {
        const field = fc.constantFrom(
          'Accept: */*',
          'X:\ta',
          'X-Empty:',
          'X-Latin: \xe9',
          'Connection: keep-alive',
          'Connection: Upgrade\r\nUpgrade: tcp',
          'Connection: Upgrade\r\nUpgrade: h2c',
          'Content-Length: 0',
          'Content-Length: 3',
          'Transfer-Encoding: chunked',
          'Content-Length: 3\r\nTransfer-Encoding: chunked',
          'Host: e',
          'Content-Length: +3',
          'Content-Type: text/plain',
          ' folded: x',
          'bad name: x',
        );
        let accepted = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom('GET', 'HEAD', 'POST', 'get', 'OPTIONS'),
            fc.constantFrom('/_ping', 'http://h/_ping', '/v1.41/_ping', '/nope', '*', '/ _ping'),
            fc.array(field, { maxLength: 3 }),
            async (verb, target, fields) => {
              const text = `${verb} ${target} HTTP/1.1\r\nHost: d\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`;
              const head = parseRequestHead(Buffer.from(text, 'latin1'), 0, text.length);
              if (head.kind !== 'head') return;
              accepted++;
              const body = head.framing === 'chunked' ? '3\r\nabc\r\n0\r\n\r\n' : 'a'.repeat(head.contentLength);
              const second = 'GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n';
              const answers = await exchange(engine.socketPath, Buffer.from(text + body + second, 'latin1'));
              expect(`${text}${answers.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0}`).toBe(`${text}2`);
              expect(answers).toContain('"ApiVersion"');
            },
          ),
          { numRuns: runs },
        );
        expect(accepted).toBeGreaterThan(runs / 10);
      });
    },
  );
}
