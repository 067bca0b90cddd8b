// Enrols the host that this runs on, for `dockledger defender enrol`: the identity is written where the Defender looks for it.
// Invariant: an identity is replaced only by one that the Console has given out.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { saveChannelIdentity } from './console-link/channel-identity.ts';
import { enrolDefender } from './console-link/enrolment.ts';
import { loadDefenderId } from './host-facts/defender-id.ts';
import { loadHostFacts } from './host-facts/host-facts.ts';
import { type DefenderSettingsInput, parseDefenderSettings } from './settings/defender-settings.ts';

/** What came of it. */
export interface EnrolledHost {
  readonly defenderId: string;
  /** The Defender channel it will use. */
  readonly consoleUrl: string;
}

/**
 * Enrols this host with a one-time token. Throws `bad_setting` for no token, `forbidden` when the Console is not the one that
 * the token names or refuses it, `unavailable` when it cannot be reached. A running Defender uses it after its next start.
 */
export async function enrolHost(
  input: DefenderSettingsInput,
  { consoleUrl, token }: { readonly consoleUrl: string; readonly token: string },
): Promise<EnrolledHost> {
  const settings = parseDefenderSettings(input);
  const directory = join(settings.dataDir, 'defender');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const defenderId = await loadDefenderId(join(directory, 'id'));
  const identity = await enrolDefender({ consoleUrl, token, defenderId, host: await loadHostFacts(settings) });
  await saveChannelIdentity(join(directory, 'identity.json'), identity);
  return { defenderId, consoleUrl: identity.consoleUrl };
}
