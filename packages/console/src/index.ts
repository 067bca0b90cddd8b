// The public surface of the Console: open one, with settings as one schema. Everything else is inside.
export { type ConsoleParts, openConsole, type RunningConsole } from './app.ts';
export { type Envelope, parseEnvelope } from './ledger-routes/ledger-entry.ts';
export { ConsoleSettings, type ConsoleSettingsInput, parseConsoleSettings } from './settings/console-settings.ts';
export type { FirstAdmin } from './users/first-admin.ts';
