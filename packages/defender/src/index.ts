// The public surface of the Defender: open one, with settings as one schema. Everything else is inside.
export { openDefender, type RunningDefender } from './agent.ts';
export { type Door, type DoorsOptions, findDoors } from './self-check/find-doors.ts';
export { DefenderSettings, type DefenderSettingsInput, parseUnixAddress } from './settings/defender-settings.ts';
