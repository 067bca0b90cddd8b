// Finds this Defender's identity at its start, and enrols it where there is none that can be used.
// A Defender beside its Console enrols by itself, with the token that only readers of the data directory can see.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type Host, isAppError, parseEnrolmentToken } from '@dockledger/contract';
import {
  type ChannelIdentity,
  certificatesOf,
  fingerprintOf,
  isExpired,
  loadChannelIdentity,
  saveChannelIdentity,
} from './channel-identity.ts';
import { enrolDefender } from './enrolment.ts';

/** What {@link openChannelIdentity} needs. */
export interface OpenIdentityOptions {
  /** The identity's file. */
  readonly path: string;
  /** The file with the token for a Defender on the Console's own machine; need not be there. */
  readonly localTokenPath: string;
  /** Setting enrolToken. */
  readonly token: string | undefined;
  /** Setting consoleUrl. */
  readonly consoleUrl: string | undefined;
  readonly defenderId: string;
  readonly host: Host;
  /** How long a Console that does not answer is waited for, milliseconds. Defaults to 30,000. */
  readonly patienceMs?: number;
}

/** Rejects with `bad_setting` that says how to enrol when there is no identity and no token that works. */
export async function openChannelIdentity(options: OpenIdentityOptions): Promise<ChannelIdentity> {
  const { path, localTokenPath, consoleUrl, defenderId, host } = options;
  const kept = await loadChannelIdentity(path);
  const local = (await readFile(localTokenPath, 'utf8').catch(() => '')).trim();
  if (kept !== undefined && !needsNew(kept, defenderId, local)) return kept;
  const token = options.token ?? (local === '' ? undefined : local);
  const url = consoleUrl?.split(',')[0]?.trim() ?? kept?.consoleUrl;
  if (token === undefined || url === undefined) {
    const why = kept === undefined ? 'is not enrolled' : 'has a certificate that has expired';
    const sentence = `This Defender ${why}. Make a token on the Console with \`dockledger defender token\`, and run \`dockledger defender enrol --console URL --token T\` here.`;
    throw new AppError('bad_setting', sentence);
  }
  const deadline = Date.now() + (options.patienceMs ?? 30_000);
  for (;;) {
    try {
      // The Console replaces the local token whenever it starts or one was used.
      const fresh = options.token ?? (await readFile(localTokenPath, 'utf8').catch(() => token));
      const identity = await enrolDefender({ consoleUrl: url, token: fresh, defenderId, host });
      await saveChannelIdentity(path, identity);
      return identity;
    } catch (error) {
      const mayPass = isAppError(error, 'unavailable') || options.token === undefined;
      if (!mayPass || Date.now() > deadline) throw error;
      await delay(250);
    }
  }
}

/** True when the identity cannot be used any more, or when the Console on this machine began anew with another authority. */
function needsNew(kept: ChannelIdentity, defenderId: string, localToken: string): boolean {
  if (kept.defenderId !== defenderId || isExpired(kept, Date.now())) return true;
  const fingerprint = parseEnrolmentToken(localToken)?.caFingerprint;
  if (fingerprint === undefined) return false;
  return !certificatesOf(kept.ca).some((pem) => fingerprintOf(new X509Certificate(pem)) === fingerprint);
}
