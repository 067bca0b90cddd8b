// A Console as a process of its own, for tests that kill it. Takes its settings as JSON in the first argument, prints its
// endpoints as one line, and ends when its stdin closes, so that it never outlives the test.
import { type ConsoleSettingsInput, openConsole } from '../index.ts';

const running = await openConsole(JSON.parse(process.argv[2] ?? '{}') as ConsoleSettingsInput);
process.stdout.write(`${JSON.stringify(running.endpoints)}\n`);
process.stdin.resume();
process.stdin.once('close', () => {
  void running.close().then(() => process.exit(0));
});
