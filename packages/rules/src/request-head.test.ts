import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeadRefusalCode } from './head-refusal.ts';
import { headerValue } from './header-field.ts';
import { isRequestMethod, parseRequestHead, type RequestHead, toOriginForm } from './request-head.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const parse = (text: string) => {
  const bytes = bytesOf(text);
  return parseRequestHead(bytes, 0, bytes.length);
};
const accepted = (text: string): RequestHead => {
  const result = parse(text);
  if (result.kind !== 'head') throw new Error(`expected a head, got ${JSON.stringify(result)}`);
  return result;
};

describe('parseRequestHead on what real clients send', () => {
  it('reads the docker CLI asking for the container list', () => {
    const head = accepted(
      'GET /v1.41/containers/json HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: Docker-Client/29.7.2 (linux)\r\n\r\n',
    );
    expect(head).toMatchObject({
      method: 'GET',
      target: '/v1.41/containers/json',
      framing: 'none',
      contentLength: 0,
      host: 'api.moby.localhost',
      wantsUpgrade: false,
      connectionClose: false,
      expectContinue: false,
    });
    expect(head.headers).toEqual([
      { name: 'Host', lowerName: 'host', value: 'api.moby.localhost' },
      { name: 'User-Agent', lowerName: 'user-agent', value: 'Docker-Client/29.7.2 (linux)' },
    ]);
  });

  it('reads a create with a JSON body and says where the body begins', () => {
    const text =
      'POST /v1.41/containers/create?name=web HTTP/1.1\r\nHost: docker\r\nContent-Length: 17\r\nContent-Type: application/json\r\n\r\n{"Image":"alpine"';
    const head = accepted(text);
    expect(head).toMatchObject({ framing: 'length', contentLength: 17, contentType: 'application/json' });
    expect(text.slice(head.headBytes)).toBe('{"Image":"alpine"');
  });

  it('reads a chunked build context', () => {
    const head = accepted(
      'POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\nX-Registry-Config: e30=\r\n\r\n4\r\n',
    );
    expect(head.framing).toBe('chunked');
    expect(headerValue(head.headers, 'x-registry-config')).toBe('e30=');
  });

  it.each([
    ['Upgrade', 'tcp', 'tcp'],
    ['Upgrade', 'h2c', 'h2c'],
    ['keep-alive, Upgrade', 'websocket', 'websocket'],
    ['upgrade', 'WebSocket', 'websocket'],
    ['Upgrade', 'TLS/1.2', undefined],
    ['keep-alive, upgrade', 'TLS/1.2', undefined],
    ['Upgrade', 'tcp, h2c', undefined],
    ['Upgrade', 'foo', undefined],
    ['Upgrade, HTTP2-Settings', 'h2c', undefined],
    ['Upgrade', 'h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB', undefined],
  ])('reads Connection: %s with Upgrade: %s', (connection, upgrade, expected) => {
    const head = accepted(
      `POST /session HTTP/1.1\r\nHost: d\r\nConnection: ${connection}\r\nUpgrade: ${upgrade}\r\n\r\n`,
    );
    expect(head).toMatchObject({ kind: 'head', upgrade: expected, wantsUpgrade: expected !== undefined });
  });

  it("reads curl's Expect and keeps the client's closing wish", () => {
    const head = accepted('POST /build HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
    expect(head).toMatchObject({ expectContinue: true, connectionClose: true });
  });

  it('accepts an empty Host, an encoded socket path and an IPv6 address as Host', () => {
    for (const host of ['', '%2Fvar%2Frun%2Fdocker.sock', '[::1]:2375', '127.0.0.1:9998']) {
      expect(accepted(`GET /_ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`).host).toBe(host);
    }
  });

  it('turns an absolute-form target into its origin form (T-03)', () => {
    for (const address of ['http://whatever', 'https://x:1', 'HTTP://X']) {
      expect(accepted(`GET ${address}/v1.41/info?a=b HTTP/1.1\r\nHost: d\r\n\r\n`).target).toBe('/v1.41/info?a=b');
    }
  });

  it('reads a head that begins in the middle of a buffer', () => {
    const bytes = bytesOf('leftoverGET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /');
    const result = parseRequestHead(bytes, 8, bytes.length);
    expect(result).toMatchObject({ kind: 'head', target: '/_ping', headBytes: 32 });
  });

  it('keeps bytes above ASCII in a value as they were', () => {
    expect(headerValue(accepted('GET / HTTP/1.1\r\nHost: d\r\nX-Name: caf\xe9\r\n\r\n').headers, 'x-name')).toBe(
      'caf\xe9',
    );
  });
});

const with_ = (line: string) => `GET /_ping HTTP/1.1\r\nHost: d\r\n${line}\r\n\r\n`;
const requestLine = (line: string) => `${line}\r\nHost: d\r\n\r\n`;
const refused: readonly (readonly [HeadRefusalCode, string])[] = [
  ['field-twice', with_('Content-Length: 3\r\nContent-Length: 3')],
  ['content-length', with_('Content-Length: 3, 3')],
  ['content-length', with_('Content-Length: +5')],
  ['content-length', with_('Content-Length: -1')],
  ['content-length', with_('Content-Length: 0x10')],
  ['content-length', with_('Content-Length: 05')],
  ['content-length', with_('Content-Length: 1 2')],
  ['content-length', with_('Content-Length:')],
  ['content-length', with_('Content-Length: 99999999999999999999')],
  ['two-framings', with_('Content-Length: 3\r\nTransfer-Encoding: chunked')],
  ['two-framings', with_('Transfer-Encoding: chunked\r\nContent-Length: 0')],
  ['field-twice', with_('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')],
  ['transfer-encoding', with_('Transfer-Encoding: identity, chunked')],
  ['transfer-encoding', with_('Transfer-Encoding: gzip, chunked')],
  ['transfer-encoding', with_('Transfer-Encoding: xchunked')],
  ['transfer-encoding', with_('Transfer-Encoding: Chunked')],
  ['transfer-encoding', with_('Transfer-Encoding: ')],
  ['control-character', with_('Transfer-Encoding: \x0bchunked')],
  ['control-character', with_('X: a\x00b')],
  ['control-character', with_('X: a\x7fb')],
  ['host-missing', 'GET /_ping HTTP/1.1\r\nAccept: */*\r\n\r\n'],
  ['host-missing', 'GET /_ping HTTP/1.1\r\n\r\n'],
  ['field-twice', with_('host: e')],
  ['host-invalid', 'GET /_ping HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['host-invalid', 'GET /_ping HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['folded-field', with_('X: a\r\n b')],
  ['folded-field', with_('X: a\r\n\tb: c')],
  ['folded-field', 'GET /_ping HTTP/1.1\r\n Host: d\r\n\r\n'],
  ['field-name', with_('Content-Length : 3')],
  ['field-name', with_('X\t: 3')],
  ['field-name', with_(': 3')],
  ['field-name', with_('no colon')],
  ['field-name', with_('X(a): b')],
  ['field-name', with_('\xe9: b')],
  ['bare-lf', 'GET /_ping HTTP/1.1\nHost: d\n\n'],
  ['bare-lf', with_('X: a\nY: b')],
  ['bare-cr', with_('X: a\rY: b')],
  ['empty-start-line', '\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['version', requestLine('GET /_ping HTTP/1.0')],
  ['version', requestLine('GET /_ping HTTP/2.0')],
  ['request-line', requestLine('GET /_ping http/1.1')],
  ['request-line', requestLine('GET /_ping HTTP/1.1 ')],
  ['request-line', requestLine('GET  /_ping HTTP/1.1')],
  ['request-line', requestLine('GET /_ping  HTTP/1.1')],
  ['request-line', requestLine('GET /_ping')],
  ['request-line', requestLine('GET ')],
  ['request-line', requestLine('GET')],
  ['request-line', requestLine(' GET /_ping HTTP/1.1')],
  ['target-character', requestLine('GET /caf\xe9 HTTP/1.1')],
  ['target-character', requestLine('GET /a\tb HTTP/1.1')],
  ['target-form', requestLine('OPTIONS * HTTP/1.1')],
  ['target-form', requestLine('GET d:80 HTTP/1.1')],
  ['target-form', requestLine('GET http:///x HTTP/1.1')],
  ['target-form', requestLine('GET http://h?x=/y HTTP/1.1')],
  ['target-form', requestLine('GET http://u@h/y HTTP/1.1')],
  ['target-form', requestLine('GET unix://h/y HTTP/1.1')],
  ['method', requestLine('get /_ping HTTP/1.1')],
  ['method', requestLine('TRACE /_ping HTTP/1.1')],
  ['method', requestLine('CONNECT d:80 HTTP/1.1')],
  ['method', requestLine('PATCH /_ping HTTP/1.1')],
  ['method', requestLine('GETS /_ping HTTP/1.1')],
  ['http2-preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['connection-option', with_('Connection: close, Content-Type')],
  ['connection-option', with_('Connection: close, keep-alive')],
  ['connection-option', with_('Connection: ')],
  ['connection-option', with_('Connection: close,')],
  ['connection-option', with_('Connection: HTTP2-Settings')],
  ['field-twice', with_('Connection: keep-alive\r\nConnection: close')],
  ['connection-upgrade', with_('Upgrade: tcp')],
  ['connection-upgrade', with_('Connection: upgrade')],
  ['connection-upgrade', with_('Upgrade: TLS/1.2')],
  ['field-twice', with_('Connection: upgrade\r\nUpgrade: TLS/1.2\r\nUpgrade: tcp')],
  ['field-twice', with_('Connection: upgrade\r\nUpgrade: tcp\r\nUpgrade: tcp')],
  ['expectation', with_('Expect: 200-ok')],
  ['field-twice', with_('Expect: 100-continue\r\nExpect: 100-continue')],
  ['trailer-field', with_('Trailer: X')],
  ['field-twice', with_('Content-Type: application/json\r\nContent-Type: text/plain')],
  ['field-twice', with_('X-Registry-Auth: a\r\nX-Registry-Auth: b')],
  ['field-twice', with_('X-Registry-Config: a\r\nX-Registry-Config: b')],
  ['too-many-fields', with_(Array.from({ length: 100 }, (_, n) => `X-${n}: 1`).join('\r\n'))],
  ['incomplete-at-limit', `GET /_ping HTTP/1.1\r\nHost: d\r\nX: ${'a'.repeat(65_536)}`],
  ['target-too-long', requestLine(`GET /${'a'.repeat(40_000)} HTTP/1.1`)],
];

describe('parseRequestHead on what two parsers could read differently', () => {
  it.each(refused.map(([code, text]) => ({ code, text, shown: JSON.stringify(text.slice(0, 90)) })))(
    'refuses as $code: $shown',
    ({ code, text }) => {
      expect(parse(text)).toMatchObject({ kind: 'refusal', code });
    },
  );

  it('refuses the HTTP/2 preface with 505 and says what to do (T-70)', () => {
    const result = parse('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(result).toMatchObject({ status: 505, reason: expect.stringContaining('/session') });
  });

  it('refuses a bare LF at once, so that no client waits for a head that never ends', () => {
    expect(parse('GET /_ping HTTP/1.1\n')).toMatchObject({ kind: 'refusal', code: 'bare-lf' });
  });

  it('refuses a TLS hello at once', () => {
    expect(parse('\x16\x03\x01\x02')).toMatchObject({ kind: 'refusal', code: 'control-character' });
  });
});

describe('what an authorization plugin is told', () => {
  it('has an origin form, however the client wrote the target', () => {
    expect(toOriginForm('http://x/v1.41/info?a=b')).toBe('/v1.41/info?a=b');
    expect(toOriginForm('/v1.41/info')).toBe('/v1.41/info');
    for (const other of ['*', 'x:80', '', 'ftp://x/', 'http://x']) expect(toOriginForm(other)).toBeUndefined();
  });

  it('names a method of the table or none', () => {
    expect(isRequestMethod('POST')).toBe(true);
    for (const other of ['post', 'TRACE', 'GET ', '']) expect(isRequestMethod(other)).toBe(false);
  });
});

describe('parseRequestHead on heads that arrive in pieces', () => {
  const whole = bytesOf('POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}');

  it('answers the same for every cut, byte by byte, going on where it stopped', () => {
    const expected = parseRequestHead(whole, 0, whole.length);
    let scanFrom = 0;
    for (let end = 1; end <= whole.length; end++) {
      const result = parseRequestHead(whole, 0, end, scanFrom);
      if (result.kind === 'incomplete') {
        scanFrom = result.scannedTo;
        continue;
      }
      expect(result).toEqual(expected);
      expect(end).toBe(whole.length - 2);
      return;
    }
    expect.unreachable();
  });

  it('looks at no byte twice while 64 KiB trickle in', () => {
    const bytes = bytesOf(`GET / HTTP/1.1\r\nHost: d\r\nX: ${'a'.repeat(65_000)}`);
    let scanFrom = 0;
    for (let end = 1; end <= bytes.length; end += 13) {
      const result = parseRequestHead(bytes, 0, end, scanFrom);
      if (result.kind !== 'incomplete') expect.unreachable();
      else scanFrom = result.scannedTo;
      // One byte may have to wait for its successor: a CR at the very end.
      expect(scanFrom).toBeGreaterThanOrEqual(end - 1);
    }
  });
});

// Node's parser is the second opinion: what we accept it must accept too, and read the same.
interface Reading {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

describe("parseRequestHead beside Node's own parser", () => {
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  const readings: Reading[] = [];
  let failure: string | undefined;
  const take = (request: IncomingMessage): void => {
    readings.push({ method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders });
  };

  beforeAll(() => {
    server.on('request', (request, response) => {
      take(request);
      request.resume();
      response.end();
    });
    server.on('checkContinue', (request: IncomingMessage, response) => {
      take(request);
      request.resume();
      response.end();
    });
    server.on('clientError', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
  });
  afterAll(() => {
    server.close();
  });

  async function readByNode(bytes: Buffer): Promise<{ readings: Reading[]; failure: string | undefined }> {
    readings.length = 0;
    failure = undefined;
    const [client, serverSide] = duplexPair();
    server.emit('connection', serverSide);
    client.resume();
    client.on('error', () => {});
    serverSide.on('error', () => {});
    const closed = new Promise((resolve) => serverSide.once('close', resolve));
    client.end(bytes);
    await closed;
    return { readings: [...readings], failure };
  }

  async function compare(text: string): Promise<'accepted' | 'refused'> {
    const ours = parse(text);
    if (ours.kind !== 'head') return 'refused';
    if (ours.contentLength > 64) return 'refused';
    const body = ours.framing === 'chunked' ? '0\r\n\r\n' : 'b'.repeat(ours.contentLength);
    // Node stops reading HTTP behind a request that asks for an upgrade, even when nobody serves it.
    const second =
      ours.connectionClose || ours.headers.some(({ lowerName }) => lowerName === 'upgrade')
        ? ''
        : 'GET /second HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n';
    const node = await readByNode(bytesOf(text.slice(0, ours.headBytes) + body + second));
    expect(node.failure).toBeUndefined();
    expect(node.readings.map((reading) => reading.method)).toEqual([ours.method, ...(second === '' ? [] : ['GET'])]);
    const first = node.readings[0];
    expect(first?.target.replace(/^https?:\/\/[^/]*/i, '')).toBe(ours.target);
    expect(first?.rawHeaders).toEqual(ours.headers.flatMap((field) => [field.name, field.value]));
    if (second !== '') expect(node.readings[1]?.target).toBe('/second');
    return 'accepted';
  }

  const field = fc.constantFrom(
    'Host: d',
    'Host: ',
    'host:127.0.0.1:2375',
    'Content-Length: 0',
    'Content-Length: 7',
    'Content-length: +7',
    'Content-Length: 7, 7',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\x0bchunked',
    'Connection: close',
    'Connection: keep-alive',
    'Connection: Upgrade',
    'Connection: Upgrade, keep-alive',
    'Connection: close, Content-Length',
    'Upgrade: tcp',
    'Upgrade: h2c',
    'Upgrade: foo',
    'Expect: 100-continue',
    'Expect: nothing',
    'User-Agent: Docker-Client/20.10.24 (linux)',
    'X-Tab:\ta\tb\t',
    'X-Empty:',
    'X-Latin: \xe9\xff',
    ' folded',
    '\tfolded: x',
    'no-colon',
    'X: a\rb',
    'X: a\nHost: e',
    'X-Nul: \0',
    'Trailer: X',
    'Proxy-Connection: keep-alive',
  );
  const structured = fc
    .record({
      method: fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'get', 'TRACE', 'PRI', ''),
      target: fc.constantFrom('/_ping', '/a?b=c', '/%2e', 'http://h/x', '*', 'h:1', '/a b', '/\xe9', '/"', '//x', ''),
      version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ', 'HTTP/0.9', ''),
      eol: fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r'),
      fields: fc.array(field, { maxLength: 5 }),
      lead: fc.constantFrom('', '', '', '', '\r\n', ' '),
    })
    .map(({ method, target, version, eol, fields, lead }) =>
      [`${lead}${method} ${target} ${version}`, 'Host: d', ...fields, '', ''].join(eol),
    );
  const seeds = [
    'GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: docker\r\nUser-Agent: x\r\n\r\n',
    'POST /exec/a/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n',
    'POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n',
  ];
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(
        fc.tuple(
          fc.nat(),
          fc.constantFrom('replace', 'insert', 'delete'),
          fc.oneof(
            fc.constantFrom('\r', '\n', '\t', ' ', ':', ',', ';', '0', 'a', 'Z', '\0', '\x7f', '\x80', '%', '#', '"'),
            fc.nat(255).map((code) => String.fromCharCode(code)),
          ),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    )
    .map(([seed, edits]) =>
      edits.reduce((text, [where, how, character]) => {
        const at = where % text.length;
        const rest = how === 'insert' ? at : at + 1;
        return text.slice(0, at) + (how === 'delete' ? '' : character) + text.slice(rest);
      }, seed),
    );

  it('accepts a strict subset with the same reading, next request included', async () => {
    let acceptedCount = 0;
    for (const seed of seeds) expect(await compare(seed)).toBe('accepted');
    await fc.assert(
      fc.asyncProperty(fc.oneof(structured, mutated), async (text) => {
        if ((await compare(text)) === 'accepted') acceptedCount++;
      }),
      { numRuns: 1_500 },
    );
    expect(acceptedCount).toBeGreaterThan(100);
  });

  it('never throws and never reads beyond the end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
        const end = Math.min(cut, bytes.length);
        const result = parseRequestHead(bytes, 0, end);
        if (result.kind === 'head') expect(result.headBytes).toBeLessThanOrEqual(end);
      }),
      { numRuns: 2_000 },
    );
  });
});
