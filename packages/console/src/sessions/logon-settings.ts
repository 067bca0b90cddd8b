// How people sign in, as an administrator sets it: how long a sign-in lasts, whether Basic counts, how strong a password must be.
// In memory for every request, saved through the store.
import { AppError } from '@dockledger/contract/error-code';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { SettingStore } from '../settings/setting-store.ts';

/** The vendor's logon settings. The last two are kept and have no effect here. */
export const LogonSettings = Type.Object({
  /** Lifetime of a token in seconds, from one minute to 71,580 minutes. */
  sessionTimeoutSec: Type.Integer({ minimum: 60, maximum: 71_580 * 60 }),
  /** True: only tokens count, credentials on each request do not. */
  basicAuthDisabled: Type.Boolean(),
  /** True: new passwords need upper and lower case, a digit and another character besides 12 characters. */
  strongPassword: Type.Boolean(),
  includeTLS: Type.Boolean(),
  useSupportCredentials: Type.Boolean(),
});
export type LogonSettings = Static<typeof LogonSettings>;

/** The logon settings in force. */
export interface LogonSettingsService {
  current(): LogonSettings;
  /** Changes the given fields. Throws `bad_request`; what is not known is ignored. */
  save(change: unknown): Promise<LogonSettings>;
  /** Reads them again: somebody else may have changed them. */
  reload(): Promise<void>;
}

const storeName = 'logon';

/** Loads them. `sessionMinutes` counts as long as nobody has set another lifetime. */
export async function openLogonSettings(store: SettingStore, sessionMinutes: number): Promise<LogonSettingsService> {
  const initial: LogonSettings = {
    sessionTimeoutSec: sessionMinutes * 60,
    basicAuthDisabled: false,
    strongPassword: false,
    includeTLS: true,
    useSupportCredentials: false,
  };
  const load = async (): Promise<LogonSettings> => {
    const kept = await store.load(storeName);
    return Value.Check(LogonSettings, kept) ? kept : initial;
  };
  let current = await load();
  return {
    current: () => current,
    reload: async () => {
      current = await load();
    },
    save: async (change) => {
      const given = typeof change === 'object' && change !== null ? change : {};
      const wanted = Value.Clean(LogonSettings, { ...current, ...given });
      if (!Value.Check(LogonSettings, wanted)) {
        const [first] = Value.Errors(LogonSettings, wanted);
        throw new AppError(
          'bad_request',
          `The setting ${first?.instancePath.slice(1) ?? ''} is not as expected: ${first?.message ?? 'invalid'}.`,
        );
      }
      await store.save(storeName, wanted);
      current = wanted;
      return wanted;
    },
  };
}
