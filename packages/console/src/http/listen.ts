// Opens a server at the address of a setting and says why when it cannot.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { parseListenAddress } from '../settings/console-settings.ts';

/** Listens at `host:port` and gives the URL to connect to. Throws `unavailable` that names the setting, its value and the way out. */
export async function listen(app: FastifyInstance, setting: string, value: string): Promise<string> {
  const { host, port } = parseListenAddress(setting, value);
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      code === 'EADDRINUSE'
        ? 'another program listens there. Stop it or choose another port'
        : code === 'EACCES'
          ? 'this user may not open that port'
          : `it cannot be opened (${code || 'unknown reason'})`;
    throw new AppError('unavailable', `Setting ${setting} is "${value}": ${why}.`, { cause: error });
  }
  const address = app.server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  // A wildcard is no address to connect to.
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `https://${shown}:${actual}`;
}
