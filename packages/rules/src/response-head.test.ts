import { describe, expect, it } from 'vitest';
import { parseResponseHead } from './response-head.ts';

const parse = (text: string, method = 'GET') => {
  const bytes = Buffer.from(text, 'latin1');
  return parseResponseHead(bytes, 0, bytes.length, method);
};

describe('parseResponseHead', () => {
  it("reads the engine's answer to a ping and where its body begins", () => {
    const text =
      'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nOK';
    const head = parse(text);
    expect(head).toMatchObject({ kind: 'head', status: 200, statusText: 'OK', framing: 'length', contentLength: 2 });
    expect(head.kind === 'head' && text.slice(head.headBytes)).toBe('OK');
  });

  it('reads a chunked answer', () => {
    expect(parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')).toMatchObject({ framing: 'chunked' });
  });

  it('knows that HEAD, 204, 304 and 1xx have no body whatever their fields say', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'HEAD')).toMatchObject({ framing: 'none' });
    for (const status of ['204 No Content', '304 Not Modified', '100 Continue', '101 UPGRADED']) {
      expect(parse(`HTTP/1.1 ${status}\r\n\r\n`)).toMatchObject({ framing: 'none', contentLength: 0 });
    }
  });

  it('tells an interim answer from a switch of protocols', () => {
    expect(parse('HTTP/1.1 100 Continue\r\n\r\n')).toMatchObject({ isInterim: true, isSwitch: false });
    expect(parse('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n', 'POST')).toMatchObject({
      isInterim: false,
      isSwitch: true,
    });
  });

  it("knows moby's hijacked 200 as a raw stream and an ordinary 200 until close as none", () => {
    const raw = parse('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n', 'POST');
    expect(raw).toMatchObject({ framing: 'until-close', isRawStream: true, connectionClose: true });
    expect(parse('HTTP/1.1 200 OK\r\n\r\n')).toMatchObject({ framing: 'until-close', isRawStream: false });
    expect(
      parse(
        'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      ),
    ).toMatchObject({ isRawStream: false });
  });

  it('knows when the engine closes', () => {
    expect(parse('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')).toMatchObject({
      connectionClose: true,
    });
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')).toMatchObject({ connectionClose: false });
  });

  it('accepts a status line without words', () => {
    expect(parse('HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n')).toMatchObject({ status: 404, statusText: '' });
    expect(parse('HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n')).toMatchObject({ status: 404, statusText: '' });
  });

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ])('calls %s malformed', (_what, text) => {
    expect(parse(text).kind).toBe('malformed');
  });

  it('asks for more until the head is whole', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Le')).toMatchObject({ kind: 'incomplete' });
  });
});
