// Asks an engine child whether its event loop lives.
import { request } from 'node:http';
import { type EngineChildSettings, engineUser } from './engine-protocol.ts';

/** True when the child answers within the time. Never rejects. */
export function pingEngine(settings: EngineChildSettings, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request(
      {
        socketPath: settings.socketPath,
        path: '/ping',
        auth: `${engineUser}:${settings.secret}`,
        agent: false,
        timeout: timeoutMs,
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.end();
  });
}
