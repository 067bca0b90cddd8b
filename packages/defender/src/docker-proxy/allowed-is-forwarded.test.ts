import { until } from '@dockledger/testkit';
import { array, assert, asyncProperty, constantFrom, nat } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok, startScriptedEngine } from './testing/scripted-engine.ts';
import { allowAll, connectRaw, get, post, startProxy } from './testing/start-proxy.ts';

/** Pieces of a connection. `seen`: what the engine must see of it when everything before it was well-formed. */
interface Piece {
  readonly bytes: string;
  readonly seen: string | undefined;
  /** The connection ends with it. */
  readonly isLast: boolean;
}

const wellFormed: readonly Piece[] = [
  { bytes: get('/_ping'), seen: 'GET /_ping', isLast: false },
  { bytes: get('/v1.41/containers/json?all=1'), seen: 'GET /v1.41/containers/json?all=1', isLast: false },
  { bytes: get('/%76ersion'), seen: 'GET /version', isLast: false },
  { bytes: get('/info'), seen: undefined, isLast: false },
  { bytes: post('/containers/prune'), seen: 'POST /containers/prune', isLast: false },
  {
    bytes: post('/volumes/create', '{"Name":"GET /smuggled HTTP/1.1\\r\\n"}'),
    seen: 'POST /volumes/create',
    isLast: false,
  },
  {
    bytes: 'POST /build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n',
    seen: 'POST /build',
    isLast: false,
  },
  {
    bytes: 'PUT /containers/c/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nGET /smuggled HTTP/1',
    seen: 'PUT /containers/c/archive?path=%2F',
    isLast: false,
  },
  { bytes: post('/containers/create', '{"Image":"x"}'), seen: undefined, isLast: true },
];
const malformed: readonly Piece[] = [
  'GET /smuggled HTTP/1.1\nHost: x\n\n',
  'POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
  'POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'GET /smuggled/../x HTTP/1.1\r\nHost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
].map((bytes) => ({ bytes, seen: undefined, isLast: true }));

describe('docker proxy: what was allowed is what the engine gets', () => {
  it('for any sequence of requests, cut into any packets', async () => {
    await using engine = await startScriptedEngine();
    engine.script = (request, socket) =>
      socket.write(
        request.line === 'GET /containers/c/json' ? 'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}' : ok(),
      );
    await using proxy = await startProxy(engine.socketPath);
    proxy.accessRules = [{ name: 'no-info', effect: 'deny', action: ['docker_info', 'container_create'] }, allowAll];
    await assert(
      asyncProperty(
        array(constantFrom(...wellFormed.filter((piece) => !piece.isLast)), { maxLength: 6 }),
        constantFrom(undefined, ...malformed),
        array(nat(400), { maxLength: 12 }),
        async (pieces, last, cuts) => {
          const all = last === undefined ? pieces : [...pieces, last];
          const bytes = all.map((piece) => piece.bytes).join('');
          const already = engine.requests.length;
          const records = proxy.recorder.requests.length;
          using client = await connectRaw(proxy.path);
          let at = 0;
          for (const cut of [...new Set(cuts)].sort((a, b) => a - b)) {
            if (cut <= at || cut >= bytes.length) continue;
            client.send(bytes.slice(at, cut));
            at = cut;
            await new Promise((resolve) => setImmediate(resolve));
          }
          client.send(bytes.slice(at));
          await until(
            'every request is answered',
            () => client.received().split('HTTP/1.1 ').length - 1 === all.length,
          );
          const seen = engine.requests.slice(already).map((request) => request.line);
          expect(seen.filter((line) => line !== 'GET /containers/c/json')).toEqual(
            all.map((piece) => piece.seen).filter((line) => line !== undefined),
          );
          expect(proxy.recorder.requests.length - records).toBe(all.length);
        },
      ),
      { numRuns: 60 },
    );
    expect(engine.requests.map((request) => request.line).join('\n')).not.toContain('smuggled');
  });
});
