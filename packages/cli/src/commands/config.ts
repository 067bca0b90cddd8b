// `dockledger config`: the effective settings with the place that each came from. Secrets are not printed.
import type { EffectiveSettings } from '../settings/effective-settings.ts';

const secretNames = new Set(['adminPassword', 'enrolToken']);
const withoutPassword = (value: unknown) =>
  typeof value === 'string' ? value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/]*):[^@/]*@/i, '$1:***@') : value;

/** Prints the settings, one a line, or as one JSON object. */
export function configCommand(settings: EffectiveSettings, json: boolean): void {
  const shown = [...settings.values()].map((setting) => ({
    ...setting,
    value: secretNames.has(setting.name) ? '***' : withoutPassword(setting.value),
  }));
  if (json)
    console.log(JSON.stringify(Object.fromEntries(shown.map(({ name, value, origin }) => [name, { value, origin }]))));
  else for (const { name, value, origin } of shown) console.log(`${name}: ${JSON.stringify(value)}   # ${origin}`);
}
