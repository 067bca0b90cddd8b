// Enrols this Defender: checks the Console against the fingerprint in the token before anything secret is sent, then trades
// the token and a certificate request for a certificate. Both happen over TLS; the second time with the pinned CA only.
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import {
  AppError,
  CertificateAnswer,
  channelRoutes,
  type EnrolRequest,
  type Host,
  parseEnrolmentToken,
  protocolHeader,
  protocolVersion,
} from '@dockledger/contract';
import { Value } from 'typebox/value';
import { createKeyWithRequest } from './certificate-request.ts';
import { type ChannelIdentity, fingerprintOf } from './channel-identity.ts';

/** What enrolling takes. `consoleUrl` is the Console's address, of its API or of its Defender channel. */
export interface EnrolmentOptions {
  readonly consoleUrl: string;
  readonly token: string;
  readonly defenderId: string;
  readonly host: Host;
}

const timeoutMs = 15_000;

/**
 * Enrols. Throws `bad_setting` when the token is none, `forbidden` when the Console is not the one that the token was made
 * by or does not take it, `unavailable` when it cannot be reached.
 */
export async function enrolDefender(options: EnrolmentOptions): Promise<ChannelIdentity> {
  const token = parseEnrolmentToken(options.token);
  if (token === undefined) {
    throw new AppError('bad_setting', 'This is no enrolment token. Make one with `dockledger defender token`.');
  }
  const url = new URL(options.consoleUrl);
  const ca = await fetchPinnedCa(url, token.caFingerprint);
  const { key, certificateRequest } = createKeyWithRequest(options.defenderId);
  const body: EnrolRequest = {
    token: options.token.trim(),
    defenderId: options.defenderId,
    certificateRequest,
    host: options.host,
  };
  const answer = await post(url, ca, JSON.stringify(body));
  url.port = String(answer.channelPort);
  return {
    defenderId: options.defenderId,
    key,
    certificate: answer.certificate,
    ca: answer.ca,
    consoleUrl: url.origin,
    ...(answer.cluster !== undefined && { cluster: answer.cluster }),
    ...(answer.labels !== undefined && { labels: answer.labels }),
  };
}

function unreachable(url: URL, cause: Error): AppError {
  return new AppError('unavailable', `The Console at ${url.origin} cannot be reached: ${cause.message}.`, { cause });
}

/** The authority's certificate with that fingerprint, out of the chain that the server shows. Nothing is sent before. */
function fetchPinnedCa(url: URL, fingerprint: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Nothing is believed of this connection but the chain itself, which is compared with the fingerprint.
  const socket = connect({ host, port: Number(url.port || 443), rejectUnauthorized: false, timeout: timeoutMs });
  socket.once('secureConnect', () => {
    const seen = new Set<string>();
    let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    while (next?.raw !== undefined && !seen.has(next.fingerprint256)) {
      seen.add(next.fingerprint256);
      const certificate = new X509Certificate(next.raw);
      if (fingerprintOf(certificate) === fingerprint) return resolve(certificate.toString());
      next = next.issuerCertificate;
    }
    const sentence = `The server at ${url.origin} does not show the CA that the token was made with. Check the address (the Defender channel, port 8084, always shows it), or make a new token.`;
    reject(new AppError('forbidden', sentence));
  });
  socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  socket.once('error', (error) => reject(unreachable(url, error)));
  return promise.finally(() => socket.destroy());
}

function post(url: URL, ca: string, body: string): Promise<CertificateAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<CertificateAnswer>();
  const outgoing = request(
    new URL(channelRoutes.enrol, url),
    {
      method: 'POST',
      ca,
      agent: false,
      timeout: timeoutMs,
      headers: {
        [protocolHeader]: String(protocolVersion),
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      },
    },
    (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > 1_000_000) answer.destroy(new Error('its answer is too large'));
      });
      answer.on('error', (error) => reject(unreachable(url, error)));
      answer.on('end', () => {
        try {
          const parsed: unknown = JSON.parse(text);
          if (answer.statusCode === 200 && Value.Check(CertificateAnswer, parsed)) return resolve(parsed);
          const said = (parsed as { message?: unknown }).message;
          const why = typeof said === 'string' ? said : 'its answer is not understood';
          const code = (answer.statusCode ?? 500) < 500 ? 'forbidden' : 'unavailable';
          reject(new AppError(code, `The Console did not enrol this Defender (${answer.statusCode}): ${why}`));
        } catch (error) {
          reject(unreachable(url, error as Error));
        }
      });
    },
  );
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  outgoing.once('error', (error) => reject(unreachable(url, error)));
  outgoing.end(body);
  return promise;
}
