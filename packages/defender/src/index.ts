// The public surface of the Defender: open one, with settings as one schema. Everything else is inside.
export { openDefender, type RunningDefender } from './agent.ts';
export { longestBypassMinutes } from './break-glass/bypass.ts';
export { controlSocketPath } from './break-glass/control-socket.ts';
export { type EnrolledHost, enrolHost } from './enrol-host.ts';
export { type Door, type DoorsOptions, findDoors } from './self-check/find-doors.ts';
export { DefenderSettings, type DefenderSettingsInput, parseUnixAddress } from './settings/defender-settings.ts';
