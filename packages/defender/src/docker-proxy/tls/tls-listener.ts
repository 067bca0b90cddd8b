// The TCP door of the Docker proxy: TLS with a client certificate of our people's authority, or nothing.
// Invariant: a connection is handed on only with a certificate that is verified, for clients, in date and not revoked, and it
// is cut as soon as one of these ends.
import { constants, type X509Certificate } from 'node:crypto';
import { createServer, type TLSSocket } from 'node:tls';
import { AppError } from '@dockledger/contract/error-code';
import type { Caller } from '../../ports.ts';
import type { AppLog } from '../app-log.ts';
import { formatOwnAnswer } from '../own-answer.ts';
import { callerOf, refusalOf, serialOf } from './certificate-caller.ts';

/** What a listener shows and whom it trusts, PEM. */
export interface ListenerCredentials {
  readonly key: string;
  readonly certificate: string;
  /** The only authority of client certificates. */
  readonly ca: string;
}

/** A connection that was not handed on. */
export interface RefusedConnection {
  /** Names nobody unless the certificate is of our authority. */
  readonly caller: Caller;
  /** A sentence without its full stop. */
  readonly reason: string;
}

/** What {@link openTlsListener} needs. */
export interface TlsListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Lower-case hexadecimal serial number. Asked at every connection and every {@link TlsListener.recheck}. */
  readonly isRevoked: (serialNumber: string) => boolean;
  readonly onConnection: (socket: TLSSocket, caller: Caller) => void;
  readonly onRefused: (refused: RefusedConnection) => void;
  readonly log: AppLog;
  /** Stands in brackets before every sentence of ours. */
  readonly brand: string;
  /** Clients at the same time. Defaults to 5,000. */
  readonly maxConnections?: number;
  /** How often open connections are looked at for expiry, milliseconds. Defaults to 30,000. */
  readonly recheckEveryMs?: number;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
}

/** A listening door. No handshake succeeds before `use`. */
export interface TlsListener {
  readonly port: number;
  use(credentials: ListenerCredentials): void;
  /** Cuts connections whose certificate has been revoked or has expired since. */
  recheck(): void;
  /** Stops accepting. Connections that were handed on are the proxy's to end. */
  close(): Promise<void>;
}

const handshakeTimeoutMs = 10_000;
/** How long a refused client may take to send the request that is answered with the reason. */
const refusedForMs = 5_000;

/** Binds. Throws `bad_setting` when the address cannot be used. */
export async function openTlsListener(options: TlsListenerOptions): Promise<TlsListener> {
  const now = options.now ?? Date.now;
  const open = new Map<TLSSocket, X509Certificate>();
  const common = {
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // A ticket would let a client come back without showing its certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  } as const;
  const server = createServer({
    ...common,
    requestCert: true,
    // Deliberately verified by ourselves, right below: a refused client then gets a sentence and an event, not a reset.
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    allowHalfOpen: true,
    noDelay: true,
  });
  server.maxConnections = options.maxConnections ?? 5_000;

  const refuse = (socket: TLSSocket, certificate: X509Certificate | undefined, reason: string) => {
    options.onRefused({ caller: refusedCaller(socket, certificate), reason });
    const message = `[${options.brand}] This connection was refused: ${reason}.`;
    const timer = setTimeout(() => socket.destroy(), refusedForMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    // Not before the request: an answer to no question confuses clients.
    socket.once('data', () => {
      socket.end(formatOwnAnswer({ status: 403, message, closes: true, isHead: false }));
      socket.resume();
    });
    socket.once('end', () => socket.end());
  };

  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    const certificate = socket.getPeerX509Certificate();
    if (!socket.authorized || certificate === undefined) {
      refuse(socket, certificate, unverifiedReason(socket, certificate, now()));
      return;
    }
    const reason = refusalOf(certificate, options.isRevoked, now());
    if (reason !== undefined) {
      refuse(socket, certificate, reason);
      return;
    }
    open.set(socket, certificate);
    socket.once('close', () => open.delete(socket));
    options.onConnection(socket, callerOf(certificate, socket));
  });
  server.on('tlsClientError', (error, socket) => {
    options.log.warn({ err: error.message }, 'a TLS handshake failed');
    socket.destroy();
  });

  const recheck = () => {
    for (const [socket, certificate] of open) {
      if (refusalOf(certificate, options.isRevoked, now()) === undefined) continue;
      options.log.warn({ serial: serialOf(certificate) }, 'a connection was cut: its certificate no longer counts');
      socket.destroy();
    }
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const sentence = `Setting proxyTlsListen: nothing can listen on ${options.host} port ${options.port} (${error.code ?? error.message}). Choose another address.`;
      reject(new AppError('bad_setting', sentence, { cause: error }));
    });
    server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve);
  });
  const timer = setInterval(recheck, options.recheckEveryMs ?? 30_000);
  timer.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    use: ({ key, certificate, ca }) => server.setSecureContext({ ...common, key, cert: certificate, ca }),
    recheck,
    close: () => {
      clearInterval(timer);
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open.keys()) socket.destroySoon();
      });
    },
  };
}

/** Why a certificate did not verify, as far as it can be told without believing it. */
function unverifiedReason(socket: TLSSocket, certificate: X509Certificate | undefined, now: number): string {
  if (certificate === undefined) return 'no client certificate was shown';
  const code = String((socket.authorizationError as { code?: string } | undefined)?.code ?? socket.authorizationError);
  if (code === 'CERT_HAS_EXPIRED' || now >= certificate.validToDate.getTime()) return 'the certificate has expired';
  if (code === 'INVALID_PURPOSE') return 'the certificate is not for clients';
  return 'the certificate is not of this authority';
}

/** An unverified certificate names nobody; what it claims is kept beside. */
function refusedCaller(socket: TLSSocket, certificate: X509Certificate | undefined): Caller {
  const { remoteAddress = '', remotePort } = socket;
  if (certificate !== undefined) {
    const claimed = callerOf(certificate, socket);
    if (socket.authorized) return claimed;
    const { groups: _groups, ...actor } = claimed.actor;
    return {
      actor: { ...actor, user: '', certificate: `${actor.certificate ?? ''} (not verified)` },
      principals: [],
      groups: [],
    };
  }
  return {
    actor: {
      user: '',
      userSource: 'certificate',
      sourceIP: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''),
      ...(remotePort !== undefined && { sourcePort: remotePort }),
    },
    principals: [],
    groups: [],
  };
}
