// Keeps the Defender's certificate fresh and its trust in the Console's authorities up to date while the link runs.
// Invariant: what is used is on disk first, so that a restart goes on with it.
import { AppError, CertificateAnswer, channelRoutes, defenderHeader, type RenewRequest } from '@dockledger/contract';
import { Value } from 'typebox/value';
import { createKeyWithRequest } from './certificate-request.ts';
import type { ChannelClient } from './channel-client.ts';
import { type ChannelIdentity, certificatesOf, renewalDueAt, saveChannelIdentity } from './channel-identity.ts';

/** See the head of the file. */
export interface CertificateKeeper {
  /** Takes over the Console's authorities where they changed. An empty or broken bundle changes nothing. */
  trust(ca: string): Promise<void>;
  /** Asks for the next certificate when two thirds of the present one's life are over. True when there is a new one. Throws `unavailable`. */
  renewWhenDue(signal: AbortSignal): Promise<boolean>;
}

/** What {@link createCertificateKeeper} needs. */
export interface CertificateKeeperOptions {
  readonly path: string;
  readonly identity: ChannelIdentity;
  readonly client: ChannelClient;
  /** Milliseconds since 1970. Defaults to the machine's clock. */
  readonly now?: () => number;
}

/** Starts with the given identity, which `client` uses already. */
export function createCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  const { path, client, now = Date.now } = options;
  let current = options.identity;
  const replace = async (changes: Partial<ChannelIdentity>): Promise<void> => {
    const next = { ...current, ...changes };
    await saveChannelIdentity(path, next);
    current = next;
    client.use(next);
  };
  return {
    trust: async (ca) => {
      if (certificatesOf(ca).length === 0 || ca === current.ca) return;
      await replace({ ca });
    },
    renewWhenDue: async (signal) => {
      if (now() < renewalDueAt(current)) return false;
      const { key, certificateRequest } = createKeyWithRequest(current.defenderId);
      const body: RenewRequest = { certificateRequest };
      const answer = await client.send('POST', channelRoutes.renew, {
        body: Buffer.from(JSON.stringify(body)),
        headers: { [defenderHeader]: current.defenderId, 'content-type': 'application/json' },
        signal,
      });
      if (answer.status !== 200 || !Value.Check(CertificateAnswer, answer.body)) {
        throw new AppError('unavailable', `The Console answered ${answer.status} to the request for a certificate.`);
      }
      await replace({ key, certificate: answer.body.certificate, ca: answer.body.ca });
      return true;
    },
  };
}
