// The public surface of the Defender: open one, with settings as one schema. Everything else is inside.
export { openDefender, type RunningDefender } from './agent.ts';
export { DefenderSettings, type DefenderSettingsInput } from './settings/defender-settings.ts';
