// Hands one checkpoint to one place. Resolves when that place has it; a failure is the caller's to repeat.
import { open } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { AppError } from '@dockledger/contract/error-code';

/** The answer of a webhook or a witness. */
export interface HeadAnswer {
  readonly status: number;
  readonly body: string;
}

const withinMs = 10_000;

/** Appends the note to a file, durably: each is followed by an empty line. */
export async function appendHead(path: string, note: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  try {
    await file.appendFile(`${note}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Sends the note as one RFC 5424 message over TCP, lines parted by `|`. Resolves when the peer has taken it in and closed. */
export function sendHeadToSyslog(host: string, port: number, note: string, at: Date): Promise<void> {
  const text = note.trimEnd().replaceAll('\n', '|');
  // Facility 13 (log audit), severity 5 (notice).
  const message = `<109>1 ${at.toISOString()} ${hostname()} dockledger - checkpoint - ${text}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.end(`${Buffer.byteLength(message)} ${message}`));
    socket.setTimeout(withinMs, () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.on('error', reject);
    socket.on('close', (hadError) => {
      if (!hadError) resolve();
    });
    socket.resume();
  });
}

/** Posts bytes. Resolves with any answer. `ca` is PEM to trust besides nothing else; the system's authorities when undefined. */
export function postHead(
  url: string,
  body: Uint8Array,
  options: { readonly type: string; readonly ca: string | undefined },
): Promise<HeadAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const outgoing = send(
      url,
      {
        method: 'POST',
        timeout: withinMs,
        headers: { 'content-type': options.type, 'content-length': body.length },
        ...(options.ca !== undefined && { ca: options.ca }),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new AppError('unavailable', `${url} does not answer.`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
