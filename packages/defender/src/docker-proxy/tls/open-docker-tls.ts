// Remote access put together: listener, its certificate, who may connect, and what is put on record of those who may not.
// Invariant: without a certificate from the Console the port is bound but no handshake succeeds.
import { type Host, type Recorder, toInstant } from '@dockledger/contract';
import { parseTcpAddress } from '../../settings/defender-settings.ts';
import type { AppLog } from '../app-log.ts';
import type { DockerProxy } from '../docker-proxy.ts';
import { createBrowserGuard } from './browser-guard.ts';
import { keepListenerCertificate, type ListenerCertificateOptions } from './listener-certificate.ts';
import { listenerNames } from './listener-names.ts';
import { openTlsListener, type RefusedConnection } from './tls-listener.ts';

/** What {@link openDockerTls} needs. */
export interface DockerTlsOptions {
  /** host:port of the setting. */
  readonly listen: string;
  readonly moreNames: readonly string[];
  readonly host: Host;
  /** Where key and certificate are kept. */
  readonly file: string;
  readonly createKey: ListenerCertificateOptions['createKey'];
  /** Asks the Console over the Defender channel. */
  readonly ask: ListenerCertificateOptions['ask'];
  readonly isRevoked: (serialNumber: string) => boolean;
  readonly proxy: DockerProxy;
  readonly recorder: Recorder;
  readonly log: AppLog;
  readonly brand: string;
  readonly setCondition: (name: string, text: string | undefined, fix?: string) => void;
}

/** The running door. */
export interface DockerTls {
  /** `tcp://host:port`, as DOCKER_HOST takes it. */
  readonly endpoint: string;
  /** Cuts connections whose certificate no longer counts. Call after every change of rules. */
  recheck(): void;
  close(): Promise<void>;
}

/** Whoever reaches the port can be refused as often as it likes; the record must not grow with that. */
const refusals = { mostPerWindow: 20, windowMs: 60_000 };

/** Opens it. Throws `bad_setting` when the address cannot be used. */
export async function openDockerTls(options: DockerTlsOptions): Promise<DockerTls> {
  const { host, port } = parseTcpAddress('proxyTlsListen', options.listen);
  const { hostname, fqdn } = options.host;
  const names = listenerNames({ host, hostname, fqdn, more: options.moreNames });
  const guard = createBrowserGuard(() => names);
  const listener = await openTlsListener({
    host,
    port,
    isRevoked: options.isRevoked,
    onConnection: (socket, caller) => options.proxy.accept(socket, caller, guard),
    onRefused: recordRefusals(options),
    log: options.log,
    brand: options.brand,
  });
  const certificate = await keepListenerCertificate({
    file: options.file,
    names,
    createKey: options.createKey,
    ask: options.ask,
    onCredentials: (credentials) => listener.use(credentials),
    onProblem: (text) => options.setCondition('tls-certificate', text, 'systemctl status dockledger-console'),
  });
  return {
    endpoint: `tcp://${host.includes(':') ? `[${host}]` : host}:${listener.port}`,
    recheck: () => listener.recheck(),
    close: () => {
      certificate.close();
      return listener.close();
    },
  };
}

function recordRefusals({ recorder, brand, log }: DockerTlsOptions): (refused: RefusedConnection) => void {
  let windowStart = 0;
  let inWindow = 0;
  let unrecorded = 0;
  return ({ caller, reason }) => {
    const now = Date.now();
    if (now - windowStart > refusals.windowMs) {
      windowStart = now;
      inWindow = 0;
    }
    if (++inWindow > refusals.mostPerWindow) {
      unrecorded++;
      return;
    }
    const others = unrecorded === 0 ? '' : ` Before it, ${unrecorded} more were refused without a record of their own.`;
    unrecorded = 0;
    const text = `[${brand}] A connection was refused: ${reason}.${others}`;
    recorder
      .request({
        kind: 'request',
        rid: recorder.nextRid(),
        draft: {
          type: 'docker',
          api: 'unknown',
          time: toInstant(now),
          decision: { effect: 'deny', rule: '', reason: 'certificate', text, findings: [] },
          actor: caller.actor,
          target: {},
          provenance: 'proxy',
        },
        outcome: { state: 'refused', status: 403 },
      })
      .written.catch((error: unknown) => log.warn({ err: error }, 'a refused connection could not be recorded'));
  };
}
